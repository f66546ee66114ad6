"""Platt scaling: a straight line in log-odds.

Belongs here: one calibrator. Does not belong here: choosing among calibrators.

Two parameters can be fitted on a few dozen defaults, keep the ranking and never give PD 0 or 1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from tierline.calibration.base import CalibratorBase
from tierline.calibration.inputs import check_rows
from tierline.calibration.logit import fit_logit
from tierline.errors import TierlineError

Floats = npt.NDArray[np.float64]
BACKWARDS = "calibration: the score ranks the calibration slice backwards: the model is not usable"


class PlattCalibrator(CalibratorBase):
    """PD = sigmoid(slope · margin + intercept); slope > 0, so the ranking is the booster's."""

    kind: Literal["platt"] = "platt"
    slope: float = Field(gt=0)
    intercept: float

    def _log_odds(self, margin: Floats) -> Floats:
        return self.slope * margin + self.intercept


def fit_platt(margin: npt.ArrayLike, defaulted: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> PlattCalibrator:
    """Fit slope and intercept by maximum likelihood (Platt 1999, without his smoothed targets).

    ``margin`` and ``defaulted`` have one entry per row. Raises ``TierlineError`` as ``check_rows`` does, if the margins
    rank the rows no better than backwards, and if they separate the classes.
    """
    rows = check_rows(margin, defaulted, weight)
    slope, intercept = fit_logit(rows.margin, rows.defaulted, rows.weight)
    if not slope > 0:
        raise TierlineError(BACKWARDS)
    return PlattCalibrator(slope=slope, intercept=intercept)
