"""The step from the previous limit to tonight's: grant, raise, hold, cut, freeze, decline.

Belongs here: the ladder. Does not belong here: the target it walks towards (``limits.target``).

The step never rises when the target falls, when days past due rise or when the on-time streak shortens: each rule below
only ever takes the smaller of two limits for the worse customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tierline.limits.target import Target
from tierline.policy import LimitPolicy

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.object_]
Flags = npt.NDArray[np.bool_]


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

    ``review`` is true on a night on which raises are considered, ``cooling`` while the last change is too recent for a
    raise, ``warned`` under an early warning, ``held_out`` in the arm without raises.
    """

    previous: Floats
    offered: Flags
    review: bool
    cooling: Flags
    warned: Flags
    held_out: Flags


@dataclass(frozen=True)
class _Blocks:
    """What stands in the way of a raise: whether anything does, and the first such thing."""

    any: Flags
    reason: Words
    binding: Words


def walk(target: Target, standing: Standing, inputs: pd.DataFrame, policy: LimitPolicy) -> Step:
    """Walk every customer from the previous limit towards the target.

    In order: first grants are capped and refused after recent arrears; raises need a clean record, time on book, a
    pause since the last change and a review night, and are capped; small changes are held, but never above a hard cap;
    early warnings and days past due freeze; no limit while in default or without a price.
    """
    free = _free_step(target, standing, inputs, policy)
    granted = _refuse_recent_arrears(free, standing.previous, inputs, policy)
    most = np.minimum(np.nan_to_num(standing.previous), inputs["drawn_balance"].to_numpy(dtype=np.float64))
    warned = _freeze(granted, standing.warned, most, ("EARLY_WARNING", "early_warning"))
    late = inputs["dpd"].to_numpy() >= policy.freeze_dpd
    frozen = _freeze(warned, late, most, ("PAST_DUE", "past_due"))
    return _decline(frozen, inputs, standing.offered)


def _free_step(target: Target, standing: Standing, inputs: pd.DataFrame, policy: LimitPolicy) -> Step:
    """The step of a customer who is not frozen: grant, raise, hold or cut."""
    wanted, before = target.limit, np.nan_to_num(standing.previous)
    had = before > 0
    ceiling = _raise_ceiling(before, policy)
    change = np.abs(wanted - before)
    small = had & (change > 0) & (change < policy.min_change * before) & (before <= target.ceiling)
    up, down = had & (wanted > before) & ~small, had & (wanted < before) & ~small
    first = np.minimum(wanted, np.floor(policy.first_grant_cap / policy.rounding) * policy.rounding)
    first = np.where(target.stretched, 0.0, first)
    blocks = _raise_blocks(target, standing, inputs, policy)
    waits = up & blocks.any
    cases = [~had, small | (had & (wanted == before)), waits, up & (wanted > ceiling), up, down]
    limit = np.select(cases, [first, before, before, ceiling, wanted, wanted])
    raised, held = limit > before, limit == before
    return Step(
        limit=limit,
        action=_first_of([~had & (limit > 0), ~had, raised, held], ["grant", "decline", "raise", "hold"], "cut"),
        reason=_first_of(
            [~had, small, waits, raised, held],
            ["FIRST_GRANT", "NO_MATERIAL_CHANGE", blocks.reason, "RAISED", "NO_MATERIAL_CHANGE"],
            "TARGET_BELOW_LIMIT",
        ),
        binding=_first_of(
            [~had & target.stretched & (wanted > 0), ~had & (limit < wanted), small, waits, up & (wanted > ceiling)],
            ["debt_service", "first_grant_cap", "min_change", blocks.binding, "max_raise"],
            target.binding,
        ),
    )


def _raise_blocks(target: Target, standing: Standing, inputs: pd.DataFrame, policy: LimitPolicy) -> _Blocks:
    """The first thing that forbids a raise. The review comes last: its reason says that only the night is missing."""
    dpd, worst, streak, months = (
        inputs[name].to_numpy() for name in ("dpd", "max_dpd_90d", "on_time_streak", "months_on_book")
    )
    conduct = (dpd > 0) | (worst > 0) | (streak < policy.raise_streak) | target.stretched
    unseasoned = months < policy.min_months_on_book
    other_night = np.full(len(dpd), not standing.review)
    cases = [conduct, unseasoned, standing.cooling, standing.held_out, other_night]
    reasons = ["RAISE_CONDITIONS_NOT_MET", "NOT_SEASONED", "RAISE_COOLDOWN", "RAISE_HELD_OUT", "RAISE_AT_NEXT_REVIEW"]
    names = ["raise_conditions", "seasoning", "cooldown", "holdout", "raise_review"]
    return _Blocks(np.logical_or.reduce(cases), _first_of(cases, reasons, ""), _first_of(cases, names, ""))


def _first_of(cases: list[Flags], words: Sequence[str | Words], otherwise: str | Words) -> Words:
    """The word of the first case that holds; like ``np.select``, which would make a fixed-width string of every row."""
    chosen = np.full(len(cases[0]), otherwise, dtype=object) if isinstance(otherwise, str) else otherwise.copy()
    for case, word in zip(reversed(cases), reversed(words), strict=True):
        chosen[case] = word if isinstance(word, str) else word[case]
    return chosen


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
        action=_first_of([refused], ["decline"], step.action),
        reason=_first_of([refused], ["RECENTLY_PAST_DUE"], step.reason),
        binding=_first_of([refused], ["recent_arrears"], step.binding),
    )


def _freeze(step: Step, frozen: Flags, most: Floats, why: tuple[str, str]) -> Step:
    """Nothing more can be drawn: the limit is at most what is drawn (``most``), and no first limit is given.

    ``why`` is the reason and the constraint.
    """
    reason, binding = why
    return Step(
        limit=np.where(frozen, np.minimum(step.limit, most), step.limit),
        action=_first_of([frozen], ["freeze"], step.action),
        reason=_first_of([frozen], [reason], step.reason),
        binding=_first_of([frozen & (most <= step.limit)], [binding], step.binding),
    )


def _decline(step: Step, inputs: pd.DataFrame, offered: Flags) -> Step:
    """No limit in default, without a price on offer, or where nothing is left."""
    defaulted = inputs["in_default"].to_numpy(dtype=bool)
    refused = defaulted | ~offered
    nothing = (step.limit == 0) & (step.action != "freeze")
    gone = nothing & (step.reason != "RECENTLY_PAST_DUE")
    income = (step.binding == "affordability") | (step.binding == "debt_service")
    return Step(
        limit=np.where(refused, 0.0, step.limit),
        action=_first_of([refused | nothing], ["decline"], step.action),
        reason=_first_of(
            [defaulted, ~offered, gone & income, gone & (step.binding == "tier_cap"), gone],
            ["IN_DEFAULT", "PRICE_NOT_OFFERED", "NOT_AFFORDABLE", "TIER_NOT_SERVED", "CAP_BELOW_SMALLEST_LIMIT"],
            step.reason,
        ),
        binding=_first_of([defaulted, ~offered], ["in_default", "price_not_offered"], step.binding),
    )
