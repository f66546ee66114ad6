"""Gini, KS, Brier, log-loss and calibration of one model on weighted rows, fast enough for a bootstrap.

Belongs here: figures of one PD against outcomes, each row counted ``weight`` times. Does not belong here: which rows,
or the interval (``outcomes``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
MEASURES = ("gini", "ks", "brier", "log_loss", "calibration_gap")
BETTER = {"gini": 1, "ks": 1, "brier": -1, "log_loss": -1, "calibration_gap": -1}  # 1: the larger the better
_SMALLEST = 1e-15  # a PD of exactly 0 or 1 that fails costs log-loss as much as this one


@dataclass(frozen=True)
class Ranked:
    """A model's rows sorted by PD once, so that each draw only re-weights them.

    ``order`` sorts by PD; ``starts`` are the first rows of equal PDs; ``tier`` is the index of each row's own tier in
    the list of tiers, in the original order.
    """

    pd_12m: Floats
    defaulted: Bools
    order: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    squared: Floats
    loss: Floats
    tier: npt.NDArray[np.int64]
    tiers: int


def ranked(pd_12m: Floats, defaulted: Bools, tier: npt.NDArray[np.int64], tiers: int) -> Ranked:
    """Prepare the rows of one model; ``tier`` holds one index below ``tiers`` per row."""
    order = np.argsort(pd_12m, kind="stable")
    sorted_pd = pd_12m[order]
    starts = np.flatnonzero(np.r_[True, sorted_pd[1:] != sorted_pd[:-1]])
    clipped = np.clip(pd_12m, _SMALLEST, 1 - _SMALLEST)
    loss = -np.where(defaulted, np.log(clipped), np.log1p(-clipped))
    return Ranked(pd_12m, defaulted, order, starts, (pd_12m - defaulted) ** 2, loss, tier, tiers)


def figures(rows: Ranked, weight: Floats) -> dict[str, float]:
    """``MEASURES`` of the weighted rows; NaN for Gini and KS without defaults or without others.

    ``calibration_gap``: the mean over tiers, weighted by rows, of |mean PD - default rate| (a fraction).
    """
    total = weight.sum()
    bad_weight, good_weight = weight * rows.defaulted, weight * ~rows.defaulted
    bads = np.add.reduceat(bad_weight[rows.order], rows.starts)
    goods = np.add.reduceat(good_weight[rows.order], rows.starts)
    gini = ks = float("nan")
    if bads.sum() and goods.sum():
        better = np.cumsum(goods) - goods
        gini = float(2 * (bads * (better + goods / 2)).sum() / (bads.sum() * goods.sum()) - 1)
        ks = float(np.abs(np.cumsum(goods) / goods.sum() - np.cumsum(bads) / bads.sum()).max())
    count, gap = tier_gaps(rows, weight)
    return {
        "gini": gini,
        "ks": ks,
        "brier": float((weight * rows.squared).sum() / total),
        "log_loss": float((weight * rows.loss).sum() / total),
        "calibration_gap": float(np.abs(gap[count > 0]) @ count[count > 0] / total),
    }


def tier_gaps(rows: Ranked, weight: Floats) -> tuple[Floats, Floats]:
    """Weighted rows of each tier, and mean PD - default rate there (NaN for a tier without rows)."""
    count = np.bincount(rows.tier, weight, rows.tiers).astype(np.float64)
    excess = np.bincount(rows.tier, weight * (rows.pd_12m - rows.defaulted), rows.tiers)
    gap = np.divide(excess, count, out=np.full(rows.tiers, np.nan), where=count > 0)
    return count, gap
