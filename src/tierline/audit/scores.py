"""Rules of ``scores``: every customer, the PD handed on, tier by bounds and hysteresis, points by the log-odds scale.

Belongs here: recomputing tier and score from the PD. Does not belong here: whether the PD is right (``monitoring``).
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd

from tierline.audit.finding import Finding, Rows
from tierline.audit.night import IN_DEFAULT, Night, beside, in_other, joined
from tierline.audit.profile import Profile

_FINITE = 1e-6  # PDs of 0 and 1 have no finite log-odds; they get the points of this distance from 0 and 1
_POINTS = 1e-6
_EDGE = 1e-12  # a PD this close to the end of a band may be on either side of it by float arithmetic


def audit_scores(night: Night) -> list[Finding]:
    """Judge ``scores`` against the inputs and the scale."""
    if not night.has("scores"):
        return []
    scores = night.tables["scores"]
    unscored = night.inputs.judge(
        "customers_scored", in_other(night.inputs, scores), "every customer of the inputs must have a score"
    )
    unknown = scores.judge("customers", in_other(scores, night.inputs), "customers must stand in the inputs")
    facts = ["in_default", "pd_12m", "thin_file"]
    both = joined(scores, night.inputs, facts)
    return [*unscored, *unknown, *_as_handed_on(both), *_tiers(both, night), *_points(both, night.profile)]


def _as_handed_on(both: Rows) -> list[Finding]:
    f = both.frame
    same = f["pd_12m"] == f["pd_12m_other"]
    sure = ~f["in_default"] | (f["pd_12m"] == 1)
    return [
        *both.judge("pd", same, "pd_12m must be that of the inputs", ["pd_12m", "pd_12m_other"]),
        *both.judge("pd_in_default", sure, "pd_12m must be 1 in default", ["pd_12m"]),
        *both.judge("thin_file", f["thin_file"] == f["thin_file_other"], "thin_file must be that of the inputs"),
    ]


def _tiers(both: Rows, night: Night) -> list[Finding]:
    f, profile = both.frame, night.profile
    default = f["in_default"] == (f["tier"] == IN_DEFAULT)
    bounds = profile.by_tier("scale.tier_bounds")
    expected = pd.Series([None] * len(f), dtype="str")
    for tier, bound in reversed(bounds.items()):
        expected[f["pd_12m"] <= float(bound)] = tier
    before = _tier_before(f["customer_key"], night)
    keeps, at_edge = _within_band(f["pd_12m"], before, night.profile)
    kept = expected.where(~keeps, before)
    right = (f["tier"] == kept) | (at_edge & ((f["tier"] == before) | (f["tier"] == expected)))
    apart = f["in_default"] | (f["tier"] == IN_DEFAULT) | right
    must = "tier must be the first whose bound is not below pd_12m, or last night's within the hysteresis"
    return [
        *both.judge("tier_in_default", default, f"tier must be {IN_DEFAULT} exactly in default", ["tier"]),
        *both.judge("tier", apart, must, ["tier", "pd_12m"]),
    ]


def _tier_before(keys: pd.Series[str], night: Night) -> pd.Series[str]:
    """Each customer's tier in the release before; null for new ones and on the first night."""
    if "scores" not in night.previous:
        return pd.Series([None] * len(keys), dtype="str")
    return beside(pd.Series(keys).to_frame(), night.previous["scores"].frame, ["tier"])["tier"].astype("str")


def _within_band(
    pd_12m: pd.Series[float], before: pd.Series[str], profile: Profile
) -> tuple[pd.Series[bool], pd.Series[bool]]:
    """Where the tier before must be kept: the PD is within its bounds widened by the hysteresis; and where that is a
    matter of float rounding."""
    share, bounds = profile.exact("scale.hysteresis"), profile.by_tier("scale.tier_bounds")
    best = next(iter(bounds))
    lows = dict(zip(bounds, [Fraction(-1), *bounds.values()], strict=False))
    low = before.map({tier: float(bound * (1 - share)) for tier, bound in lows.items()} | {best: -1.0})
    high = before.map({tier: float(bound * (1 + share)) for tier, bound in bounds.items()})
    at_edge = ((pd_12m - low).abs() <= _EDGE) | ((pd_12m - high).abs() <= _EDGE)
    return (pd_12m > low) & (pd_12m <= high), at_edge


def _points(both: Rows, profile: Profile) -> list[Finding]:
    factor = profile.number("scale.score_pdo") / math.log(2)
    offset = profile.number("scale.score_base") - factor * math.log(profile.number("scale.score_odds"))
    p = both.frame["pd_12m"].clip(_FINITE, 1 - _FINITE)
    expected = offset + factor * np.log((1 - p) / p)
    right = (both.frame["score"] - expected).abs() <= _POINTS
    must = f"score must be {offset:.3f} + {factor:.4f} ln((1-p)/p)"
    return both.judge("score", right, must, ["score", "pd_12m"])
