"""How far two samples of one figure lie apart.

Belongs here: the population stability index with its sampling error, which training, comparison and monitoring share.
Does not belong here: what to do about it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

HALF_COUNT = 0.5  # added to each cell so that an empty one gives a large figure, not infinity (Jeffreys)


@dataclass(frozen=True)
class PsiResult:
    """PSI of two samples, the chance of one at least as large without drift, and what it was computed from."""

    psi: float
    p_value: float
    bins: int
    n_expected: int
    n_actual: int


def psi(expected: ArrayLike, actual: ArrayLike, bins: int) -> PsiResult:
    """Population stability index Σ(pᵢ−qᵢ)·ln(pᵢ/qᵢ) (Siddiqi) over quantile bins of ``expected``.

    Bins are closed above; tied quantiles merge; missing values are a bin of their own where there are any. Half a case
    is added to every bin. p-value: PSI/(1/N+1/M) is about χ² with B−1 degrees of freedom (Yurdakul), so that a large
    sample is not blamed for a small drift nor a small one for chance.

    Raises ``ValueError`` for an empty sample, one wholly missing, or fewer than 2 bins.
    """
    reference, tonight = np.asarray(expected, dtype=float), np.asarray(actual, dtype=float)
    if bins < 2:
        raise ValueError(f"bins must be at least 2, not {bins}")
    if not tonight.size or np.isnan(reference).all():
        raise ValueError("PSI needs values in both samples")
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    known = reference[~np.isnan(reference)]
    edges = np.unique(np.quantile(known, inner, method="inverted_cdf"))
    if edges[0] == known.min():
        # The minimum fills a whole bin; without a further edge, values that move below it would go unseen.
        edges = np.insert(edges, 0, np.nextafter(edges[0], -np.inf))
    p_count, q_count = _counts(reference, edges), _counts(tonight, edges)
    present = (p_count + q_count) > 0
    p, q = _shares(p_count[present]), _shares(q_count[present])
    figure = float(np.sum((p - q) * np.log(p / q)))
    degrees = max(int(present.sum()) - 1, 1)
    scale = 1 / reference.size + 1 / tonight.size
    return PsiResult(figure, float(chi2.sf(figure / scale, degrees)), degrees + 1, reference.size, tonight.size)


def _counts(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    cells = np.searchsorted(edges, values, side="left")
    cells[np.isnan(values)] = edges.size + 1
    return np.bincount(cells, minlength=edges.size + 2).astype(float)


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    smoothed = counts + HALF_COUNT
    shares: NDArray[np.float64] = smoothed / smoothed.sum()
    return shares
