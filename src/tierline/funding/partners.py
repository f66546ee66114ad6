"""What each partner bank can still fund, and whom.

Belongs here: capacity and eligibility of one partner. Does not belong here: choosing among partners.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

from tierline.money import to_cents
from tierline.policy import FundingPolicy

EVERYTHING = "*"
REGIONAL = "regional"
_MONEY = ("net_tier1_capital", "total_loans", "joint_loan_balance", "commitment", "drawn")


@dataclass(frozen=True)
class Partner:
    """One partner on one night. ``capacity`` is in cents: the least of what its rules leave."""

    partner_id: str
    cost_of_funds: float
    capacity: int
    binding: str
    tiers: frozenset[str]
    regions: frozenset[str]

    def may_fund(self, tier: str, region: str) -> bool:
        """True if it accepts the tier and its licence reaches the region."""
        return _within(tier, self.tiers) and _within(region, self.regions)


def _within(value: str, allowed: frozenset[str]) -> bool:
    return EVERYTHING in allowed or value in allowed


def open_partners(partners: pa.Table, policy: FundingPolicy, as_of: date) -> list[Partner]:
    """Partners that can fund new limits tonight, cheapest first (then by id).

    Capacity is the smallest of commitment − drawn, 25 % of tier-1 − drawn, and 50 % of all loans − joint loans (shares
    from the policy). ``drawn`` already holds what the partner funds of loans that stand inside tonight's limits; the
    whole limit is counted again, so a partner's rules hold even if every limit is drawn in full on top. An agreement
    that ends within ``min_days_to_expiry`` funds nothing new. A regional licence reaches its home region and no
    further, whatever the agreement lists (银保监办发〔2021〕24号).
    """
    money = {name: to_cents(partners.column(name)) for name in _MONEY}
    opened = []
    for index, row in enumerate(partners.to_pylist()):
        if row["expires_on"] is not None and row["expires_on"] < as_of + timedelta(days=policy.min_days_to_expiry):
            continue
        cents = {name: int(values[index]) for name, values in money.items()}
        room = {
            "commitment": cents["commitment"] - cents["drawn"],
            "tier1_share": int(policy.partner_tier1_cap * cents["net_tier1_capital"]) - cents["drawn"],
            "joint_loan_share": int(policy.partner_joint_cap * cents["total_loans"]) - cents["joint_loan_balance"],
        }
        binding = min(room, key=lambda name: room[name])
        if room[binding] > 0:
            opened.append(
                Partner(
                    partner_id=row["partner_id"],
                    cost_of_funds=row["cost_of_funds"],
                    capacity=room[binding],
                    binding=binding,
                    tiers=_listed(row["accepted_tiers"]),
                    regions=_reach(row["licence"], row["home_region"], row["regions"]),
                )
            )
    return sorted(opened, key=lambda partner: (partner.cost_of_funds, partner.partner_id))


def _reach(licence: str, home_region: str, regions: str) -> frozenset[str]:
    listed = _listed(regions)
    if licence != REGIONAL:
        return listed
    return frozenset({home_region}) if _within(home_region, listed) else frozenset()


def _listed(joined: str) -> frozenset[str]:
    return frozenset(part.strip() for part in joined.split(",") if part.strip())
