"""The money side: partner banks with their capacity, and the lender's own balance sheet, month by month.

Belongs here: invented partners and positions, scaled to the book. Does not belong here: how funding is split.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tierline.schemas import LANDING
from tierline.sources.simulated.columns import counts, dates, instants, money, table_of
from tierline.sources.simulated.macro import REGIONS, Floats
from tierline.sources.simulated.timeline import DAY, Ints, Timeline

EXPECTED_LIMIT = 22_000  # yuan per customer
COMMITTED = 1.5 * 0.7  # of the expected limits: what partners may fund, and half as much again
PARTNER_SHARE = 0.7  # of the outstanding principal
NET_ASSETS, STANDARD, NON_STANDARD = 0.10, 2.0, 0.5  # of expected limits; of net assets; of net assets


@dataclass(frozen=True)
class Partner:
    """One bank: ``weight`` of all commitments, capital and loans as multiples of its commitment."""

    name: str
    licence: str
    home: str
    regions: str
    weight: float
    tier1: float
    loans: float
    joint: float  # share of its loans that are joint internet loans
    cost: float
    tiers: str
    notice: int
    expires_after: int | None  # months after as_of


PARTNERS = (
    Partner("P01", "national", "110000", "*", 0.26, 40.0, 400.0, 0.08, 0.027, "A,B,C,D", 90, 30),
    Partner("P02", "national", "310000", "*", 0.20, 30.0, 300.0, 0.12, 0.029, "*", 90, 18),
    Partner("P03", "online", "330000", "*", 0.18, 12.0, 90.0, 0.35, 0.034, "*", 60, 24),
    Partner("P04", "online", "440000", "*", 0.12, 10.0, 80.0, 0.30, 0.036, "A,B,C,D,E", 60, None),
    Partner(
        "P05", "regional", "320000", "310000,320000,330000,340000", 0.09, 14.0, 130.0, 0.15, 0.031, "A,B,C", 30, 12
    ),
    Partner(
        "P06", "regional", "510000", "500000,510000,520000,530000", 0.08, 12.0, 110.0, 0.18, 0.033, "A,B,C,D", 30, 15
    ),
    Partner("P07", "regional", "440000", "440000,450000,460000", 0.05, 10.0, 100.0, 0.20, 0.038, "*", 30, 9),
    # The small one: both the 25 % of tier-1 and the 50 % of loans stand in the way of its commitment.
    Partner(
        "P08", "regional", "610000", "610000,620000,630000,640000", 0.02, 3.2, 24.0, 0.47, 0.045, "A,B,C,D,E", 30, 6
    ),
)


def version_days(timeline: Timeline) -> Ints:
    """Days of a new version: the first day, and the first of every month after it."""
    firsts = timeline.month_first[
        (timeline.month_first > timeline.first_day) & (timeline.month_first <= timeline.last_day)
    ]
    return np.concatenate([[timeline.first_day], firsts])


def partner_table(customers: int, outstanding: Floats, timeline: Timeline) -> tuple[pa.Table, Ints]:
    """Monthly versions of every partner and their days; ``outstanding`` is the principal in yuan by day of version."""
    days = version_days(timeline)
    total = COMMITTED * customers * EXPECTED_LIMIT
    rows = [(day, partner, owed) for day, owed in zip(days, outstanding, strict=True) for partner in PARTNERS]
    day = np.array([row[0] for row in rows])
    partners = [row[1] for row in rows]
    commitment = np.array([round(total * p.weight, -4) for p in partners])
    share = np.array([row[2] * PARTNER_SHARE * row[1].weight for row in rows])
    loans = commitment * np.array([p.loans for p in partners])
    expiry = [
        None if p.expires_after is None else np.datetime64(timeline.as_of + 30 * p.expires_after, "D").astype(object)
        for p in partners
    ]
    columns = {
        "partner_id": pa.array([p.name for p in partners]),
        "licence": pa.array([p.licence for p in partners]),
        "home_region": pa.array([p.home for p in partners]),
        "regions": pa.array([_regions(p) for p in partners]),
        "net_tier1_capital": _yuan(commitment * np.array([p.tier1 for p in partners])),
        "total_loans": _yuan(loans),
        "joint_loan_balance": _yuan(loans * np.array([p.joint for p in partners])),
        "commitment": _yuan(commitment),
        "drawn": _yuan(np.minimum(share, commitment)),
        "expires_on": pa.array(expiry, type=pa.date32()),
        "notice_days": counts(np.array([p.notice for p in partners])),
        "cost_of_funds": pa.array([p.cost for p in partners]),
        "accepted_tiers": pa.array([p.tiers for p in partners]),
        "first_loss_share": pa.nulls(len(partners), pa.float64()),
        "recorded_at": instants(day * DAY + 3600),
    }
    return table_of(LANDING["funding_partners"], columns), day


def _regions(partner: Partner) -> str:
    wrong = [] if partner.regions == "*" else [code for code in partner.regions.split(",") if code not in REGIONS]
    if wrong:
        raise ValueError(f"{partner.name}: unknown region {wrong[0]}")
    return partner.regions


def _yuan(values: Floats) -> pa.Array:
    return money(np.rint(values * 100).astype(np.int64))


def position_table(customers: int, timeline: Timeline, rng: np.random.Generator) -> tuple[pa.Table, Ints]:
    """The lender's position at the end of the day before each version day, recorded on that day."""
    days = version_days(timeline)
    growth = np.exp(np.linspace(-0.12, 0.0, len(days)) + rng.normal(0, 0.004, len(days)))
    net = NET_ASSETS * customers * EXPECTED_LIMIT * growth
    columns = {
        "as_of": dates(days - 1),
        "net_assets": _yuan(net),
        "standard_funding": _yuan(STANDARD * net),
        "non_standard_funding": _yuan(NON_STANDARD * net),
        "cost_of_funds": pa.array(np.round(np.linspace(0.041, 0.036, len(days)), 4)),
        "recorded_at": instants(days * DAY + 7200),
    }
    return table_of(LANDING["lender_position"], columns), days
