"""The calibrator for few defaults: the margin plus a constant. And the constant that gives a mean.

Belongs here: the intercept-only calibrator and the search for a shift. Does not belong here: which mean to aim at
(``tendency``).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, logit

from tierline.calibration.base import CalibratorBase
from tierline.calibration.inputs import check_rows
from tierline.errors import TierlineError

Floats = npt.NDArray[np.float64]


class ShiftCalibrator(CalibratorBase):
    """PD = sigmoid(margin + shift): the booster's own odds, moved to the level observed."""

    kind: Literal["shift"] = "shift"
    shift: float

    def _log_odds(self, margin: Floats) -> Floats:
        return margin + self.shift


def fit_shift(margin: npt.ArrayLike, defaulted: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> ShiftCalibrator:
    """Fit the shift by maximum likelihood: the mean PD of the rows is their default rate.

    Raises ``TierlineError`` as ``check_rows`` does. It cannot see a ranking that runs backwards: there is no slope.
    """
    rows = check_rows(margin, defaulted, weight)
    return ShiftCalibrator(shift=_shift_to(rows.margin, rows.default_rate, rows.weight))


def solve_shift(pd: npt.ArrayLike, target_mean: float, weight: npt.ArrayLike | None = None) -> float:
    """The logit shift after which the (weighted) mean of ``pd`` is ``target_mean``, to rounding.

    Raises ``TierlineError`` if a PD or the target does not lie strictly between 0 and 1.
    """
    p = np.asarray(pd, dtype=np.float64)
    if not p.size or not ((p > 0) & (p < 1)).all() or not 0 < target_mean < 1:
        raise TierlineError(
            "calibration: a shift needs PDs and a target strictly between 0 and 1: leave out customers in default"
        )
    return _shift_to(logit(p), target_mean, np.ones(len(p)) if weight is None else np.asarray(weight, np.float64))


def _shift_to(z: Floats, target: float, weight: Floats) -> float:
    share = weight / weight.sum()

    def excess(shift: float) -> float:
        return float((share * expit(z + shift)).sum()) - target

    # where every row is below, and above, the target; the margin is for rounding
    low, high = logit(target) - z.max() - 1e-6, logit(target) - z.min() + 1e-6
    return float(brentq(excess, low, high, xtol=1e-14, rtol=8.9e-16, maxiter=500))
