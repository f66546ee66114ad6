"""Beta calibration: a line in ln p and −ln(1 − p), so that the two ends of the score bend apart.

Belongs here: one calibrator. Does not belong here: choosing among calibrators.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy.special import log_expit

from tierline.calibration.base import CalibratorBase
from tierline.calibration.inputs import Rows, check_rows
from tierline.calibration.logit import NotIdentifiedError, fit_columns, fit_logit, mean_loss
from tierline.calibration.platt import BACKWARDS
from tierline.errors import TierlineError

Floats = npt.NDArray[np.float64]


class BetaCalibrator(CalibratorBase):
    """PD = sigmoid(a · ln p − b · ln(1 − p) + c) with p = sigmoid(margin) (Kull, Silva Filho, Flach 2017).

    a, b ≥ 0 keep the order; a = b is Platt scaling.
    """

    kind: Literal["beta"] = "beta"
    a: float = Field(ge=0)
    b: float = Field(ge=0)
    c: float

    def _log_odds(self, margin: Floats) -> Floats:
        rising: Floats = self.a * log_expit(margin) + self.b * -log_expit(-margin) + self.c
        return rising


def fit_beta(margin: npt.ArrayLike, defaulted: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> BetaCalibrator:
    """Fit a, b ≥ 0 and c by maximum likelihood.

    The loss is convex: its least value under a, b ≥ 0 is the free minimum if that is feasible, and else lies where one
    of them is 0. Raises ``TierlineError`` as ``fit_platt`` does.
    """
    rows = check_rows(margin, defaulted, weight)
    fit_logit(rows.margin, rows.defaulted, rows.weight)  # refuses classes that the margin separates
    both = _fit_face(rows, a=True, b=True)
    if both is not None:
        return both
    edges = [one for one in (_fit_face(rows, a=True, b=False), _fit_face(rows, a=False, b=True)) if one is not None]
    if not edges:
        raise TierlineError(BACKWARDS)
    share = rows.weight / rows.weight.sum()
    return min(edges, key=lambda one: mean_loss(one.log_odds(rows.margin), rows.defaulted, share))


def _fit_face(rows: Rows, *, a: bool, b: bool) -> BetaCalibrator | None:
    """The fit with only the given coefficients free; none if one of them is not positive or not identified."""
    columns = np.stack([log_expit(rows.margin)] * a + [-log_expit(-rows.margin)] * b)
    try:
        *slopes, c = fit_columns(columns, rows.defaulted, rows.weight).tolist()
    except NotIdentifiedError:
        return None
    if min(slopes) <= 0:
        return None
    return BetaCalibrator(a=slopes[0] if a else 0.0, b=slopes[-1] if b else 0.0, c=c)
