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
    """One partner on one night.

    ``bounds`` by constraint name, in cents; ``closed``: why its agreement allows no new use, empty where it does;
    ``guarantee``: part of its share whose first losses the lender bears by the agreement.
    """

    partner_id: str
    cost_of_funds: float
    bounds: dict[str, Bound]
    closed: str
    tiers: frozenset[str]
    regions: frozenset[str]
    guarantee: float = 0.0

    @property
    def open(self) -> bool:
        """True if its agreement allows new use."""
        return not self.closed

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
    than ``min_notice_days``, or by which the lender guarantees more of the partner's part than ``first_loss_cap``,
    funds nothing new. A regional licence reaches its home region and no further, whatever the agreement lists
    (银保监办发〔2021〕24号).
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


def partner_notes(partners: list[Partner], regions: list[str]) -> list[str]:
    """Which partners fund nothing new tonight and why, and which of ``regions`` none of the others may lend in."""
    notes = [
        f"partner {one.partner_id} funds nothing new: {one.closed or f'no room is left by {one.binding}'}"
        for one in partners
        if not one.capacity
    ]
    able = [partner for partner in partners if partner.capacity]
    bare = [region for region in regions if not any(_within(region, partner.regions) for partner in able)]
    if not able:
        notes.append("no partner may fund anything new: all new use is the lender's own money")
    elif bare:
        notes.append(f"no partner may fund anything new in {', '.join(bare)}: new use there is the lender's own money")
    return notes


def _partner(row: dict[str, object], cents: dict[str, int], policy: FundingPolicy, as_of: date) -> Partner:
    guarantee = row.get("first_loss_share")
    tier1, joint = Fraction(str(policy.partner_tier1_cap)), Fraction(str(policy.partner_joint_cap))
    return Partner(
        partner_id=str(row["partner_id"]),
        cost_of_funds=float(str(row["cost_of_funds"])),
        bounds={
            "partner_commitment": Bound(cents["commitment"], cents["drawn"]),
            "partner_tier1": Bound(floor(tier1 * cents["net_tier1_capital"]), cents["drawn"]),
            "partner_joint": Bound(floor(joint * cents["total_loans"]), cents["joint_loan_balance"]),
        },
        closed=_why_closed(row, policy, as_of),
        tiers=_listed(str(row["accepted_tiers"])),
        regions=_reach(str(row["licence"]), str(row["home_region"]), str(row["regions"])),
        guarantee=0.0 if guarantee is None else float(str(guarantee)),
    )


def _why_closed(row: dict[str, object], policy: FundingPolicy, as_of: date) -> str:
    """What of the agreement stands against new use, in words; empty for nothing."""
    ends, notice, guarantee = row["expires_on"], int(str(row["notice_days"])), row.get("first_loss_share")
    reasons = []
    if isinstance(ends, date) and ends < as_of:
        reasons.append(f"its agreement expired on {ends}")
    elif isinstance(ends, date) and ends < as_of + timedelta(days=policy.min_days_to_expiry):
        reasons.append(f"its agreement ends on {ends}, within {policy.min_days_to_expiry} days")
    if notice < policy.min_notice_days:
        reasons.append(f"it may leave at {notice} days' notice, less than {policy.min_notice_days}")
    if guarantee is not None and Fraction(str(guarantee)) > Fraction(str(policy.first_loss_cap)):
        reasons.append(
            f"its agreement guarantees it {float(str(guarantee)):.2%} of its losses, more than the"
            f" {policy.first_loss_cap:.2%} of first_loss_cap"
        )
    return "; ".join(reasons)


def _reach(licence: str, home_region: str, regions: str) -> frozenset[str]:
    listed = _listed(regions)
    if licence != REGIONAL:
        return listed
    return frozenset({home_region}) if _within(home_region, listed) else frozenset()


def _listed(joined: str) -> frozenset[str]:
    return frozenset(part.strip() for part in joined.split(",") if part.strip())
