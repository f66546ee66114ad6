"""Rules of ``credit_limits`` on what may grow: pause since the last change, time on book, early warning, hold-out.

Belongs here: rules that need the release before, or the draw of an arm. Does not belong here: caps, and what each
action may do (``audit.limits``).
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b
from math import ceil

import pandas as pd

from tierline.audit.finding import Finding, Rows
from tierline.audit.night import Night, beside, joined
from tierline.audit.profile import Profile

_EDGE = 1e-12  # a PD this close to the factor or the floor may be on either side of it by float arithmetic
_PROPENSITY = 1e-12
_FACTS = ["pd_12m", "months_on_book"]


def audit_growth(night: Night) -> list[Finding]:
    """Judge raises, freezes, ``last_change_on`` and the arms of ``credit_limits``.

    Without a release before, no pause and no early warning can be judged.
    """
    if not night.has("credit_limits"):
        return []
    both = joined(night.tables["credit_limits"], night.inputs, _FACTS)
    return [*_season(both, night.profile), *_arms(both, night.profile), *_changes(both, night), *_warnings(both, night)]


def review_night(night: Night) -> bool:
    """Whether raises are considered tonight."""
    review = night.profile.word("limits.raise_review", ("month_end", "nightly"))
    return review == "nightly" or (night.as_of + timedelta(days=1)).day == 1


def _season(both: Rows, profile: Profile) -> list[Finding]:
    least = profile.number("limits.min_months_on_book")
    holds = (both.frame["months_on_book"] >= least) | (both.frame["action"] != "raise")
    return both.judge("seasoning", holds, f"a raise needs {least:.0f} months on book", ["action", "months_on_book"])


def _arms(both: Rows, profile: Profile) -> list[Finding]:
    """The arm is drawn anew: BLAKE2b of the key under the seed, 8 bytes, below the share of all such numbers."""
    f, share = both.frame, profile.exact("limits.holdout_share")
    seed, bound = str(profile.exact("limits.holdout_seed")).encode(), ceil(share * 2**64)
    draws = (blake2b(str(key).encode(), digest_size=8, key=seed).digest() for key in f["customer_key"])
    drawn = [int.from_bytes(draw, "big") < bound for draw in draws] if share else [False] * len(f)
    held_out = pd.Series(drawn, dtype=bool)
    arm = held_out.map({True: "holdout", False: "policy"})
    chance = held_out.map({True: float(share), False: float(1 - share)})
    near = (f["propensity"] - chance).abs() <= _PROPENSITY
    return [
        *both.judge("policy_arm", f["policy_arm"] == arm, "policy_arm must be the one drawn", ["policy_arm"]),
        *both.judge("propensity", near, "propensity must be that of the arm drawn", ["policy_arm", "propensity"]),
        *both.judge("holdout", ~held_out | (f["action"] != "raise"), "no raise in the hold-out arm", ["action"]),
    ]


def _changes(both: Rows, night: Night) -> list[Finding]:
    f = both.frame
    stated = pd.to_datetime(f["last_change_on"])
    changed = f["credit_limit"] != f["previous_limit"].fillna(0)
    today = pd.Timestamp(night.as_of)
    show = ["last_change_on", "credit_limit", "previous_limit"]
    must = f"last_change_on must be {night.as_of} where the limit changes"
    found = both.judge("changed_on", ~changed | (stated == today), must, show)
    before = _before(both, night, "credit_limits", ["last_change_on"])
    if before is None:
        return found
    last = pd.to_datetime(before["last_change_on"])
    carried = changed | (stated == last) | (stated.isna() & last.isna())
    days = night.profile.number("limits.cooldown_days")
    rested = (f["action"] != "raise") | last.isna() | ((today - last).dt.days >= days)
    shown = both.with_frame(f.assign(changed_before=before["last_change_on"]))
    return [
        *found,
        *shown.judge("change_carried", carried, "last_change_on must be carried on where the limit stays", show),
        *shown.judge("cooldown", rested, f"a raise needs {days:.0f} days since the last change", ["changed_before"]),
    ]


def _warnings(both: Rows, night: Night) -> list[Finding]:
    f, profile = both.frame, night.profile
    before = _before(both, night, "credit_limits", ["action_reason"])
    if before is None:
        return []
    scored = _pd_before(both, night)
    floor, factor = profile.number("limits.early_warning_pd"), profile.number("limits.early_warning_factor")
    frozen_before = before["action_reason"] == "EARLY_WARNING"
    risen = _over(f["pd_12m"], factor * scored, floor)
    stays = frozen_before & ((f["pd_12m"] >= floor) | (not review_night(night)))
    doubtful = _over(f["pd_12m"] + _EDGE, factor * scored, floor) & ~_over(f["pd_12m"] - _EDGE, factor * scored, floor)
    warned = stays | (risen & ~doubtful)
    kept = (f["credit_limit"] <= f["previous_limit"].fillna(0)) & (f["credit_limit"] <= f["drawn_balance"])
    nothing = (f["credit_limit"] == 0) | (f["action"] == "freeze")
    grounds = (f["action_reason"] != "EARLY_WARNING") | stays | risen | doubtful
    shown = both.with_frame(f.assign(pd_before=scored))
    show = ["credit_limit", "action", "pd_12m", "pd_before"]
    must = f"a PD of {factor:g} times that before, from {floor:g} on, must freeze until a review finds it below"
    return [
        *shown.judge("early_warning", ~warned | (kept & nothing), must, show),
        *shown.judge("early_warning_grounds", grounds, "no early warning without a risen PD", show),
    ]


def _over(pd_12m: pd.Series[float], risen: pd.Series[float], floor: float) -> pd.Series[bool]:
    """False where no PD before is known."""
    return (pd_12m >= floor) & (pd_12m >= risen)


def _pd_before(both: Rows, night: Night) -> pd.Series[float]:
    """PD of the release before where the model that scores tonight scored then too: another's is no rise."""
    before = _before(both, night, "scores", ["pd_12m", "model_id"])
    if before is None or not night.has("scores"):
        return pd.Series(float("nan"), index=both.frame.index)
    tonight = beside(both.frame, night.tables["scores"].frame, ["model_id"])["model_id"]
    known: pd.Series[float] = before["pd_12m"].where(tonight == before["model_id"])
    return known


def _before(both: Rows, night: Night, table: str, columns: list[str]) -> pd.DataFrame | None:
    """Columns of the release before beside tonight's rows, null for customers not there; None without them."""
    if table not in night.previous or not set(columns) <= set(night.previous[table].frame.columns):
        return None
    return beside(both.frame, night.previous[table].frame, columns)
