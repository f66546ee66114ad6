"""What each partner bank can still fund, and whom.

Belongs here: rooms and eligibility of one partner. Does not belong here: choosing among partners.
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
    """One bound on what a partner carries, in cents: ``limit`` in all, of which ``stands`` is used already."""

    limit: int
    stands: int

    @property
    def room(self) -> int:
        """What is left for new use; 0 where what stands exceeds the bound by itself."""
        return max(0, self.limit - self.stands)


@dataclass(frozen=True)
class Partner:
    """One partner on one night. ``bounds`` by constraint name, in cents; ``open`` if its agreement allows new use."""

    partner_id: str
    cost_of_funds: float
    bounds: dict[str, Bound]
    open: bool
    tiers: frozenset[str]
    regions: frozenset[str]

    @property
    def binding(self) -> str:
        """The constraint that leaves the least room; the first of commitment, tier-1, joint loans if several do."""
        return min(self.bounds, key=lambda name: self.bounds[name].room)

    @property
    def capacity(self) -> int:
        """Cents it can still fund; 0 where its agreement is over."""
        return self.bounds[self.binding].room if self.open else 0

    def may_fund(self, tier: str, region: str) -> bool:
        """True if it accepts the tier and its licence reaches the region."""
        return _within(tier, self.tiers) and _within(region, self.regions)


def _within(value: str, allowed: frozenset[str]) -> bool:
    return EVERYTHING in allowed or value in allowed


def all_partners(partners: pa.Table | None, policy: FundingPolicy, as_of: date) -> list[Partner]:
    """Every partner of the table, by id; none where no table was delivered.

    Bounds: commitment, 25 % of tier-1 and 50 % of all loans (shares from the policy), with what is drawn or lent
    jointly already. An agreement that ends within ``min_days_to_expiry``, or that the partner may leave within less
    than ``min_notice_days``, funds nothing new. A regional licence reaches its home region and no further, whatever the
    agreement lists (银保监办发〔2021〕24号).
    """
    if partners is None:
        return []
    money = {name: to_cents(partners.column(name)) for name in _MONEY}
    rows = partners.to_pylist()
    found = [
        _partner(row, {name: int(values[index]) for name, values in money.items()}, policy, as_of)
        for index, row in enumerate(rows)
    ]
    return sorted(found, key=lambda partner: partner.partner_id)


def open_partners(partners: pa.Table, policy: FundingPolicy, as_of: date) -> list[Partner]:
    """Partners that can fund new limits tonight, cheapest first (then by id)."""
    opened = [partner for partner in all_partners(partners, policy, as_of) if partner.capacity > 0]
    return sorted(opened, key=lambda partner: (partner.cost_of_funds, partner.partner_id))


def _partner(row: dict[str, object], cents: dict[str, int], policy: FundingPolicy, as_of: date) -> Partner:
    ends = row["expires_on"]
    runs = not isinstance(ends, date) or ends >= as_of + timedelta(days=policy.min_days_to_expiry)
    tier1, joint = Fraction(str(policy.partner_tier1_cap)), Fraction(str(policy.partner_joint_cap))
    return Partner(
        partner_id=str(row["partner_id"]),
        cost_of_funds=float(str(row["cost_of_funds"])),
        bounds={
            "partner_commitment": Bound(cents["commitment"], cents["drawn"]),
            "partner_tier1": Bound(floor(tier1 * cents["net_tier1_capital"]), cents["drawn"]),
            "partner_joint": Bound(floor(joint * cents["total_loans"]), cents["joint_loan_balance"]),
        },
        open=runs and int(str(row["notice_days"])) >= policy.min_notice_days,
        tiers=_listed(str(row["accepted_tiers"])),
        regions=_reach(str(row["licence"]), str(row["home_region"]), str(row["regions"])),
    )


def _reach(licence: str, home_region: str, regions: str) -> frozenset[str]:
    listed = _listed(regions)
    if licence != REGIONAL:
        return listed
    return frozenset({home_region}) if _within(home_region, listed) else frozenset()


def _listed(joined: str) -> frozenset[str]:
    return frozenset(part.strip() for part in joined.split(",") if part.strip())
