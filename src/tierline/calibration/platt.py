"""Platt scaling: a straight line in log-odds.

Belongs here: one calibrator. Does not belong here: choosing among calibrators.

Two parameters can be fitted on a few dozen defaults, keep the ranking and never give PD 0 or 1, which is why this form
comes first; a floor keeps the price of the best customers finite.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import expit

from tierline.calibration.logit import fit_logit
from tierline.errors import TierlineError

Floats = npt.NDArray[np.float64]
PD_FLOOR = 0.0005  # Basel CRE31.13: 0.05 % for retail (domain reference: unverified)


class PlattCalibrator(BaseModel):
    """PD = max(floor, sigmoid(slope · margin + intercept)); slope > 0, so the ranking is the booster's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: float = Field(gt=0)
    intercept: float
    floor: float = Field(PD_FLOOR, ge=0, lt=0.5)

    def predict(self, margin: Floats) -> Floats:
        """Calibrated PD of each margin (log-odds before calibration)."""
        calibrated: Floats = np.maximum(expit(self.slope * margin + self.intercept), self.floor)
        return calibrated


def fit_platt(margin: Floats, defaulted: npt.NDArray[np.bool_]) -> PlattCalibrator:
    """Fit slope and intercept by maximum likelihood (Platt 1999).

    ``margin`` and ``defaulted`` have one entry per row. Raises ``TierlineError`` if only one class is present or if the
    margins rank the rows no better than backwards.
    """
    if defaulted.all() or not defaulted.any():
        raise TierlineError("calibration: the calibration slice needs defaults and non-defaults: use a longer history")
    slope, intercept = fit_logit(margin, defaulted)
    if not slope > 0:
        raise TierlineError("calibration: the score ranks the calibration slice backwards: the model is not usable")
    return PlattCalibrator(slope=slope, intercept=intercept)
