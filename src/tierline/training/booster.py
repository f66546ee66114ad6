"""Fitting LightGBM: monotone, deterministic, stopped early on later rows of unseen customers.

Belongs here: the choice of shape, the cross-fitted predictions, and the booster. Does not belong here: judging
it, or calibration.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.special import log_expit

from tierline.training.config import TrainingConfig
from tierline.training.panel import TUNE, Panel
from tierline.training.splits import calibration_splits, customer_fold, tuning_splits

LOGGER = logging.getLogger("tierline.training")
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
THREADS = 2
FEW_ROWS = 20_000
"""Up to here one thread is used: two would mostly wait for each other."""
PATIENCE = 60
ENOUGH_DEFAULTS = 1_000
"""Folds are judged until this many defaults were: more would only cost time."""
SHRINKAGE_PER_INFORMATION = 0.05
"""L2 is at most this share of Σp(1-p): a constant made for a large book would hold a small one at its mean."""
RANDOM_THRESHOLD_ROWS = 50_000
"""Up to here thresholds drawn at random are tried too: they smooth, which many rows do by themselves."""
FEATURES_PER_TREE, LEAST_FRACTION, MOST_FRACTION = 40, 0.4, 0.9
"""A tree is offered about so many features: with a share of few it seldom sees both sides of an interaction."""
TREES_BY_ROWS = 0.35
"""The best number of trees grows with about this power of the rows (invented worlds, 1,000 to 100,000 rows)."""
LATER_ERRORS, SAME_TIME_ERRORS = 1.0, 0.5
"""Standard errors by which a shape must win: on later dates, where the simple carries over, and on rows like those
learned from."""


@dataclass(frozen=True)
class Shape:
    """What is decided before the final fit: the size of a tree, their number, and parameters found by a search.

    ``random_thresholds``: each feature offers one threshold drawn at random (extremely randomised trees; Geurts, Ernst
    & Wehenkel 2006), which makes the sum of many trees smooth. ``tried``: mean held-out log-loss of each shape.
    """

    num_leaves: int
    trees: int
    tried: Mapping[str, float] = field(default_factory=dict)
    found: Mapping[str, float | int] = field(default_factory=dict)
    random_thresholds: bool = False

    @property
    def name(self) -> str:
        """How the shape is called among those tried: ``4``, or ``4 random``."""
        return f"{self.num_leaves} random" if self.random_thresholds else str(self.num_leaves)


@dataclass(frozen=True)
class Trial:
    """One shape on the tune slice: log-loss of each held-out row."""

    shape: Shape
    loss: Floats


def choose_shape(panel: Panel, config: TrainingConfig) -> Shape:
    """The simplest shape that none after it beats by more than a share of the standard error of the paired difference.

    Each is stopped when the mean log-loss of held-out customers on the tune slice has not fallen for ``PATIENCE``
    trees. Without a tune slice their number is raised to that of all learning rows: a trial learned from a part.
    """
    splits = tune_splits(panel, config)
    held = np.concatenate([rows for _, rows in splits])
    customer = np.unique(panel.customers[held], return_inverse=True)[1]
    later = bool((panel.part == TUNE).any())
    errors = LATER_ERRORS if later else SAME_TIME_ERRORS
    best: Trial | None = None
    tried: dict[str, float] = {}
    for shape in candidates(config, len(splits[0][0])):
        trial = try_shape(panel, config, shape, splits)
        tried[shape.name] = float(trial.loss.mean())
        LOGGER.info("training: %s leaves: %d trees, log-loss %.5f", shape.name, trial.shape.trees, tried[shape.name])
        if best is None or _gains(best.loss - trial.loss, customer, errors):
            best = trial
    assert best is not None  # config.leaves is not empty
    growth = 1.0 if later else (int(panel.learning.sum()) / len(splits[0][0])) ** TREES_BY_ROWS
    return replace(best.shape, trees=round(growth * best.shape.trees), tried=tried)


def candidates(config: TrainingConfig, rows: int) -> list[Shape]:
    """The shapes to try on ``rows`` rows, from the smoothest on; random thresholds only where rows are few."""
    kinds = (True, False) if rows <= RANDOM_THRESHOLD_ROWS else (False,)
    return [Shape(leaves, 0, random_thresholds=kind) for leaves in config.leaves for kind in kinds]


def _gains(difference: Floats, customer: Ints, errors: float) -> bool:
    """True if the mean of ``difference`` is above ``errors`` of its standard errors, clustered by customer."""
    sums = np.bincount(customer, weights=difference - difference.mean())
    return bool(difference.mean() > errors * np.sqrt((sums**2).sum()) / len(difference))


def tune_splits(panel: Panel, config: TrainingConfig) -> list[tuple[Ints, Ints]]:
    """Forward splits of the tune slice, as many as hold ``ENOUGH_DEFAULTS``."""
    splits = tuning_splits(panel.part, customer_fold(panel.customers.tolist(), config.folds))
    defaults = np.cumsum([panel.y[held].sum() for _, held in splits])
    return splits[: int(np.searchsorted(defaults, ENOUGH_DEFAULTS)) + 1]


def try_shape(panel: Panel, config: TrainingConfig, shape: Shape, splits: list[tuple[Ints, Ints]]) -> Trial:
    """Boost on each split until the mean held-out log-loss rises; the trees at its lowest, and the rows' losses."""
    used = np.unique(np.concatenate([rows for split in splits for rows in split]))
    folds = [(np.searchsorted(used, fit), np.searchsorted(used, held)) for fit, held in splits]
    found = lgb.cv(
        parameters(panel, config, shape, len(folds[0][0])),
        dataset(panel, used),
        config.max_trees,
        folds=folds,
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        return_cvbooster=True,
    )
    boosters = cast(lgb.CVBooster, found["cvbooster"])
    loss = []
    for (_, held), booster in zip(splits, boosters.boosters, strict=True):
        margin = booster.predict(panel.x[held], raw_score=True, num_iteration=boosters.best_iteration)
        loss.append(-log_expit(np.where(panel.y[held], 1.0, -1.0) * np.asarray(margin)))
    return Trial(replace(shape, trees=boosters.best_iteration), np.concatenate(loss))


