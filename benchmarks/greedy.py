"""The greedy split: best tiers first, cheapest eligible partner first, every rule kept to the cent.

Belongs here: allocating tonight's limits to funders. Does not belong here: what a partner may fund
(``funding.partners``).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tierline.funding.costs import newest_position
from tierline.funding.partners import Partner, open_partners
from tierline.money import MONEY, Cents, to_cents, to_money
from tierline.parquet import conform
from tierline.policy import Policy
from tierline.schemas import PUBLISHED

LOGGER = logging.getLogger("tierline.funding")
OWN = "OWN"


@dataclass(frozen=True)
class FundingInputs:
    """What the split looks at: ``inputs`` is ``DECISION_INPUTS``; partners, position: None where not delivered."""

    as_of: date
    limits: pa.Table
    inputs: pa.Table
    partners: pa.Table | None
    position: pa.Table | None


@dataclass(frozen=True)
class FundingResult:
    """``limits``: ``credit_limits`` after cuts for want of funding; ``allocation``: ``funding_allocation``.

    ``used`` is cents per funder; ``cut`` counts customers whose limit could not be funded; ``notes`` say what could not
    be assessed.
    """

    limits: pa.Table
    allocation: pa.Table
    used: dict[str, int]
    cut: int
    notes: list[str]


@dataclass(frozen=True)
class _Customer:
    key: str
    tier: str
    region: str
    shares: bool
    cents: int


@dataclass(frozen=True)
class _Placed:
    key: str
    partner_id: str | None
    own: int
    partner: int


def split_funding(given: FundingInputs, policy: Policy) -> FundingResult:
    """Split every limit between the lender and at most one partner.

    Own share ≥ 30 % of each loan (own money takes the odd cent); partner capacity, tiers, regions and the customer's
    consent hold; own money in all ≤ net assets · (1 + 1 + 4) where the position is known. Customers are served by tier
    and key. A customer no partner can take is funded by the lender alone; one whose own part does not fit either loses
    the limit (binding constraint ``funding_capacity``).
    """
    own_room = _own_room(given.position, given.as_of, policy)
    partners = [] if given.partners is None else open_partners(given.partners, policy.funding, given.as_of)
    customers = _customers(given, policy.scale.tiers)
    placed, used = _place(customers, partners, own_room, policy.funding.own_share_min)
    unplaced = sorted({c.key for c in customers} - {p.key for p in placed})
    if unplaced:
        LOGGER.warning("fund: %d limits could not be funded and are withdrawn", len(unplaced))
    notes = [] if given.partners is not None else ["no funding partners delivered: all limits are the lender's own"]
    if own_room is None:
        notes.append("no lender position delivered: leverage was not assessed")
    return FundingResult(
        limits=_withdraw(given.limits, unplaced),
        allocation=_allocation(placed, given.as_of, policy.policy_id),
        used=dict(sorted(used.items())),
        cut=len(unplaced),
        notes=notes,
    )


def _own_room(position: pa.Table | None, as_of: date, policy: Policy) -> int | None:
    """Most the lender may carry itself, in cents: net assets plus the funding its leverage rules allow."""
    newest = newest_position(position, as_of)
    if newest is None:
        return None
    multiple = 1 + policy.funding.non_standard_leverage + policy.funding.standard_leverage
    return floor(float(str(newest["net_assets"])) * 100 * multiple)


def _customers(given: FundingInputs, tiers: list[str]) -> list[_Customer]:
    """Customers with a limit, best tier first (in the order of the scale, not of the names), then by key."""
    facts = given.inputs.select(["customer_key", "region_code", "consent_partner_sharing"])
    limits = given.limits.select(["customer_key", "tier", "credit_limit"]).join(facts, "customer_key")
    columns = (limits.column(n).to_pylist() for n in ("customer_key", "tier", "region_code", "consent_partner_sharing"))
    rows = zip(*columns, to_cents(limits.column("credit_limit")).tolist(), strict=True)
    customers = [_Customer(*row) for row in rows if row[4] > 0]
    return sorted(customers, key=lambda customer: (tiers.index(customer.tier), customer.key))


def _place(
    customers: list[_Customer], partners: list[Partner], own_room: int | None, own_share: float
) -> tuple[list[_Placed], dict[str, int]]:
    left = {partner.partner_id: partner.capacity for partner in partners}
    least = Fraction(str(own_share))  # 0.3 as written: as a float it costs partners a cent on every fifth limit
    used = dict.fromkeys([OWN, *left], 0)
    placed = []
    for customer in customers:
        theirs = customer.cents - ceil(customer.cents * least)
        chosen = _cheapest(customer, theirs, partners, left)
        own = customer.cents - (theirs if chosen else 0)
        if own_room is not None and used[OWN] + own > own_room:
            continue
        used[OWN] += own
        if chosen:
            left[chosen] -= theirs
            used[chosen] += theirs
        placed.append(_Placed(customer.key, chosen, own, customer.cents - own))
    return placed, used


def _cheapest(customer: _Customer, cents: int, partners: list[Partner], left: dict[str, int]) -> str | None:
    if not customer.shares or cents <= 0:
        return None
    for partner in partners:
        if left[partner.partner_id] >= cents and partner.may_fund(customer.tier, customer.region):
            return partner.partner_id
    return None


def _withdraw(limits: pa.Table, unplaced: list[str]) -> pa.Table:
    """Set the limits that nobody can fund to 0, with action and reason."""
    if not unplaced:
        return limits
    gone = pc.is_in(limits.column("customer_key"), pa.array(unplaced))
    replaced = {
        "credit_limit": pa.scalar(Decimal(0), MONEY),
        "action": "decline",
        "action_reason": "FUNDING_CAPACITY",
        "binding_constraint": "funding_capacity",
    }
    for name, value in replaced.items():
        index = limits.column_names.index(name)
        limits = limits.set_column(index, limits.schema.field(name), pc.if_else(gone, value, limits.column(name)))
    return conform(limits, PUBLISHED["credit_limits"])


def _allocation(placed: list[_Placed], as_of: date, policy_id: str) -> pa.Table:
    rows = [(p.key, OWN, p.own, p.own + p.partner) for p in placed if p.own]
    rows += [(p.key, p.partner_id, p.partner, p.own + p.partner) for p in placed if p.partner_id]
    amount: Cents = np.array([row[2] for row in rows], dtype=np.int64)
    total = np.array([row[3] for row in rows], dtype=np.int64)
    table = pa.table(
        {
            "customer_key": pa.array([row[0] for row in rows], pa.string()),
            "as_of": pa.array([as_of] * len(rows), pa.date32()),
            "funder_id": pa.array([row[1] for row in rows], pa.string()),
            "share": pa.array(amount / np.maximum(total, 1)),
            "amount": to_money(amount),
            "policy_id": pa.array([policy_id] * len(rows), pa.string()),
        }
    )
    return conform(table, PUBLISHED["funding_allocation"])
