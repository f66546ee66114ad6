"""A further late payment never raises a limit: lake, features, trained model, calibration, tier, price, limit.

The same borrower stands twice in the book, once paying one instalment later. A frozen limit is what is drawn, and a
later payment leaves more drawn; what must never grow is the limit otherwise, and the room left to draw always.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from properties.test_feature_properties import FEW, START, Borrower, Payment, many_changes, observed, pairs
from unit.training.tiny_world import CONFIG, tiny_request, train

from tierline.limits import LimitContext, decide_limits
from tierline.models import ModelBundle
from tierline.money import to_cents, to_money
from tierline.parquet import conform
from tierline.policy import load_policy
from tierline.pricing import FundingCosts, price_grid
from tierline.schemas import DECISION_INPUTS
from tierline.tiers import assign_tiers

NIGHT = date(2026, 6, 30)  # a review night under the rules of 2026; only prices and the ladder depend on it
POLICY = load_policy("cn-online-micro-lender", NIGHT)
PRICES = price_grid(POLICY, NIGHT, FundingCosts(own=0.045, partner=0.035))


@cache
def _bundle() -> ModelBundle:
    """A model of the tiny book that is sure enough of its best customers to give them a limit."""
    return train(tiny_request(), CONFIG.model_copy(update={"learning_rate": 0.15, "leaves": [12]}))


def limits_of(features: pa.Table, previous: int | None) -> dict[str, np.ndarray]:
    """Limit, drawn balance (cents) and action of each row, as if each row were a customer of its own."""
    rows = features.num_rows
    column = {name: np.nan_to_num(features.column(name).to_numpy()) for name in _READ}
    in_default = column["dpd_now"] >= 90
    pd_12m = np.where(in_default, 1.0, _bundle().predict_pd(features))
    keys = [f"{row:032x}" for row in range(rows)]
    cents = {
        name: np.rint(100 * column[name]).astype(np.int64) for name in ("instalments_next_30d", "outstanding_principal")
    }
    counts = {name: pa.array(column[name].astype(np.int32)) for name in ("dpd_now", "max_dpd_90d", "on_time_streak")}
    inputs = pa.table(
        {
            "customer_key": keys,
            "segment": ["consumer"] * rows,
            "region_code": ["110000"] * rows,
            "industry_code": pa.nulls(rows, pa.string()),
            "scenario_id": pa.nulls(rows, pa.string()),
            "consent_partner_sharing": [True] * rows,
            "pd_12m": pd_12m,
            "in_default": in_default,
            "thin_file": [False] * rows,
            "income_recurring_monthly": to_money(np.full(rows, 9_000_00)),
            "declared_income_monthly": to_money(np.full(rows, 9_000_00)),
            "instalment_burden_monthly": to_money(cents["instalments_next_30d"]),
            "drawn_balance": to_money(cents["outstanding_principal"]),
            "dpd": counts["dpd_now"],
            "max_dpd_90d": counts["max_dpd_90d"],
            "on_time_streak": counts["on_time_streak"],
            "months_on_book": pa.array(column["months_on_book"].astype(np.int32)),
        }
    )
    tiers = assign_tiers(pd_12m, in_default, POLICY.scale)
    scores = pa.table({"customer_key": keys, "tier": tiers.tolist(), "model_id": ["m"] * rows})
    before = None if previous is None else _before(keys, previous)
    context = LimitContext(NIGHT, PRICES, before, None, net_assets=5e8)
    table = decide_limits(conform(inputs, DECISION_INPUTS), scores, context, POLICY)
    return {
        "limit": to_cents(table.column("credit_limit")),
        "drawn": to_cents(table.column("drawn_balance")),
        "action": np.array(table.column("action").to_pylist()),
    }


def _before(keys: list[str], limit: int) -> pa.Table:
    """A limit in yuan that everybody had, last changed long ago."""
    cents, reasons = np.full(len(keys), limit * 100), ["RAISED"] * len(keys)
    changed_on = pa.array([date(2025, 1, 31)] * len(keys), pa.date32())
    columns = {"customer_key": keys, "credit_limit": to_money(cents), "action_reason": reasons}
    return pa.table(columns | {"last_change_on": changed_on})


_READ = (
    "dpd_now",
    "max_dpd_90d",
    "on_time_streak",
    "instalments_next_30d",
    "outstanding_principal",
    "months_on_book",
)


@settings(FEW, max_examples=6)
@given(listed=many_changes, dates=observed, previous=st.none() | st.integers(1, 900).map(lambda n: n * 100))
def test_a_later_payment_never_raises_a_limit(
    listed: list[tuple[Borrower, int, int]], dates: list[date], previous: int | None
) -> None:
    sooner, later = (limits_of(side, previous) for side in pairs(listed, dates))
    frozen = (sooner["action"] == "freeze") & (later["action"] == "freeze")
    assert (later["limit"] <= sooner["limit"])[~frozen].all()
    room = [np.maximum(side["limit"] - side["drawn"], 0) for side in (sooner, later)]
    assert (room[1] <= room[0]).all()


def test_a_payment_25_days_late_does_lower_the_limit() -> None:
    """The property above would hold for a decision that does not look at payments at all."""
    punctual = Borrower((0,), tuple((0, Payment(number, 0, 1.0, 0)) for number in (1, 2, 3)), None)
    sooner, later = pairs([(punctual, 1, 25)], [START + timedelta(days=80)])
    assert limits_of(later, 20_000)["limit"][0] < limits_of(sooner, 20_000)["limit"][0]
