"""Whose money stands behind each limit: the lender's own share and at most one partner.

Belongs here: the portfolio under the rules of joint lending, leverage and concentration. Does not belong here: the
wanted limit (``limits``).
"""

from tierline.funding.book import FundingInputs
from tierline.funding.conflicts import InfeasibleError
from tierline.funding.costs import funding_costs, newest_position
from tierline.funding.portfolio import FundingResult, fund_portfolio
from tierline.funding.report import report_lines

__all__ = [
    "FundingInputs",
    "FundingResult",
    "InfeasibleError",
    "fund_portfolio",
    "funding_costs",
    "newest_position",
    "report_lines",
]
