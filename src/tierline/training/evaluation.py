"""Judging a model on rows it has not seen: ranking with intervals, calibration, and a logistic floor.

Belongs here: out-of-time figures. Does not belong here: fitting the model that is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from tierline.calibration import reliability
from tierline.training.panel import CALIBRATE, TEST, TRAIN, Panel

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
BOOTSTRAPS = 500


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def auc_interval(score: Floats, defaulted: Bools, seed: int) -> Interval:
    """AUC with a percentile bootstrap over rows; rows must be of different customers (one date)."""
    generator = np.random.default_rng(seed)
    order = np.argsort(score, kind="stable")
    bad, ordered = defaulted[order], score[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    draws = []
    for _ in range(BOOTSTRAPS):
        weight = np.bincount(generator.integers(len(bad), size=len(bad)), minlength=len(bad)).astype(np.float64)
        bads = np.add.reduceat(weight * bad, starts)
        goods = np.add.reduceat(weight * ~bad, starts)
        if bads.sum() and goods.sum():
            below = np.cumsum(goods) - goods
            draws.append(float((bads * (below + goods / 2)).sum() / (bads.sum() * goods.sum())))
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(float(roc_auc_score(defaulted, score)), float(low), float(high))


def ks(score: Floats, defaulted: Bools) -> float:
    """Largest distance between the score distributions of defaults and non-defaults."""
    grid = np.unique(score)
    bad, good = np.sort(score[defaulted]), np.sort(score[~defaulted])
    gap = np.searchsorted(bad, grid, "right") / len(bad) - np.searchsorted(good, grid, "right") / len(good)
    return float(np.abs(gap).max())


def evaluate(panel: Panel, pd_12m: Floats, seed: int) -> dict[str, float]:
    """Out-of-time figures of the test slice; ``pd_12m`` has one entry per test row.

    ``unseen_*`` are those of customers that no learning row belongs to; absent where they have no default.
    """
    test = panel.rows(TEST)
    y = panel.y[test]
    auc = auc_interval(pd_12m, y, seed)
    fit = reliability(pd_12m, y)
    figures = {
        "test_rows": float(len(y)),
        "test_defaults": float(y.sum()),
        "test_default_rate": float(y.mean()),
        "mean_pd": float(pd_12m.mean()),
        "auc": auc.value,
        "auc_low": auc.low,
        "auc_high": auc.high,
        "gini": 2 * auc.value - 1,
        "ks": ks(pd_12m, y),
        "log_loss": float(log_loss(y, pd_12m)),
        "brier": fit.brier,
        "ece": fit.ece,
        "calibration_slope": fit.slope,
        "calibration_intercept": fit.intercept,
    }
    keys = np.array(panel.keys.column("customer_key").to_pylist())
    unseen = ~np.isin(keys[test], keys[panel.rows(TRAIN, CALIBRATE)])
    figures["unseen_rows"] = float(unseen.sum())
    if y[unseen].any() and not y[unseen].all():
        figures["unseen_gini"] = 2 * float(roc_auc_score(y[unseen], pd_12m[unseen])) - 1
    return figures


def logistic_floor(panel: Panel, seed: int) -> dict[str, float]:
    """AUC and log-loss of a plain logistic regression on the same rows and features: the floor a booster must beat.

    Features are rank-transformed, missing values imputed at the median with a flag.
    """
    learning, test = panel.rows(TRAIN, CALIBRATE), panel.rows(TEST)
    quantiles = min(1000, int(learning.sum()))
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        QuantileTransformer(n_quantiles=quantiles, output_distribution="uniform", subsample=None, random_state=seed),
        LogisticRegression(C=0.1, max_iter=2000),
    )
    model.fit(panel.x[learning], panel.y[learning])
    predicted = model.predict_proba(panel.x[test])[:, 1]
    auc = auc_interval(predicted, panel.y[test], seed)
    return {
        "logistic_auc": auc.value,
        "logistic_auc_low": auc.low,
        "logistic_auc_high": auc.high,
        "logistic_log_loss": float(log_loss(panel.y[test], predicted)),
    }
