"""Intervals of figures when rows of one customer are not independent.

Belongs here: the bootstrap by customer. Does not belong here: the figures (``metrics``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tierline.calibration.inputs import Floats, as_outcome
from tierline.calibration.metrics import METRICS, Metric
from tierline.errors import TierlineError

DRAWS = 500


@dataclass(frozen=True)
class Interval:
    """A figure with its percentile interval; ``draws`` of the bootstrap were defined. NaN where none was."""

    value: float
    low: float
    high: float
    draws: int


def block_bootstrap(
    pd_12m: npt.ArrayLike,
    defaulted: npt.ArrayLike,
    customer: npt.ArrayLike,
    seed: int,
    *,
    metrics: Mapping[str, Metric] = METRICS,
    draws: int = DRAWS,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Percentile intervals of each metric, drawing customers with all their rows.

    One entry per row in each array. A draw gives every customer a multinomial count, which weighs their rows, so rows
    are never copied. The same seed gives the same intervals, whatever the order of the rows of equal PD within a
    customer. Customers that share a month are still treated as independent: a common shock is not in the interval.
    """
    p, y, who = np.asarray(pd_12m, np.float64), as_outcome(defaulted), np.asarray(customer)
    if not len(p) == len(y) == len(who) or not len(p):
        raise TierlineError(f"bootstrap: {len(p)} PDs, {len(y)} outcomes and {len(who)} customers: give one per row")
    if draws < 1 or not 0 < level < 1:
        raise TierlineError(
            f"bootstrap: {draws} draws at level {level}: draw at least once, at a level between 0 and 1"
        )
    order = np.argsort(p, kind="stable")  # once: sorting what is sorted is nearly free in every draw
    p, y = p[order], y[order]
    customers, row_of = np.unique(who, return_inverse=True)
    row_of = row_of[order]
    drawn = {name: np.empty(draws) for name in metrics}
    generator = np.random.default_rng(seed)
    for draw in range(draws):
        count = np.bincount(generator.integers(len(customers), size=len(customers)), minlength=len(customers))
        weight = count[row_of].astype(np.float64)
        for name, metric in metrics.items():
            drawn[name][draw] = metric(p, y, weight)
    return {name: _interval(metric(p, y, np.ones(len(p))), drawn[name], level) for name, metric in metrics.items()}


def _interval(value: float, drawn: Floats, level: float) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Interval(value, float("nan"), float("nan"), 0)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), len(known))
