"""What each partner bank can still fund, and whom.

Belongs here: bounds and eligibility of one partner. Does not belong here: choosing among partners.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import floor

import pyarrow as pa

from tierline.money import to_cents
from tierline.policy import FundingPolicy

EVERYTHING = "*"
REGIONAL = "regional"
_MONEY = ("net_tier1_capital", "total_loans", "joint_loan_balance", "commitment", "drawn")


@dataclass(frozen=True)
class Bound:
    """The most a partner may carry under one rule, and what stands already; cents."""

    constraint: str
    most: int
    standing: int

    @property
    def room(self) -> int:
        """What may be added. What stands above the bound is not tonight's doing: nothing new, and no breach."""
        return max(0, self.most - self.standing)


@dataclass(frozen=True)
class Partner:
    """One partner on one night; ``closed`` says why it funds nothing new, empty if it does."""

    partner_id: str
    cost_of_funds: float
    bounds: tuple[Bound, ...]
    closed: str
    tiers: frozenset[str]
    regions: frozenset[str]

    @property
    def capacity(self) -> int:
        """What it may add tonight, cents."""
        return 0 if self.closed else min(bound.room for bound in self.bounds)

    def may_fund(self, tier: str, region: str) -> bool:
        """True if it accepts the tier and its licence reaches the region."""
        return not self.closed and _within(tier, self.tiers) and _within(region, self.regions)


def _within(value: str, allowed: frozenset[str]) -> bool:
    return EVERYTHING in allowed or value in allowed


def known_partners(partners: pa.Table | None, policy: FundingPolicy, as_of: date) -> tuple[Partner, ...]:
    """Every partner of ``funding_partners``, by id; none without the table.

    Bounds: the commitment and 25 % of tier-1, both less ``drawn``; 50 % of all loans less joint loans (shares from the
    policy). ``drawn`` and ``joint_loan_balance`` hold what is lent; tonight's plan adds what is not. An agreement that
    ends within ``min_days_to_expiry``, or can be ended within less than ``min_notice_days``, funds nothing new. A
    regional licence reaches its home region and no further, whatever the agreement lists (银保监办发〔2021〕24号).
    """
    if partners is None:
        return ()
    money = {name: to_cents(partners.column(name)) for name in _MONEY}
    rows = partners.to_pylist()
    made = [
        Partner(
            partner_id=row["partner_id"],
            cost_of_funds=row["cost_of_funds"],
            bounds=_bounds({name: int(values[index]) for name, values in money.items()}, policy),
            closed=_closed(row, policy, as_of),
            tiers=_listed(row["accepted_tiers"]),
            regions=_reach(row["licence"], row["home_region"], row["regions"]),
        )
        for index, row in enumerate(rows)
    ]
    return tuple(sorted(made, key=lambda partner: partner.partner_id))


def gone(partner_id: str) -> Partner:
    """A partner that is not listed any more: its loans run off."""
    nothing = tuple(Bound(name, 0, 0) for name in ("partner_commitment", "partner_tier1", "partner_joint"))
    return Partner(partner_id, 0.0, nothing, "not listed any more", frozenset(), frozenset())


def _bounds(cents: dict[str, int], policy: FundingPolicy) -> tuple[Bound, ...]:
    tier1 = floor(_exact(policy.partner_tier1_cap) * cents["net_tier1_capital"])
    joint = floor(_exact(policy.partner_joint_cap) * cents["total_loans"])
    return (
        Bound("partner_commitment", cents["commitment"], cents["drawn"]),
        Bound("partner_tier1", tier1, cents["drawn"]),
        Bound("partner_joint", joint, cents["joint_loan_balance"]),
    )


def _exact(share: float) -> Fraction:
    return Fraction(str(share))  # 0.3 as written


def _closed(row: dict[str, object], policy: FundingPolicy, as_of: date) -> str:
    expires = row["expires_on"]
    if isinstance(expires, date) and expires < as_of + timedelta(days=policy.min_days_to_expiry):
        return f"the agreement ends on {expires}"
    if int(str(row["notice_days"])) < policy.min_notice_days:
        return f"it may leave within {row['notice_days']} days"
    return ""


def _reach(licence: str, home_region: str, regions: str) -> frozenset[str]:
    listed = _listed(regions)
    if licence != REGIONAL:
        return listed
    return frozenset({home_region}) if _within(home_region, listed) else frozenset()


def _listed(joined: str) -> frozenset[str]:
    return frozenset(part.strip() for part in joined.split(",") if part.strip())
