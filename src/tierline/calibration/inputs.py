"""What every fit of a calibrator asks of its rows.

Belongs here: the checks and their errors. Does not belong here: any fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tierline.errors import TierlineError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Checked rows of a fit, those of weight 0 left out: margins (log-odds), outcomes and weights of one length."""

    margin: Floats
    defaulted: Bools
    weight: Floats

    @property
    def default_rate(self) -> float:
        """Weighted share of defaults."""
        return float(self.weight[self.defaulted].sum() / self.weight.sum())


def check_rows(margin: npt.ArrayLike, defaulted: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> Rows:
    """The rows of a fit as arrays; ``weight`` counts rows and is 1 if not given.

    Raises ``TierlineError`` for lengths that differ, margins that are not finite, outcomes other than 0 and 1, negative
    or infinite weights, and for one class alone.
    """
    x, outcome = finite_margins(margin), as_outcome(defaulted)
    w = np.ones(len(x)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not x.shape == outcome.shape == w.shape or x.ndim != 1:
        raise TierlineError(
            f"calibration: {len(x)} margins, {len(outcome)} outcomes and {len(w)} weights: give one of each per row"
        )
    if not (np.isfinite(w) & (w >= 0)).all():
        raise TierlineError("calibration: a weight is negative or not finite: weights count rows")
    used = w > 0
    rows = Rows(x[used], outcome[used], w[used])
    if rows.defaulted.all() or not rows.defaulted.any():
        raise TierlineError("calibration: the calibration slice needs defaults and non-defaults: use a longer history")
    return rows


def finite_margins(margin: npt.ArrayLike) -> Floats:
    """Margins as float64; raises ``TierlineError`` if one is NaN or infinite."""
    x = np.asarray(margin, dtype=np.float64)
    wrong = int((~np.isfinite(x)).sum())
    if wrong:
        raise TierlineError(f"calibration: {wrong} of {x.size} margins are NaN or infinite: check the model's scores")
    return x


def as_outcome(defaulted: npt.ArrayLike) -> Bools:
    """Outcomes as booleans; raises ``TierlineError`` for anything but true, false, 0 and 1."""
    outcome = np.asarray(defaulted)
    if outcome.dtype != np.bool_:
        if not np.isin(outcome, (0, 1)).all():
            raise TierlineError("calibration: an outcome is neither 0 nor 1: leave out rows that are not labelled")
        outcome = outcome.astype(np.bool_)
    return outcome
