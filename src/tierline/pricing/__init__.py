"""The price of each tier and term, and how it is disclosed.

Belongs here: rates and their components. Does not belong here: who may have which price (``limits``).
"""

from tierline.pricing.disclosure import disclosure_table
from tierline.pricing.grid import FundingCosts, offer_note, price_grid
from tierline.pricing.schedule import affordable_principal, annuity, cents_schedule

__all__ = [
    "FundingCosts",
    "affordable_principal",
    "annuity",
    "cents_schedule",
    "disclosure_table",
    "offer_note",
    "price_grid",
]
