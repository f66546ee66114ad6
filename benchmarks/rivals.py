"""The peers that ``tierline.training.fit`` is measured against, each as its users would set it up.

Belongs here: fitting a peer on a table and its probabilities for another. Does not belong here: judging them.

All get the same rows. LightGBM and the histogram booster take missing values and categories as they are; the scorecard
bins both.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from tierline.training import TrainingConfig, fit
from tierline.training.booster import FEW_ROWS

Floats = npt.NDArray[np.float64]
Contender = Callable[[pd.DataFrame, pd.DataFrame, int], Floats]
TARGET, OURS = "bad", "tierline fit"
TRIALS, FOLDS, MOST_TREES, PATIENCE = 20, 5, 1_000, 50
MANY_ROWS = 50_000
"""Above, a setting is judged on the first fold only, which then holds 10,000 rows or more: five would take hours."""


def threads(train: pd.DataFrame) -> int:
    """Two threads on few rows would mostly wait for each other."""
    return 1 if len(train) <= FEW_ROWS else 2


def ours(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Floats:
    """``fit`` with its defaults; only ``min_defaults`` is lowered, so that the rarest worlds are tried at all."""
    config = TrainingConfig(min_defaults=2, seed=seed)
    return np.asarray(fit(train, target=TARGET, config=config).predict_pd(test))


def lightgbm_default(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Floats:
    model = lgb.LGBMClassifier(random_state=seed, n_jobs=threads(train), verbosity=-1)
    model.fit(train.drop(columns=TARGET), train[TARGET])
    return np.asarray(model.predict_proba(test.drop(columns=TARGET, errors="ignore")))[:, 1]


def lightgbm_tuned(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Floats:
    """The best of 20 random settings by five-fold log-loss, each stopped early; then fitted on all rows.

    Of more than ``MANY_ROWS`` rows one fold judges.
    """
    rng = np.random.default_rng(seed)
    best, kept, trees = np.inf, {}, 1
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(train, train[TARGET]))
    folds = folds[: 1 if len(train) > MANY_ROWS else FOLDS]
    for _ in range(TRIALS):
        given = _setting(rng) | {"seed": seed, "num_threads": threads(train)}
        stop = lgb.early_stopping(PATIENCE, verbose=False)
        data = lgb.Dataset(train.drop(columns=TARGET), train[TARGET], params={"verbosity": -1})
        found = lgb.cv(given, data, MOST_TREES, folds=folds, callbacks=[stop])["valid binary_logloss-mean"]
        if min(found) < best:
            best, kept, trees = min(found), given, int(np.argmin(found)) + 1
    model = lgb.train(kept, lgb.Dataset(train.drop(columns=TARGET), train[TARGET]), trees)
    return np.asarray(model.predict(test.drop(columns=TARGET, errors="ignore")))


def _setting(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "objective": "binary",
        "learning_rate": float(np.exp(rng.uniform(np.log(0.01), np.log(0.2)))),
        "num_leaves": int(np.exp(rng.uniform(np.log(4), np.log(128)))),
        "min_data_in_leaf": int(np.exp(rng.uniform(np.log(5), np.log(200)))),
        "feature_fraction": float(rng.uniform(0.4, 1)),
        "bagging_fraction": float(rng.uniform(0.5, 1)),
        "bagging_freq": 1,
        "lambda_l2": float(np.exp(rng.uniform(np.log(1e-3), np.log(30)))),
        "verbosity": -1,
    }


def woe_logistic(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Floats:
    """The classical scorecard: optimal binning to weights of evidence, then a logistic regression."""
    from optbinning import BinningProcess

    names = [name for name in train.columns if name != TARGET]
    coded = [name for name in names if not pd.api.types.is_numeric_dtype(train[name])]
    plain = {name: train[name].astype(object) if name in coded else train[name] for name in names}
    other = {name: test[name].astype(object) if name in coded else test[name] for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        binning = BinningProcess(names, categorical_variables=coded)
        woe = binning.fit_transform(pd.DataFrame(plain), train[TARGET].to_numpy(), metric="woe")
        model = LogisticRegression(max_iter=2_000, random_state=seed).fit(woe, train[TARGET])
        return np.asarray(model.predict_proba(binning.transform(pd.DataFrame(other), metric="woe")))[:, 1]


def histogram(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Floats:
    model = HistGradientBoostingClassifier(random_state=seed, categorical_features="from_dtype")
    model.fit(train.drop(columns=TARGET), train[TARGET])
    return np.asarray(model.predict_proba(test.drop(columns=TARGET, errors="ignore")))[:, 1]


def histogram_isotonic(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Floats:
    base = HistGradientBoostingClassifier(random_state=seed, categorical_features="from_dtype")
    model = CalibratedClassifierCV(base, method="isotonic", cv=5)
    model.fit(train.drop(columns=TARGET), train[TARGET])
    return np.asarray(model.predict_proba(test.drop(columns=TARGET, errors="ignore")))[:, 1]


CONTENDERS: dict[str, Contender] = {
    OURS: ours,
    "LightGBM, defaults": lightgbm_default,
    "LightGBM, tuned": lightgbm_tuned,
    "WOE logistic (optbinning)": woe_logistic,
    "HistGradientBoosting": histogram,
    "the same, isotonic, cv=5": histogram_isotonic,
}
