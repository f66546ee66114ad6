"""Tonight's limits: target, ladder, and the published rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tierline.limits.before import Before, change_dates, release_before, rows_of
from tierline.limits.holdout import ARM, HOLDOUT_ARM, draw_arms
from tierline.limits.household import cap_households, members_of
from tierline.limits.ladder import Flags, Standing, walk
from tierline.limits.target import target_limits
from tierline.money import to_cents, to_money
from tierline.months import month_end
from tierline.parquet import conform
from tierline.policy import LimitPolicy, Policy
from tierline.pricing import affordable_principal
from tierline.schemas import PUBLISHED

_MONEY = ("income_recurring_monthly", "declared_income_monthly", "instalment_burden_monthly", "drawn_balance")
_FACTS = ("segment", "pd_12m", "in_default", "thin_file", "dpd", "max_dpd_90d", "on_time_streak", "months_on_book")


@dataclass(frozen=True)
class LimitContext:
    """What limits need besides the customers: tonight's prices, the release before, the lender's net assets (yuan).

    ``previous_limits``: customer_key, credit_limit, action_reason and last_change_on of ``credit_limits``,
    ``previous_scores``: customer_key, pd_12m and model_id of ``scores``, both of the release before this night; None if
    there was none. ``net_assets``: None where the source delivers no position, and then the share of net assets is not
    assessed.
    """

    as_of: date
    prices: pa.Table
    previous_limits: pa.Table | None
    previous_scores: pa.Table | None
    net_assets: float | None


def decide_limits(inputs: pa.Table, scores: pa.Table, context: LimitContext, policy: Policy) -> pa.Table:
    """Decide the limit of every row of ``inputs`` (``DECISION_INPUTS``); returns ``credit_limits``, sorted by key.

    ``scores`` gives the tier of each customer and the model behind its PD (customer_key, tier, model_id).
    """
    inputs = _sorted(inputs)
    keys = inputs.column("customer_key")
    scored = scores.select(["tier", "model_id"]).take(rows_of(keys, scores))
    tiers = scored.column("tier").to_pandas()
    frame, arms = _frame(inputs), draw_arms(keys.to_pylist(), policy.limits)
    before = release_before(keys, scored.column("model_id"), context.previous_limits, context.previous_scores)
    factor, offered = _reference_prices(context.prices, policy)
    per_tier = tiers.map(factor).fillna(0.0).to_numpy(dtype=np.float64)
    target = target_limits(frame, tiers, per_tier, policy.limits, context.net_assets)
    review = policy.limits.raise_review == "nightly" or context.as_of == month_end(context.as_of)
    standing = Standing(
        previous=before.limit,
        offered=tiers.isin(offered).to_numpy(dtype=bool),
        review=review,
        cooling=_cooling(before, context.as_of, policy.limits),
        warned=_warned(before, frame["pd_12m"].to_numpy(), review, policy.limits),
        held_out=arms.held_out,
    )
    rank = tiers.map({tier: place for place, tier in enumerate(policy.scale.tiers)}).fillna(len(policy.scale.tiers))
    had = _cents(np.nan_to_num(before.limit))
    waits = {reason: np.zeros_like(flags) if review else flags for reason, flags in before.refused.items()}
    members = members_of(inputs, rank.to_numpy(dtype=np.int64), had, waits)
    step = cap_households(walk(target, standing, frame, policy.limits), members, policy.limits, context.net_assets)
    columns = {
        "customer_key": keys,
        "as_of": pa.repeat(pa.scalar(context.as_of, pa.date32()), len(keys)),
        "tier": scored.column("tier"),
        "credit_limit": to_money(_cents(step.limit)),
        "previous_limit": to_money(had, ~np.isnan(before.limit)),
        "drawn_balance": inputs.column("drawn_balance"),
        "action": pa.array(step.action, pa.string()),
        "action_reason": pa.array(step.reason, pa.string()),
        "binding_constraint": pa.array(step.binding, pa.string()),
        "policy_arm": pc.if_else(pa.array(arms.held_out), HOLDOUT_ARM, ARM),
        "propensity": pa.array(arms.propensity),
        "policy_id": pa.repeat(pa.scalar(policy.policy_id, pa.string()), len(keys)),
    }
    table = pa.table(columns)
    changed_on = change_dates(table, before.changed_on, context.as_of)
    return conform(table.append_column("last_change_on", changed_on), PUBLISHED["credit_limits"])


def _cooling(before: Before, as_of: date, policy: LimitPolicy) -> Flags:
    """Where the limit last changed too few days ago for a raise."""
    days = (np.datetime64(as_of, "D") - before.changed_on).astype("timedelta64[D]")
    cooling: Flags = days < np.timedelta64(policy.cooldown_days, "D")  # false where it never changed
    return cooling


def _warned(before: Before, pd_12m: np.ndarray, review: bool, policy: LimitPolicy) -> Flags:
    """Where the PD has risen by the factor to the floor or above, or a review has yet to find it below the floor.

    Without the second the freeze would lift on the next night, when the PD before is the risen one.
    """
    low = pd_12m < policy.early_warning_pd
    risen = ~low & (pd_12m >= policy.early_warning_factor * before.pd_12m)  # false where no PD is known before
    warned: Flags = risen | (before.warned & ~(low & review))
    return warned


def _sorted(inputs: pa.Table) -> pa.Table:
    """By key; a night's inputs are so already, and to see that takes a tenth of sorting a million."""
    keys, last = inputs.column("customer_key"), max(len(inputs) - 1, 0)
    rising = pc.all(pc.less(keys.slice(0, last), keys.slice(1))).as_py()
    return inputs if rising else inputs.sort_by("customer_key")


def _frame(inputs: pa.Table) -> pd.DataFrame:
    """What limits look at, money in yuan; amounts below 10¹³ yuan are exact to the cent as doubles."""
    frame: pd.DataFrame = inputs.select(list(_FACTS)).to_pandas()
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


def _cents(yuan: np.ndarray) -> np.ndarray:
    cents: np.ndarray = np.rint(yuan * 100).astype(np.int64)
    return cents
