"""The master scale applied: tiers by upper PD bound, kept where the PD has not clearly passed one; points by log-odds.

Belongs here: tier and points of a customer. Does not belong here: whether tiers differ in outcome (``tiers.distinct``).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.errors import TierlineError
from tierline.parquet import conform
from tierline.policy import ScalePolicy
from tierline.policy.model import DEFAULT_TIER
from tierline.schemas import PUBLISHED

Floats = npt.NDArray[np.float64]
_FINITE = 1e-6  # PD of 0 or 1 has no finite score; such a row gets the score of this PD


def assign_tiers(pd_12m: Floats, in_default: npt.NDArray[np.bool_], scale: ScalePolicy) -> npt.NDArray[np.object_]:
    """Tier of each row: the first whose upper bound is not below the PD; customers in default get tier X.

    Raises ``TierlineError`` if any PD is not a number in [0, 1]: a negative one would pass for the best tier.
    """
    wrong = np.flatnonzero(~((pd_12m >= 0) & (pd_12m <= 1)))
    if len(wrong):
        raise TierlineError(
            f"scored: column pd_12m: must be in [0, 1]; {len(wrong)} rows are not, first row {wrong[0]} is"
            f" {pd_12m[wrong[0]]}: check the model and its calibration"
        )
    bounds = np.array(list(scale.tier_bounds.values()))
    names = np.array(scale.tiers, dtype=object)
    tiers = names[np.searchsorted(bounds, pd_12m, side="left")]
    tiers[in_default] = DEFAULT_TIER
    return tiers


def score_points(pd_12m: Floats, scale: ScalePolicy) -> Floats:
    """S = offset + factor·ln((1−p)/p), factor = PDO/ln 2, offset = S₀ − factor·ln(odds₀) (Siddiqi)."""
    factor = scale.score_pdo / math.log(2)
    offset = scale.score_base - factor * math.log(scale.score_odds)
    p = np.clip(pd_12m, _FINITE, 1 - _FINITE)
    return np.asarray(offset + factor * np.log((1 - p) / p))


def keep_tiers(
    tiers: npt.NDArray[np.object_], pd_12m: Floats, before: npt.NDArray[np.object_], scale: ScalePolicy
) -> npt.NDArray[np.object_]:
    """``tiers`` with last night's tier ``before`` kept wherever the PD has not passed a bound of it by the hysteresis.

    Kept from tier t with bounds (low, high] if low·(1−h) < PD ≤ high·(1+h). Customers in default tonight or last night,
    new ones (None) and tiers the scale no longer has keep nothing.
    """
    bounds = np.array(list(scale.tier_bounds.values()))
    held = tiers.copy()
    for place, name in enumerate(scale.tiers):
        low = bounds[place - 1] * (1 - scale.hysteresis) if place else -1.0
        within = (pd_12m > low) & (pd_12m <= bounds[place] * (1 + scale.hysteresis))
        held[(before == name) & within & (tiers != DEFAULT_TIER)] = name
    return held


def tiers_of(scored: pa.Table, scale: ScalePolicy, previous: pa.Table | None) -> npt.NDArray[np.object_]:
    """Tier of each scored row, given the previous release's ``scores`` (customer_key, tier); None on the first night.

    ``scored`` has customer_key, pd_12m and in_default. Raises ``TierlineError`` for a PD that is no probability.
    """
    pd_12m = scored.column("pd_12m").to_numpy()
    tiers = assign_tiers(pd_12m, scored.column("in_default").to_numpy(), scale)
    if previous is None or scale.hysteresis == 0:
        return tiers
    rows = pc.index_in(scored.column("customer_key"), value_set=previous.column("customer_key").combine_chunks())
    before = previous.column("tier").take(rows).to_numpy()
    return keep_tiers(tiers, pd_12m, before, scale)


def tiered_scores(scored: pa.Table, scale: ScalePolicy, previous: pa.Table | None = None) -> pa.Table:
    """Add tier and points to a night's scores; returns the published table ``scores``.

    ``scored`` has the columns of ``scores`` but tier and score, and ``in_default``. ``previous`` are the scores of the
    release before, whose tiers are kept within the hysteresis; without one, as on the first night, tiers go by the
    bounds alone.
    """
    tiers = tiers_of(scored, scale, previous)
    full = scored.append_column("tier", pa.array(tiers.tolist(), pa.string()))
    points = score_points(scored.column("pd_12m").to_numpy(), scale)
    return conform(full.append_column("score", pa.array(points)), PUBLISHED["scores"])
