"""Exact reasons against LightGBM's ``pred_contrib``: the kernel alone, and a book from feature files to scores.

Belongs here: an invented book, a model of it, and the contenders. Does not belong here: timing.

The book has the registry's features as skewed columns with missing values and zeros; 2-5 % of its customers default.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tierline.calibration import Calibration, PlattCalibrator
from tierline.features import FEATURES, feature_parts, feature_set_hash
from tierline.models import BundleCard, ModelBundle
from tierline.parquet import write_arrow, write_contract
from tierline.scoring import SCORED, score_book
from tierline.shapley import TreeExplainer

AS_OF = date(2025, 12, 31)
NAMES = [feature.name for feature in FEATURES]
BUCKET = 25_000
LEARNING_ROWS = 60_000
Floats = np.ndarray


@dataclass(frozen=True)
class Book:
    """Feature files below ``root``, one per bucket of 25,000 customers, and models by number of trees."""

    root: Path
    customers: int

    @property
    def features(self) -> Path:
        return self.root / "features"


def columns(seed: int, rows: int) -> Floats:
    """Amounts, counts with many zeros, and missing values, as a (rows, features) matrix."""
    rng = np.random.default_rng(seed)
    x = rng.lognormal(sigma=1.0, size=(rows, len(NAMES)))
    x[:, 1::3] = np.floor(x[:, 1::3])  # counts
    common = rng.normal(size=(rows, 1))
    x *= np.exp(0.4 * common)  # activity: features go together
    x[rng.random(x.shape) < 0.08] = np.nan
    x[:, NAMES.index("dpd_now")] = np.where(rng.random(rows) < 0.01, 120.0, 0.0)
    return x


def defaulted(x: Floats, seed: int) -> Floats:
    """Defaults of 2-5 % that depend on a third of the features, some together."""
    rng = np.random.default_rng(seed)
    z = np.log1p(np.nan_to_num(x, nan=0.5))[:, ::3]
    z = (z - z.mean(axis=0)) / (z.std(axis=0) + 1e-9)
    weights = np.random.default_rng(1).normal(size=z.shape[1]) / np.sqrt(z.shape[1])
    margin = -4.2 + 1.2 * z @ weights + 0.4 * z[:, 3] * (z[:, 5] > 0) - 0.3 * z[:, 7] * z[:, 8]
    return (rng.random(len(x)) < 1 / (1 + np.exp(-margin))).astype(np.float64)


def make_book(book: Book) -> None:
    """Write the feature files, once."""
    for bucket in range(max(1, book.customers // BUCKET)):
        path = book.features / f"bucket={bucket:03d}.parquet"
        if not path.exists():
            rows = min(BUCKET, book.customers)
            keys = pa.array([f"{bucket:04x}{row:060x}" for row in range(rows)])
            x = columns(100 + bucket, rows)
            data = {"customer_key": keys, **{name: pa.array(x[:, i]) for i, name in enumerate(NAMES)}}
            write_arrow(path, pa.table(data), quickly=True)


def make_model(book: Book, trees: int, leaves: int = 12) -> Path:
    """Train a model with the settings of training, once; returns its file."""
    path = book.root / f"model-{trees}-{leaves}.txt"
    if not path.exists():
        x = columns(1, LEARNING_ROWS)
        given = {"objective": "binary", "num_leaves": leaves, "learning_rate": 0.03, "min_data_in_leaf": 100}
        given |= {"feature_fraction": 0.5, "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 10.0}
        given |= {"seed": 1, "verbosity": -1, "deterministic": True, "force_col_wise": True}
        lgb.train(given, lgb.Dataset(x, defaulted(x, 2), feature_name=NAMES), trees).save_model(path)
    return path


@cache
def prepared(path: Path) -> tuple[lgb.Booster, TreeExplainer]:
    """A booster and its explainer by reason code."""
    booster = lgb.Booster(model_file=path)
    codes = sorted({feature.reason for feature in FEATURES})
    groups = np.array([codes.index(feature.reason) for feature in FEATURES])
    return booster, TreeExplainer.of(booster).grouped_by(groups, len(codes))


def greatest_difference(path: Path, rows: int) -> float:
    """Largest absolute difference of a contribution from ``pred_contrib``."""
    booster, _ = prepared(path)
    x = columns(9, rows)
    values = np.asarray(booster.predict(x, pred_contrib=True))[:, :-1]
    return float(np.abs(TreeExplainer.of(booster).contributions(x) - values).max())


def pred_contrib(path: Path, x: Floats) -> Floats:
    return np.asarray(prepared(path)[0].predict(x, pred_contrib=True))


def kernel(path: Path, x: Floats) -> Floats:
    return prepared(path)[1].contributions(x)


def bundle_of(path: Path) -> ModelBundle:
    """A bundle around the trees; what its card says of learning is left empty."""
    card = BundleCard.model_construct(
        trained_as_of=AS_OF,
        features=NAMES,
        categories={},
        reasons={feature.name: feature.reason for feature in FEATURES},
        feature_set=feature_set_hash(),
        label_spec={"dpd_threshold": 90},
        calibration=Calibration(calibrator=PlattCalibrator(slope=1.0, intercept=0.0)),
    )
    return ModelBundle(lgb.Booster(model_file=path), card, pa.table({}), pa.table({}))


def whole_book(features: Path, model: Path, target: Path) -> None:
    """Read, score, calibrate, give reasons, write: in a fresh process, compilation included."""
    write_contract(target, score_book(bundle_of(model), feature_parts(features), [], AS_OF), SCORED)


def pred_contrib_of_files(features: Path, model: Path, files: int) -> None:
    """``pred_contrib`` on the first files' rows, and nothing else."""
    booster = lgb.Booster(model_file=model)
    for path in sorted(features.glob("bucket=*.parquet"))[:files]:
        table = pq.read_table(path, columns=NAMES, partitioning=None)
        booster.predict(np.column_stack([column.to_numpy() for column in table.columns]), pred_contrib=True)
