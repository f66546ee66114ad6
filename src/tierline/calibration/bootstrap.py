"""Intervals of figures when rows of one customer are not independent.

Belongs here: the bootstrap by customer. Does not belong here: the figures (``metrics``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tierline.calibration.inputs import Bools, Floats, as_outcome
from tierline.calibration.metrics import figures
from tierline.errors import TierlineError

DRAWS = 500
Figures = Callable[[Floats, Bools, Floats], Mapping[str, float]]


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % percentile interval; ``draws`` of the bootstrap were defined. NaN where none was."""

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
    metrics: Figures = figures,
    draws: int = DRAWS,
) -> dict[str, Interval]:
    """95 % percentile intervals of the figures of ``metrics``, drawing customers with all their rows.

    One entry per row in each array; ``metrics`` maps PDs, outcomes and weights to figures by name. A draw gives every
    customer a multinomial count, which weighs their rows, so rows are never copied. The same seed gives the same
    intervals, in whatever order the rows stand. Customers that share a month are still treated as independent: a
    common shock is not in the interval.
    """
    p, y, who = np.asarray(pd_12m, np.float64), as_outcome(defaulted), np.asarray(customer)
    if not len(p) == len(y) == len(who) or not len(p):
        raise TierlineError(f"bootstrap: {len(p)} PDs, {len(y)} outcomes and {len(who)} customers: give one per row")
    if draws < 1:
        raise TierlineError(f"bootstrap: {draws} draws: draw at least once")
    if not np.isfinite(p).all():
        raise TierlineError(
            f"bootstrap: {int((~np.isfinite(p)).sum())} of {len(p)} PDs are not finite: check the scores"
        )
    customers, row_of = np.unique(who, return_inverse=True)
    order = np.lexsort((y, row_of, p))  # once: sorting what is sorted is nearly free in every draw
    p, y, row_of = p[order], y[order], row_of[order]
    values = metrics(p, y, np.ones(len(p)))
    drawn = {name: np.empty(draws) for name in values}
    generator = np.random.default_rng(seed)
    for draw in range(draws):
        count = np.bincount(generator.integers(len(customers), size=len(customers)), minlength=len(customers))
        weight = count[row_of].astype(np.float64)
        for name, value in metrics(p, y, weight).items():
            drawn[name][draw] = value
    return {name: _interval(value, drawn[name]) for name, value in values.items()}


def _interval(value: float, drawn: Floats) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Interval(value, float("nan"), float("nan"), 0)
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(value, float(low), float(high), len(known))
