"""Tonight's limits: target, ladder, and the published rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from tierline.limits.ladder import Standing, walk
from tierline.limits.target import target_limits
from tierline.money import to_cents, to_money
from tierline.months import month_end
from tierline.parquet import conform
from tierline.policy import Policy
from tierline.pricing import affordable_principal
from tierline.schemas import PUBLISHED

_MONEY = ("income_recurring_monthly", "declared_income_monthly", "instalment_burden_monthly", "drawn_balance")
POLICY_ARM = "policy"


@dataclass(frozen=True)
class LimitContext:
    """What limits need besides the customers: tonight's prices, last night's limits, the lender's net assets (yuan).

    ``previous``: customer_key, credit_limit of the release before this night; None if there was none. ``net_assets``:
    None where the source delivers no position, and then the share of net assets is not assessed.
    """

    as_of: date
    prices: pa.Table
    previous: pa.Table | None
    net_assets: float | None


def decide_limits(inputs: pa.Table, scores: pa.Table, context: LimitContext, policy: Policy) -> pa.Table:
    """Decide the limit of every row of ``inputs`` (``DECISION_INPUTS``); returns ``credit_limits``, sorted by key.

    ``scores`` gives the tier of each customer.
    """
    frame = _frame(inputs).merge(scores.select(["customer_key", "tier"]).to_pandas(), on="customer_key", how="left")
    frame = frame.sort_values("customer_key", ignore_index=True)
    tiers = frame["tier"].to_numpy(dtype=object)
    factor, offered = _reference_prices(context.prices, policy)
    per_row = np.array([factor.get(tier, 0.0) for tier in tiers])
    target = target_limits(frame, tiers, per_row, policy.limits, context.net_assets)
    previous = _previous(frame["customer_key"], context.previous)
    standing = Standing(
        previous=previous,
        offered=np.array([tier in offered for tier in tiers], dtype=bool),
        review=policy.limits.raise_review == "nightly" or context.as_of == month_end(context.as_of),
    )
    step = walk(target, standing, frame, policy.limits)
    columns = {
        "customer_key": pa.array(frame["customer_key"].tolist(), pa.string()),
        "as_of": pa.array([context.as_of] * len(frame), pa.date32()),
        "tier": pa.array(tiers.tolist(), pa.string()),
        "credit_limit": to_money(_cents(step.limit)),
        "previous_limit": to_money(_cents(np.nan_to_num(previous)), ~np.isnan(previous)),
        "drawn_balance": to_money(_cents(frame["drawn_balance"].to_numpy(dtype=np.float64))),
        "action": pa.array(step.action.tolist(), pa.string()),
        "action_reason": pa.array(step.reason.tolist(), pa.string()),
        "binding_constraint": pa.array(step.binding.tolist(), pa.string()),
        "policy_arm": pa.array([POLICY_ARM] * len(frame), pa.string()),
        "propensity": pa.array(np.ones(len(frame))),
        "policy_id": pa.array([policy.policy_id] * len(frame), pa.string()),
    }
    return conform(pa.table(columns), PUBLISHED["credit_limits"])


def _frame(inputs: pa.Table) -> pd.DataFrame:
    """Inputs as pandas with money in yuan; amounts below 10¹³ yuan are exact to the cent as doubles."""
    frame: pd.DataFrame = inputs.drop_columns(list(_MONEY)).to_pandas()
    for name in _MONEY:
        known = ~inputs.column(name).is_null().to_numpy()
        frame[name] = np.where(known, to_cents(inputs.column(name)) / 100, np.nan)
    return frame


def _reference_prices(prices: pa.Table, policy: Policy) -> tuple[dict[str, float], set[str]]:
    """Per tier the principal one yuan of instalment repays over the reference term, and the tiers with any offer."""
    factor, offered = {}, set()
    for row in prices.to_pylist():
        if row["offered"]:
            offered.add(row["tier"])
        if row["term_months"] == policy.limits.reference_term:
            factor[row["tier"]] = affordable_principal(1.0, row["annual_rate"], row["term_months"])
    return factor, offered


def _previous(keys: pd.Series, previous: pa.Table | None) -> np.ndarray:
    """Previous limit of each key in yuan; NaN where there was none."""
    if previous is None:
        return np.full(len(keys), np.nan)
    known = dict(
        zip(
            previous.column("customer_key").to_pylist(), to_cents(previous.column("credit_limit")).tolist(), strict=True
        )
    )
    return np.array([known[key] / 100 if key in known else np.nan for key in keys])


def _cents(yuan: np.ndarray) -> np.ndarray:
    cents: np.ndarray = np.rint(yuan * 100).astype(np.int64)
    return cents
