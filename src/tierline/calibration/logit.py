"""Logit regression of an outcome on one number, by maximum likelihood.

Belongs here: the fit that Platt scaling and the calibration slope share. Does not belong here: what it is used for.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit

Floats = npt.NDArray[np.float64]


def fit_logit(x: Floats, outcome: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of P(outcome) = sigmoid(slope · x + intercept); both classes must be present."""
    sign = np.where(outcome, 1.0, -1.0)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        z = sign * (parameters[0] * x + parameters[1])
        slack = -sign * expit(-z)
        return float(-log_expit(z).mean()), np.array([(slack * x).mean(), slack.mean()])

    fitted = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS", options={"gtol": 1e-7})
    return float(fitted.x[0]), float(fitted.x[1])
