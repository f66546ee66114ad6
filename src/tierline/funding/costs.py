"""What money costs tonight, for the price.

Belongs here: own and partner cost of funds. Does not belong here: the price.
"""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from tierline.funding.partners import open_partners
from tierline.policy import Policy
from tierline.pricing import FundingCosts


def newest_position(position: pa.Table | None, as_of: date) -> dict[str, object] | None:
    """The lender's newest position that is not later than ``as_of``; None where there is none."""
    rows = [] if position is None else [row for row in position.to_pylist() if row["as_of"] <= as_of]
    return max(rows, key=lambda row: row["as_of"]) if rows else None


def funding_costs(policy: Policy, partners: pa.Table | None, position: pa.Table | None, as_of: date) -> FundingCosts:
    """Own cost from the newest position (else the policy's), partners' cost weighted by what they can still fund."""
    newest = newest_position(position, as_of)
    own = policy.pricing.own_cost_of_funds if newest is None else float(str(newest["cost_of_funds"]))
    opened = [] if partners is None else open_partners(partners, policy.funding, as_of)
    room = sum(partner.capacity for partner in opened)
    partner = sum(p.cost_of_funds * p.capacity for p in opened) / room if room else None
    return FundingCosts(own=own, partner=partner)