def held_out_margins(panel: Panel, config: TrainingConfig, shape: Shape) -> tuple[Ints, Floats, Ints]:
    """Rows of the calibration slice, their margins from boosters that never saw their customer, and their folds.

    Each booster learns from other customers, so the same default never stands on both sides.
    """
    fold = customer_fold(panel.customers.tolist(), config.folds)
    margin = np.full(len(panel.y), np.nan)
    for fit, held in calibration_splits(panel.part, fold):
        booster = fit_rows(panel, config, shape, fit)
        margin[held] = booster.predict(panel.x[held], raw_score=True)
    rows = np.flatnonzero(~np.isnan(margin))
    return rows, margin[rows], fold[rows]


def fit_rows(panel: Panel, config: TrainingConfig, shape: Shape, rows: Ints) -> lgb.Booster:
    """A booster of ``shape`` on the given rows."""
    return lgb.train(parameters(panel, config, shape, len(rows)), dataset(panel, rows), shape.trees)


def dataset(panel: Panel, rows: Ints) -> lgb.Dataset:
    """LightGBM's form of some rows."""
    coded = [index for index, name in enumerate(panel.features) if name in panel.columns.categories]
    return lgb.Dataset(
        panel.x[rows],
        panel.y[rows].astype(np.float64),
        feature_name=[f"f{index}" for index in range(len(panel.features))],  # names may hold what LightGBM refuses
        categorical_feature=coded,
    )


def parameters(panel: Panel, config: TrainingConfig, shape: Shape, rows: int) -> dict[str, Any]:
    """LightGBM's parameters for a fit on ``rows`` rows."""
    rate = float(panel.y[panel.learning].mean())
    information = rows * rate * (1 - rate)
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": config.learning_rate,
        "num_leaves": shape.num_leaves,
        "min_data_in_leaf": min(config.min_data_in_leaf, max(5, rows // 50)),
        "feature_fraction": _fraction(len(panel.features))
        if config.feature_fraction is None
        else config.feature_fraction,
        "bagging_fraction": config.bagging_fraction,
        "bagging_freq": 1,
        "lambda_l2": min(config.lambda_l2, SHRINKAGE_PER_INFORMATION * information),
        "extra_trees": shape.random_thresholds,
        "monotone_constraints": [panel.columns.monotone.get(name, 0) for name in panel.features],
        **shape.found,
        # identical trees from run to run
        "deterministic": True,
        "force_col_wise": True,
        "seed": config.seed,
        "bin_construct_sample_cnt": max(rows, 200_000),
        "num_threads": 1 if rows <= FEW_ROWS else THREADS,
        "verbosity": -1,
    }


def _fraction(features: int) -> float:
    return min(MOST_FRACTION, max(LEAST_FRACTION, FEATURES_PER_TREE / features))
