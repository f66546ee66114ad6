"""Figures of a PD against outcomes, each row with a weight.

Belongs here: weighted figures of one set of rows. Does not belong here: their intervals (``bootstrap``).

Each takes the PD (or any score), the outcome and the weight of every row, and gives NaN where it is not defined: one
class, no weight, classes that a line separates. A weight counts a row as often; weight 1 gives the usual figure.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from tierline.calibration.logit import NotIdentifiedError, fit_logit

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
NEAREST = 1e-9  # to 0 and 1, where a PD's log-odds are taken
ECE_BINS = 10


def auc(score: Floats, defaulted: Bools, weight: Floats) -> float:
    """Chance that a default scores above a non-default, ties counting half."""
    return _auc(*_by_score(score, defaulted, weight))


def gini(score: Floats, defaulted: Bools, weight: Floats) -> float:
    """2 · AUC − 1."""
    return 2 * auc(score, defaulted, weight) - 1


def ks(score: Floats, defaulted: Bools, weight: Floats) -> float:
    """Largest distance between the score distributions of defaults and non-defaults."""
    return _ks(*_by_score(score, defaulted, weight))


def log_loss(pd_12m: Floats, defaulted: Bools, weight: Floats) -> float:
    """Mean of −ln of the probability given to what happened; PDs are first kept 1e-9 away from 0 and 1."""
    p = np.clip(pd_12m, NEAREST, 1 - NEAREST)
    return _mean(-np.log(np.where(defaulted, p, 1 - p)), weight)


def brier(pd_12m: Floats, defaulted: Bools, weight: Floats) -> float:
    """Mean (p − y)²."""
    return _mean((pd_12m - defaulted) ** 2, weight)


def ece(pd_12m: Floats, defaulted: Bools, weight: Floats) -> float:
    """Σ n_b/N · |ȳ_b − p̄_b| over ten bins with equal numbers of rows; weights count within the bins.

    Noise only adds to it: it is above 0 for a perfect PD, and more so in a bootstrap draw.
    """
    total = weight.sum()
    if not total > 0:
        return float("nan")
    excess = weight * (defaulted - pd_12m)
    return float(sum(abs(excess[rows].sum()) for rows in equal_bins(pd_12m, ECE_BINS)) / total)


def slope(pd_12m: Floats, defaulted: Bools, weight: Floats) -> float:
    """Slope of the logit regression of the outcome on logit PD; ideal 1 (Cox)."""
    return cox(pd_12m, defaulted, weight)[0]


def intercept(pd_12m: Floats, defaulted: Bools, weight: Floats) -> float:
    """Intercept of the logit regression of the outcome on logit PD; ideal 0 (Cox)."""
    return cox(pd_12m, defaulted, weight)[1]


def cox(pd_12m: Floats, defaulted: Bools, weight: Floats) -> tuple[float, float]:
    """Slope and intercept of the logit regression of the outcome on logit PD; NaN where no line can be fitted."""
    used = weight > 0
    try:
        return fit_logit(logit(np.clip(pd_12m[used], NEAREST, 1 - NEAREST)), defaulted[used], weight[used])
    except NotIdentifiedError:
        return float("nan"), float("nan")


def equal_bins(pd_12m: Floats, bins: int) -> list[npt.NDArray[np.intp]]:
    """Row numbers of bins of equal size by rising PD; fewer bins where there are fewer rows."""
    order = np.argsort(pd_12m, kind="stable")
    return [rows for rows in np.array_split(order, bins) if len(rows)]


def figures(pd_12m: Floats, defaulted: Bools, weight: Floats) -> dict[str, float]:
    """All of the above by name: auc, gini, ks, log_loss, brier, ece, slope, intercept."""
    bads, goods = _by_score(pd_12m, defaulted, weight)  # one sort and one line serve several figures
    area, (steepness, level) = _auc(bads, goods), cox(pd_12m, defaulted, weight)
    return {
        "auc": area,
        "gini": 2 * area - 1,
        "ks": _ks(bads, goods),
        "log_loss": log_loss(pd_12m, defaulted, weight),
        "brier": brier(pd_12m, defaulted, weight),
        "ece": ece(pd_12m, defaulted, weight),
        "slope": steepness,
        "intercept": level,
    }


def _auc(bads: Floats, goods: Floats) -> float:
    if not bads.sum() * goods.sum() > 0:
        return float("nan")
    below = np.cumsum(goods) - goods
    return float((bads * (below + goods / 2)).sum() / (bads.sum() * goods.sum()))


def _ks(bads: Floats, goods: Floats) -> float:
    if not bads.sum() * goods.sum() > 0:
        return float("nan")
    return float(np.abs(np.cumsum(bads) / bads.sum() - np.cumsum(goods) / goods.sum()).max())


def _mean(value: Floats, weight: Floats) -> float:
    total = weight.sum()
    return float((weight * value).sum() / total) if total > 0 else float("nan")


def _by_score(score: Floats, defaulted: Bools, weight: Floats) -> tuple[Floats, Floats]:
    """Weight of defaults and of non-defaults at each distinct score, rising."""
    order = np.argsort(score, kind="stable")
    bad, ordered, counted = defaulted[order], score[order], weight[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return np.add.reduceat(counted * bad, starts), np.add.reduceat(counted * ~bad, starts)
