"""Is the PD of a group too low for the defaults it had? Tests of the level.

Belongs here: Jeffreys and binomial tests, and how many independent rows overlapping windows are worth. Does not belong
here: which groups are tested (``table``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, binom

from tierline.calibration.inputs import Floats, as_outcome
from tierline.errors import TierlineError

FEWEST_CUSTOMERS = 5  # in default, from which a correlation within customers is estimated rather than assumed


def jeffreys_p(defaults: npt.ArrayLike, rows: npt.ArrayLike, pd: npt.ArrayLike) -> Floats:
    """F_Beta(PD) of the posterior Beta(D + ½, N − D + ½): small means the PD is too low.

    ECB, Instructions for reporting the validation results of internal models (2019). D and N may be effective numbers.
    """
    d, n, p = _counts(defaults, rows, pd)
    return np.asarray(beta.cdf(p, d + 0.5, n - d + 0.5), dtype=np.float64)


def jeffreys_interval(defaults: npt.ArrayLike, rows: npt.ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Equal-tailed interval of the default rate from the same posterior."""
    d, n, _ = _counts(defaults, rows, 0.0)
    low, high = (beta.ppf(share, d + 0.5, n - d + 0.5) for share in ((1 - level) / 2, (1 + level) / 2))
    return np.asarray(low, np.float64), np.asarray(high, np.float64)


def binomial_p(defaults: npt.ArrayLike, rows: npt.ArrayLike, pd: npt.ArrayLike) -> Floats:
    """1 − BinomCDF(D − 1; N, PD), the chance of at least D defaults: small means the PD is too low (Basel WP14)."""
    d, n, p = _counts(defaults, rows, pd)
    return np.asarray(binom.sf(d - 1, n, p), dtype=np.float64)


@dataclass(frozen=True)
class EffectiveRows:
    """Rows and defaults as if independent: the real ones divided by ``design_effect``."""

    rows: float
    defaults: float
    design_effect: float


def effective_rows(defaulted: npt.ArrayLike, customer: npt.ArrayLike) -> EffectiveRows:
    """What rows that repeat customers are worth for the default rate; one entry per row.

    Design effect = variance of the rate with customers as clusters, G/(G−1)·Σ_g(Σ_{i∈g}(y_i − ȳ))²/N², over the
    binomial ȳ(1−ȳ)/(N−1); exactly 1 if no customer repeats, and never taken below 1. With fewer than five customers in
    default (or not) there is nothing to estimate a correlation from: it is then taken as perfect, Σ n_g²/N (Kish).
    """
    y, who = as_outcome(defaulted), np.asarray(customer)
    if len(y) != len(who) or not len(y):
        raise TierlineError(f"reliability: {len(y)} outcomes and {len(who)} customers: give one of each per row")
    customers, of = np.unique(who, return_inverse=True)
    n, groups = len(y), len(customers)
    size, bad = np.bincount(of), np.bincount(of, y)
    if groups == n:
        effect = 1.0
    elif min(int((bad > 0).sum()), int((bad < size).sum())) < FEWEST_CUSTOMERS:
        effect = float((size**2).sum() / n)
    else:
        rate = y.mean()
        clustered = groups / (groups - 1) * ((bad - rate * size) ** 2).sum() / n**2
        effect = float(max(1.0, clustered / (rate * (1 - rate) / (n - 1))))
    return EffectiveRows(n / effect, float(y.sum()) / effect, effect)


def _counts(defaults: npt.ArrayLike, rows: npt.ArrayLike, pd: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    d, n, p = (np.asarray(value, dtype=np.float64) for value in (defaults, rows, pd))
    if not ((d >= 0) & (d <= n) & (p >= 0) & (p <= 1)).all():
        raise TierlineError("reliability: a level test needs 0 ≤ defaults ≤ rows and a PD between 0 and 1")
    return d, n, p
