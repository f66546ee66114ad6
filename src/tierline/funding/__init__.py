"""Limits and funders of the whole book: the lender's own share and at most one partner behind every limit.

Belongs here: the portfolio under the rules of joint lending, leverage and concentration. Does not belong here: what one
customer may have (``limits``).
"""

from tierline.funding.costs import funding_costs, newest_position
from tierline.funding.split import FundingInputs, FundingResult, fund_portfolio

__all__ = ["FundingInputs", "FundingResult", "fund_portfolio", "funding_costs", "newest_position"]
