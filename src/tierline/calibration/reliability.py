"""How well predicted and observed default rates agree.

Belongs here: the summary and the bins of one set of rows. Does not belong here: charts of them, groups (``table``),
tests (``level``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tierline.calibration.level import jeffreys_interval
from tierline.calibration.metrics import brier, cox, equal_bins

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """One reliability bin: rows, mean predicted PD and observed default rate."""

    rows: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Reliability:
    """Agreement of PD and outcome. ``slope`` and ``intercept`` as in Cox: ideal 1 and 0; NaN where no line fits."""

    brier: float
    ece: float
    slope: float
    intercept: float
    bins: tuple[Bin, ...]


def reliability(pd_12m: Floats, defaulted: npt.NDArray[np.bool_], bins: int = 10) -> Reliability:
    """Brier = mean (p − y)²; ECE = Σ n_b/N·|ȳ_b − p̄_b| over equal-count bins; slope and intercept of logit PD."""
    groups = equal_bins(pd_12m, bins)
    made = tuple(Bin(len(g), float(pd_12m[g].mean()), float(defaulted[g].mean())) for g in groups)
    ece = sum(b.rows * abs(b.observed - b.predicted) for b in made) / len(pd_12m)
    weight = np.ones(len(pd_12m))
    slope, intercept = cox(pd_12m, defaulted, weight)
    return Reliability(brier(pd_12m, defaulted, weight), float(ece), slope, intercept, made)


def reliability_frame(bins: Iterable[tuple[int, float, float]]) -> pd.DataFrame:
    """Bins (rows, predicted, observed) as a frame with a 95 % Jeffreys interval of each observed rate.

    Columns predicted, observed, count, lower, upper: Beta(D+½, N−D+½) quantiles (ECB validation instructions 2019).
    """
    frame = pd.DataFrame(list(bins), columns=["count", "predicted", "observed"])
    lower, upper = jeffreys_interval(frame["count"] * frame["observed"], frame["count"])
    return frame.assign(lower=lower, upper=upper)
