"""The price of each tier and term, and how it is disclosed.

Belongs here: rates and their components. Does not belong here: who may have which price (``limits``).
"""

from tierline.pricing.capital import capital_requirements
from tierline.pricing.disclosure import disclosure_table
from tierline.pricing.grid import FundingCosts, price_grid
from tierline.pricing.schedule import affordable_principal, annuity

__all__ = ["FundingCosts", "affordable_principal", "annuity", "capital_requirements", "disclosure_table", "price_grid"]
