"""How well predicted and observed default rates agree.

Belongs here: Brier, ECE, calibration slope and intercept, reliability bins. Does not belong here: charts of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import logit
from scipy.stats import beta

from tierline.calibration.logit import fit_logit

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """One reliability bin: rows, mean predicted PD and observed default rate."""

    rows: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Reliability:
    """Agreement of PD and outcome. ``slope`` and ``intercept`` as in Cox: ideal 1 and 0."""

    brier: float
    ece: float
    slope: float
    intercept: float
    bins: tuple[Bin, ...]


def reliability(pd_12m: Floats, defaulted: npt.NDArray[np.bool_], bins: int = 10) -> Reliability:
    """Brier = mean (p − y)²; ECE = Σ n_b/N·|ȳ_b − p̄_b| over equal-count bins; slope and intercept of logit PD."""
    order = np.argsort(pd_12m, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    made = tuple(Bin(len(g), float(pd_12m[g].mean()), float(defaulted[g].mean())) for g in groups)
    ece = sum(b.rows * abs(b.observed - b.predicted) for b in made) / len(pd_12m)
    slope, intercept = _cox(pd_12m, defaulted)
    return Reliability(float(np.mean((pd_12m - defaulted) ** 2)), float(ece), slope, intercept, made)


def reliability_frame(bins: Iterable[tuple[int, float, float]]) -> pd.DataFrame:
    """Bins (rows, predicted, observed) as a frame with a 95 % Jeffreys interval of each observed rate.

    Columns predicted, observed, count, lower, upper: Beta(D+½, N−D+½) quantiles (ECB validation instructions 2019).
    """
    frame = pd.DataFrame(list(bins), columns=["count", "predicted", "observed"])
    defaults = frame["count"] * frame["observed"]
    shape = defaults + 0.5, frame["count"] - defaults + 0.5
    return frame.assign(lower=beta.ppf(0.025, *shape), upper=beta.ppf(0.975, *shape))


def _cox(pd_12m: Floats, defaulted: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Logit regression of the outcome on logit PD; NaN where only one class is present."""
    if defaulted.all() or not defaulted.any():
        return float("nan"), float("nan")
    return fit_logit(logit(np.clip(pd_12m, 1e-9, 1 - 1e-9)), defaulted)
