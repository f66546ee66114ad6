"""Fitting LightGBM: monotone, deterministic, stopped early on later rows of unseen customers.

Belongs here: the booster and its cross-fitted forward predictions. Does not belong here: judging it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from tierline.features import FEATURES
from tierline.training.config import TrainingConfig
from tierline.training.panel import CALIBRATE, TRAIN, Panel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
THREADS = 2
PATIENCE = 60


@dataclass(frozen=True)
class Fitted:
    """The booster on all learning rows, and the margins of the calibration slice from boosters that never saw it.

    ``forward_margin`` has one entry per calibration row: it comes from the fold's booster, trained on earlier dates and
    other customers, so the same default never stands on both sides.
    """

    booster: lgb.Booster
    trees: int
    forward_margin: Floats


def fit_booster(panel: Panel, config: TrainingConfig) -> Fitted:
    """Find the number of trees and the forward margins by customer folds, then fit on all learning rows.

    Boosting stops when the mean log-loss of the folds has not fallen for ``PATIENCE`` trees.
    """
    learning = panel.rows(TRAIN, CALIBRATE)
    x, calibrate = panel.x[learning], panel.part[learning] == CALIBRATE
    fold = customer_fold(panel.keys.column("customer_key").filter(learning).to_pylist(), config.folds)
    splits = [
        (np.flatnonzero(~calibrate & (fold != index)), np.flatnonzero(calibrate & (fold == index)))
        for index in np.unique(fold[calibrate])
    ]
    parameters = _parameters(panel, config, len(x))
    found = lgb.cv(
        parameters,
        _dataset(panel, learning),
        config.max_trees,
        folds=splits,
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        return_cvbooster=True,
    )
    boosters = cast(lgb.CVBooster, found["cvbooster"])
    trees = boosters.best_iteration
    margin = np.full(len(x), np.nan)
    for (_, held), booster in zip(splits, boosters.boosters, strict=True):
        margin[held] = booster.predict(x[held], raw_score=True, num_iteration=trees)
    final = lgb.train(parameters, _dataset(panel, learning), trees)
    return Fitted(final, trees, margin[calibrate])


def customer_fold(keys: list[str], folds: int) -> Ints:
    """Fold of each customer, from its pseudonym: stable when customers come and go."""
    return np.array([int(key[-8:], 16) % folds for key in keys], dtype=np.int64)


def _dataset(panel: Panel, mask: npt.NDArray[np.bool_]) -> lgb.Dataset:
    return lgb.Dataset(panel.x[mask], panel.y[mask].astype(np.float64), feature_name=panel.features)


def _parameters(panel: Panel, config: TrainingConfig, rows: int) -> dict[str, object]:
    direction = {feature.name: feature.monotone for feature in FEATURES}
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": config.learning_rate,
        "num_leaves": config.num_leaves,
        "min_data_in_leaf": min(config.min_data_in_leaf, max(5, rows // 50)),
        "feature_fraction": config.feature_fraction,
        "bagging_fraction": config.bagging_fraction,
        "bagging_freq": 1,
        "lambda_l2": config.lambda_l2,
        "monotone_constraints": [direction[name] for name in panel.features],
        # identical trees from run to run
        "deterministic": True,
        "force_col_wise": True,
        "seed": config.seed,
        "bin_construct_sample_cnt": max(rows, 200_000),
        "num_threads": THREADS,
        "verbosity": -1,
    }
