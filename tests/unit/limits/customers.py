"""Customers, prices and previous limits as tables, made without any decision code.

Prices are at 0 %, so that an instalment of one yuan over the reference term of 12 months repays 12 yuan: affordability
is then arithmetic that a reader can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from unit.policy.profiles import packaged_policy

from tierline.limits import LimitContext, decide_limits
from tierline.policy import Policy
from tierline.schemas import DECISION_INPUTS, PUBLISHED

REVIEW, OTHER = date(2026, 6, 30), date(2026, 6, 29)
TIERS = "ABCDEFG"
TIER_CAPS = dict(zip(TIERS, (100_000, 80_000, 60_000, 40_000, 20_000, 8_000, 0), strict=True))
MIDDLE_PD = dict(zip(TIERS, (0.004, 0.008, 0.015, 0.03, 0.06, 0.1, 0.3), strict=True)) | {"X": 1.0}
MONEY = ("income_recurring_monthly", "declared_income_monthly", "instalment_burden_monthly", "drawn_balance")
Row = dict[str, Any]


def customer(key: str = "c", **facts: Any) -> Row:
    """A consumer in tier A with an income of 10,000, no debt and a clean record; ``previous`` is in yuan."""
    row = {"customer_key": key, "segment": "consumer", "region_code": "110000", "industry_code": None}
    row |= {"consent_partner_sharing": True, "tier": "A", "in_default": False, "thin_file": False, "previous": None}
    row |= dict.fromkeys(MONEY, 0) | {"income_recurring_monthly": 10_000, "declared_income_monthly": None}
    row |= {"dpd": 0, "max_dpd_90d": 0, "on_time_streak": 3, "months_on_book": 6}
    assert facts.keys() <= row.keys()
    row |= facts
    return row | {"tier": "X"} if row["in_default"] else row


def inputs_of(rows: Sequence[Row]) -> pa.Table:
    typed = [row | {"pd_12m": MIDDLE_PD[row["tier"]]} | {name: _decimal(row[name]) for name in MONEY} for row in rows]
    return pa.Table.from_pylist(typed, schema=DECISION_INPUTS.arrow_schema)


def scores_of(rows: Sequence[Row]) -> pa.Table:
    return pa.table({"customer_key": [row["customer_key"] for row in rows], "tier": [row["tier"] for row in rows]})


def previous_of(rows: Sequence[Row]) -> pa.Table:
    known = [row for row in rows if row["previous"] is not None]
    schema = pa.schema([PUBLISHED["credit_limits"].arrow_schema.field(n) for n in ("customer_key", "credit_limit")])
    keys, limits = [row["customer_key"] for row in known], [_decimal(row["previous"]) for row in known]
    return pa.table([pa.array(keys, pa.string()), pa.array(limits, pa.decimal128(18, 2))], schema=schema)


def prices_of(offered: str = TIERS, rates: dict[str, float] | None = None) -> pa.Table:
    """Three terms a tier, at 0 % unless a rate is given; only tiers in ``offered`` have an offer, on every term."""
    cells = [(tier, term) for tier in TIERS for term in (3, 6, 12)]
    return pa.table(
        {
            "tier": [tier for tier, _ in cells],
            "term_months": [term for _, term in cells],
            "annual_rate": [(rates or {}).get(tier, 0.0) for tier, _ in cells],
            "offered": [tier in offered for tier, _ in cells],
        }
    )


def _decimal(yuan: object) -> Decimal | None:
    return None if yuan is None else Decimal(str(yuan)).quantize(Decimal("0.01"))


def decide(
    rows: Sequence[Row],
    as_of: date = REVIEW,
    policy: Policy | None = None,
    prices: pa.Table | None = None,
    net_assets: float | None = None,
) -> pa.Table:
    """The night's limits of these customers."""
    context = LimitContext(as_of, prices_of() if prices is None else prices, previous_of(rows), net_assets)
    return decide_limits(inputs_of(rows), scores_of(rows), context, policy or packaged_policy(as_of))


def outcome(row: Row, **how: Any) -> tuple[float, str, str, str]:
    """Limit, action, reason and binding constraint of one customer."""
    (decided,) = decide([row], **how).to_pylist()
    return (
        float(decided["credit_limit"]),
        decided["action"],
        decided["action_reason"],
        decided["binding_constraint"],
    )
