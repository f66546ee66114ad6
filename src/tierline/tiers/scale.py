"""The master scale applied: tiers by upper PD bound, points by log-odds."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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


def tiered_scores(scored: pa.Table, scale: ScalePolicy) -> pa.Table:
    """Add tier and points to a night's scores; returns the published table ``scores``.

    ``scored`` has the columns of ``scores`` but tier and score, and ``in_default``.
    """
    pd_12m = scored.column("pd_12m").to_numpy()
    tiers = assign_tiers(pd_12m, scored.column("in_default").to_numpy(), scale)
    full = scored.append_column("tier", pa.array(tiers.tolist(), pa.string()))
    return conform(full.append_column("score", pa.array(score_points(pd_12m, scale))), PUBLISHED["scores"])
