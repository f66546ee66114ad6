"""Whose money stands behind each limit: the lender's own share and at most one partner.

Belongs here: the split under the rules of joint lending and leverage. Does not belong here: the limit itself.
"""

from tierline.funding.costs import funding_costs
from tierline.funding.split import FundingInputs, FundingResult, split_funding

__all__ = ["FundingInputs", "FundingResult", "funding_costs", "split_funding"]
