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
    """A consumer in tier A with an income of 10,000, no debt and a clean record.

    ``previous`` (yuan), ``changed_on`` and ``reason_before`` stand in the limits of the release before,
    ``pd_before`` in its scores. ``pd_12m`` is one of the tier unless it is given.
    """
    row = {"customer_key": key, "segment": "consumer", "region_code": "110000", "industry_code": None}
    row |= {"household_key": None}
    row |= {"consent_partner_sharing": True, "tier": "A", "in_default": False, "thin_file": False, "previous": None}
    row |= dict.fromkeys(MONEY, 0) | {"income_recurring_monthly": 10_000, "declared_income_monthly": None}
    row |= {"dpd": 0, "max_dpd_90d": 0, "on_time_streak": 3, "months_on_book": 6, "pd_12m": None}
    row |= dict.fromkeys(("changed_on", "reason_before", "pd_before"))
    assert facts.keys() <= row.keys()
    row |= facts
    return row | {"tier": "X"} if row["in_default"] else row


def inputs_of(rows: Sequence[Row]) -> pa.Table:
    typed = [row | {"pd_12m": pd_of(row)} | {name: _decimal(row[name]) for name in MONEY} for row in rows]
    return pa.Table.from_pylist(typed, schema=DECISION_INPUTS.arrow_schema)


def pd_of(row: Row) -> float:
    given: float | None = row.get("pd_12m")
    return MIDDLE_PD[row["tier"]] if given is None else given


def scores_of(rows: Sequence[Row], model: str = "m") -> pa.Table:
    return pa.table(
        {
            "customer_key": pa.array([row["customer_key"] for row in rows], pa.string()),
            "tier": pa.array([row["tier"] for row in rows], pa.string()),
            "model_id": pa.array([model] * len(rows), pa.string()),
        }
    )


def previous_of(rows: Sequence[Row]) -> pa.Table:
    """``credit_limits`` of the release before, as far as limits look at them."""
    names = ("customer_key", "credit_limit", "action_reason", "last_change_on")
    schema = pa.schema([PUBLISHED["credit_limits"].arrow_schema.field(name) for name in names])
    known = [
        {"customer_key": row["customer_key"], "credit_limit": _decimal(row["previous"])}
        | {"action_reason": row.get("reason_before") or "RAISED", "last_change_on": row.get("changed_on")}
        for row in rows
        if row["previous"] is not None
    ]
    return pa.Table.from_pylist(known, schema=schema)


def previous_scores_of(rows: Sequence[Row], model: str = "m") -> pa.Table:
    known = [row for row in rows if row.get("pd_before") is not None]
    return pa.table(
        {
            "customer_key": pa.array([row["customer_key"] for row in known], pa.string()),
            "pd_12m": pa.array([row["pd_before"] for row in known], pa.float64()),
            "model_id": pa.array([model] * len(known), pa.string()),
        }
    )


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
    model_before: str = "m",
) -> pa.Table:
    """The night's limits of these customers, scored by model ``m``."""
    context = LimitContext(
        as_of=as_of,
        prices=prices_of() if prices is None else prices,
        previous_limits=previous_of(rows),
        previous_scores=previous_scores_of(rows, model_before),
        net_assets=net_assets,
    )
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
