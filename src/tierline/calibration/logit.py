"""Logit regression of an outcome on one or two numbers, by maximum likelihood.

Belongs here: the fit that the calibrators and the calibration slope share. Does not belong here: what it is used for.

Newton's method needs a handful of passes, which is what lets a bootstrap refit the line hundreds of times. Sums are
numpy's own: a matrix product would depend on the number of threads in its last digits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit, logit

from tierline.errors import TierlineError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
PASSES = 30  # a dozen are usual; an outcome that a line separates never settles
SETTLED = 1e-12  # of the loss; the step that is still taken then squares it


class NotIdentifiedError(TierlineError):
    """No finite coefficients have the largest likelihood: one class, one value, or classes that a line separates."""


def fit_logit(x: Floats, outcome: Bools, weight: Floats | None = None) -> tuple[float, float]:
    """Slope and intercept of P(outcome) = sigmoid(slope · x + intercept); raises ``NotIdentifiedError``."""
    w = np.ones(len(x)) if weight is None else weight
    used = w > 0
    good, bad = x[used & ~outcome], x[used & outcome]
    if not len(good) or not len(bad) or good.max() <= bad.min() or bad.max() <= good.min():
        raise NotIdentifiedError(
            "calibration: the score separates defaults from non-defaults, or there is one class: no line can be fitted;"
            " use more rows, or an intercept alone"
        )
    slope, intercept = fit_columns(x[None, :], outcome, w)
    return float(slope), float(intercept)


def fit_columns(columns: Floats, outcome: Bools, weight: Floats) -> Floats:
    """Coefficients of P(outcome) = sigmoid(Σ coefficient · column + intercept), the intercept last.

    ``columns`` is (number of columns) × rows. Raises ``NotIdentifiedError``.
    """
    share = weight / weight.sum()
    centre = (columns * share).sum(axis=1, keepdims=True)
    scale = np.sqrt(((columns - centre) ** 2 * share).sum(axis=1, keepdims=True))
    if not (scale > 1e-12 * (1 + np.abs(centre))).all():
        raise NotIdentifiedError("calibration: all scores are equal: no line can be fitted; use an intercept alone")
    design = np.vstack([(columns - centre) / scale, np.ones(columns.shape[1])])
    found = _newton(design, outcome, share)
    slopes = found[:-1] / scale[:, 0]
    return np.append(slopes, found[-1] - (slopes * centre[:, 0]).sum())


def mean_loss(z: Floats, outcome: Bools, share: Floats) -> float:
    """Weighted mean log-loss of log-odds ``z``; ``share`` sums to 1."""
    return float(-(share * log_expit(np.where(outcome, z, -z))).sum())


def _newton(design: Floats, outcome: Bools, share: Floats) -> Floats:
    at = np.zeros(len(design))
    at[-1] = logit(share[outcome].sum())
    loss = mean_loss(_line(at, design), outcome, share)
    for _ in range(PASSES):
        step, decrement = _step(at, design, outcome, share)
        size = 1.0
        while (new := mean_loss(_line(at - size * step, design), outcome, share)) > loss + 1e-15 and size > 1e-6:
            size /= 2
        at, loss = at - size * step, new
        if decrement <= SETTLED * loss:
            return at
    raise NotIdentifiedError("calibration: the score all but separates the outcomes: no line can be fitted")


def _step(at: Floats, design: Floats, outcome: Bools, share: Floats) -> tuple[Floats, float]:
    p = expit(_line(at, design))
    gradient = (design * (share * (p - outcome))).sum(axis=1)
    bent = design * (share * p * (1 - p))
    hessian = np.array([[(one * other).sum() for other in design] for one in bent])
    try:
        step = np.linalg.solve(hessian, gradient)
    except np.linalg.LinAlgError:
        raise NotIdentifiedError("calibration: the score separates the outcomes: no line can be fitted") from None
    return step, float(gradient @ step)


def _line(at: Floats, design: Floats) -> Floats:
    z: Floats = (design * at[:, None]).sum(axis=0)
    return z
