"""The step from the previous limit to tonight's: grant, raise, hold, cut, freeze, decline.

Belongs here: the ladder. Does not belong here: the target it walks towards (``limits.target``).

The step never rises when the target falls, when days past due rise or when the on-time streak shortens: each rule below
only ever takes the smaller of two limits for the worse customer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tierline.limits.target import Target
from tierline.policy import LimitPolicy

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.object_]
_INCOME = np.array(["affordability", "debt_service"], dtype=object)


@dataclass(frozen=True)
class Step:
    """Tonight's limit in yuan with its action, the reason for it and the constraint that set it."""

    limit: Floats
    action: Words
    reason: Words
    binding: Words


@dataclass(frozen=True)
class Standing:
    """Where customers stand: previous limit in yuan (NaN where there was none), and whether their tier has a price.

    ``review`` is true on a night on which raises are considered.
    """

    previous: Floats
    offered: npt.NDArray[np.bool_]
    review: bool


def walk(target: Target, standing: Standing, inputs: pd.DataFrame, policy: LimitPolicy) -> Step:
    """Walk every customer from the previous limit towards the target.

    In order: first grants are capped and refused after recent arrears; raises need a review night and a clean record
    and are capped; small changes are held, but never above a hard cap; past due freezes; no limit while in default or
    without a price.
    """
    free = _free_step(target, standing, inputs, policy)
    granted = _refuse_recent_arrears(free, standing.previous, inputs, policy)
    frozen = _freeze(granted, standing.previous, inputs, policy)
    return _decline(frozen, inputs, standing.offered)


def _free_step(target: Target, standing: Standing, inputs: pd.DataFrame, policy: LimitPolicy) -> Step:
    """The step of a customer who is not past due: grant, raise, hold or cut."""
    wanted, before = target.limit, np.nan_to_num(standing.previous)
    had = before > 0
    dpd, worst = (inputs[name].to_numpy() for name in ("dpd", "max_dpd_90d"))
    clean = (dpd == 0) & (worst == 0) & (inputs["on_time_streak"].to_numpy() >= policy.raise_streak)
    clean &= ~target.stretched
    ceiling = _raise_ceiling(before, policy)
    change = np.abs(wanted - before)
    small = had & (change > 0) & (change < policy.min_change * before) & (before <= target.ceiling)
    up, down = had & (wanted > before) & ~small, had & (wanted < before) & ~small
    first = np.minimum(wanted, np.floor(policy.first_grant_cap / policy.rounding) * policy.rounding)
    first = np.where(target.stretched, 0.0, first)
    waits = up & ~(clean & standing.review)
    cases = [~had, small | (had & (wanted == before)), waits, up & (wanted > ceiling), up, down]
    limit = np.select(cases, [first, before, before, ceiling, wanted, wanted])
    raised = limit > before
    return Step(
        limit=limit,
        action=np.select(
            [~had & (limit > 0), ~had, had & raised, had & (limit == before)],
            ["grant", "decline", "raise", "hold"],
            "cut",
        ).astype(object),
        reason=np.select(
            [~had, small, up & ~clean, waits, raised, limit == before],
            [
                "FIRST_GRANT",
                "NO_MATERIAL_CHANGE",
                "RAISE_CONDITIONS_NOT_MET",
                "RAISE_AT_NEXT_REVIEW",
                "RAISED",
                "NO_MATERIAL_CHANGE",
            ],
            "TARGET_BELOW_LIMIT",
        ).astype(object),
        binding=np.select(
            [
                ~had & target.stretched & (wanted > 0),
                ~had & (limit < wanted),
                small,
                up & ~clean,
                waits,
                up & (wanted > ceiling),
            ],
            ["debt_service", "first_grant_cap", "min_change", "raise_conditions", "raise_review", "max_raise"],
            target.binding,
        ).astype(object),
    )


def _raise_ceiling(before: Floats, policy: LimitPolicy) -> Floats:
    """The most a raise may reach: the previous limit and ``max_raise`` of it, or the starter limit if that is more.

    A limit frozen at a few yuan could never grow by its own share; the starter limit is what an unknown customer gets.
    """
    most = np.maximum(before * (1 + policy.max_raise), policy.starter_limit)
    return np.maximum(np.floor(most / policy.rounding) * policy.rounding, before)


def _refuse_recent_arrears(step: Step, previous: Floats, inputs: pd.DataFrame, policy: LimitPolicy) -> Step:
    """No first limit while past due, or within 90 days of arrears that would have frozen one.

    Without this a limit that arrears took away would come back whole on the night the arrears are paid.
    """
    dpd, worst = (inputs[name].to_numpy() for name in ("dpd", "max_dpd_90d"))
    refused = ~(np.nan_to_num(previous) > 0) & (step.limit > 0) & ((dpd > 0) | (worst >= policy.freeze_dpd))
    return Step(
        limit=np.where(refused, 0.0, step.limit),
        action=np.where(refused, "decline", step.action),
        reason=np.where(refused, "RECENTLY_PAST_DUE", step.reason),
        binding=np.where(refused, "recent_arrears", step.binding),
    )


def _freeze(step: Step, previous: Floats, inputs: pd.DataFrame, policy: LimitPolicy) -> Step:
    """Past due: nothing more can be drawn, so the limit is at most what is drawn, and no first limit is given."""
    late = inputs["dpd"].to_numpy() >= policy.freeze_dpd
    drawn = inputs["drawn_balance"].to_numpy(dtype=np.float64)
    most = np.minimum(np.nan_to_num(previous), drawn)
    limit = np.where(late, np.minimum(step.limit, most), step.limit)
    return Step(
        limit=limit,
        action=np.where(late, "freeze", step.action),
        reason=np.where(late, "PAST_DUE", step.reason),
        binding=np.where(late & (most <= step.limit), "past_due", step.binding),
    )


def _decline(step: Step, inputs: pd.DataFrame, offered: np.ndarray) -> Step:
    """No limit in default, without a price on offer, or where nothing is left."""
    defaulted = inputs["in_default"].to_numpy(dtype=bool)
    refused = defaulted | ~offered
    nothing = (step.limit == 0) & (step.action != "freeze")
    gone = nothing & (step.reason != "RECENTLY_PAST_DUE")
    return Step(
        limit=np.where(refused, 0.0, step.limit),
        action=np.where(refused | nothing, "decline", step.action),
        reason=np.select(
            [defaulted, ~offered, gone & np.isin(step.binding, _INCOME), gone & (step.binding == "tier_cap"), gone],
            ["IN_DEFAULT", "PRICE_NOT_OFFERED", "NOT_AFFORDABLE", "TIER_NOT_SERVED", "CAP_BELOW_SMALLEST_LIMIT"],
            step.reason,
        ).astype(object),
        binding=np.select([defaulted, ~offered], ["in_default", "price_not_offered"], step.binding).astype(object),
    )
