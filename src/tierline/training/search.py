"""An optional search of LightGBM's parameters, within a time budget.

Belongs here: what is searched and for how long. Does not belong here: the shape found without it (``booster``).

What a search finds depends on how much time the machine had for it, so the parameters it found stand in the card, and a
training that is to be repeated to the byte leaves it out (the default).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from tierline.errors import ConfigurationError
from tierline.training.booster import Shape, Trial, try_shape, tune_splits
from tierline.training.config import TrainingConfig
from tierline.training.panel import Panel

LOGGER = logging.getLogger("tierline.training")


def search(panel: Panel, config: TrainingConfig, shape: Shape) -> Shape:
    """The best shape of the trials that fit in ``search_minutes``; ``shape`` itself where there is no time for any.

    Optuna's TPE, seeded, judged by log-loss on the tune slice; ``shape`` is among the contenders.
    """
    if not config.search_minutes:
        return shape
    optuna = _import_optuna()
    splits = tune_splits(panel, config)
    best = [try_shape(panel, config, shape, splits)]
    LOGGER.info("search: %.5f is to be beaten, in %g minutes", best[0].loss.mean(), config.search_minutes)

    def objective(trial: Any) -> float:
        found = try_shape(panel, config, _suggest(trial), splits)
        loss = float(found.loss.mean())
        if loss < float(best[0].loss.mean()):
            best[0] = Trial(found.shape, found.loss)
        LOGGER.info("search: trial %d: log-loss %.5f, best %.5f", trial.number + 1, loss, best[0].loss.mean())
        return loss

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=config.seed))
    study.optimize(objective, timeout=config.search_minutes * 60)
    return replace(best[0].shape, tried=shape.tried)


def _suggest(trial: Any) -> Shape:
    found = {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.1, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 5, 500, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.1, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 100.0, log=True),
    }
    return Shape(trial.suggest_int("num_leaves", 2, 64, log=True), 0, found=found)


def _import_optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "search_minutes: the search needs Optuna: install the extra 'search', or leave search_minutes at 0"
        ) from error
    return optuna
