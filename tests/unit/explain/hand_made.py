"""Bundles for explanations: one whose answers are known by hand, and one of many trees on a made-up book.

Belongs here: making them. Does not belong here: expectations.
"""

from __future__ import annotations

from collections.abc import Sequence

import lightgbm as lgb
import numpy as np
import pyarrow as pa

from tierline.calibration import Calibration, CalibratorChoice, ShiftCalibrator
from tierline.models import BundleCard, ModelBundle

SPLIT_AT = 3  # values up to 3 are good, from 4 on bad


def one_split(features: Sequence[str], on: str) -> ModelBundle:
    """A bundle of ``features`` whose only split sends values of ``on`` above ``SPLIT_AT`` to the worse leaf."""
    names = list(features)
    x = np.zeros((400, len(names)))
    x[:, names.index(on)] = np.arange(400) % 10
    bad = np.where(x[:, names.index(on)] > SPLIT_AT, np.arange(400) % 3 == 0, np.arange(400) % 50 == 0)
    settings = {"objective": "binary", "num_leaves": 2, "min_data_in_leaf": 1, "learning_rate": 1.0, "verbosity": -1}
    data = lgb.Dataset(x, bad.astype(float), feature_name=[f"f{index}" for index in range(len(names))])
    booster = lgb.train(settings | {"num_threads": 1, "deterministic": True}, data, 1)
    return ModelBundle(booster, card_of(names, booster), pa.table({}), pa.table({}))


MANY = (
    "gambling_count_30d",
    "gambling_count_90d",
    "dpd_now",
    "overdue_amount",
    "outstanding_principal",
    "balance_mean_90d",
    "on_time_ratio_365d",
    "region_unemployment",
    "registered_days",
)


def made_up_book(rows: int = 600) -> tuple[pa.Table, np.ndarray]:
    """Customers with values of ``MANY``, some missing, and who of them defaulted: risk rises with each bad habit."""
    rng = np.random.default_rng(4)
    month = rng.poisson(1.0, rows)
    overdue = np.where(rng.random(rows) < 0.2, rng.integers(1, 60, rows), 0)
    values = {
        "gambling_count_30d": month,
        "gambling_count_90d": month + rng.poisson(2.0, rows),
        "dpd_now": overdue,
        "overdue_amount": overdue * 10.0,
        "outstanding_principal": rng.gamma(2, 2_000, rows).round(2),
        "balance_mean_90d": rng.normal(500, 300, rows).round(2),
        "on_time_ratio_365d": np.where(rng.random(rows) < 0.1, np.nan, rng.beta(8, 2, rows)),
        "region_unemployment": rng.choice([0.04, 0.05, 0.08], rows),
        "registered_days": rng.integers(30, 2_000, rows),
    }
    risk = 0.3 * values["gambling_count_90d"] + 0.05 * overdue + values["outstanding_principal"] / 4_000
    risk = risk - 3 * np.nan_to_num(values["on_time_ratio_365d"], nan=0.8) + 10 * values["region_unemployment"]
    bad = rng.random(rows) < 1 / (1 + np.exp(2.0 - risk))
    keys = [f"k{row:03d}" for row in range(rows)]
    return pa.table({"customer_key": keys, **{name: values[name].astype(float) for name in MANY}}), bad


def many_trees() -> ModelBundle:
    """A bundle of 40 trees that learned the made-up book."""
    features, bad = made_up_book()
    x = features.select(list(MANY)).to_pandas().to_numpy()
    settings = {"objective": "binary", "num_leaves": 6, "min_data_in_leaf": 10, "verbosity": -1, "num_threads": 1}
    names = [f"f{index}" for index in range(len(MANY))]
    booster = lgb.train(settings | {"deterministic": True}, lgb.Dataset(x, bad.astype(float), feature_name=names), 40)
    return ModelBundle(booster, card_of(list(MANY), booster), pa.table({}), pa.table({}))


def card_of(names: list[str], booster: lgb.Booster, **given: object) -> BundleCard:
    """The plainest card: nothing is calibrated away and nothing was tested."""
    gain = booster.feature_importance("gain")
    calibrator = ShiftCalibrator(shift=0.0)
    choice = CalibratorChoice(calibrator=calibrator, candidates=(), chosen_because="by hand", rows=0, defaults=0)
    facts: dict[str, object] = {
        "trained_as_of": None,
        "source": "hand",
        "features": names,
        "categories": {},
        "monotone": {},
        "reasons": {name: name.upper() for name in names},
        "dropped_features": {},
        "instability": {},
        "importance": {name: float(part) for name, part in zip(names, gain, strict=True)},
        "mean_contributions": {name.upper(): 0.0 for name in names},
        "feature_set": "hand",
        "label_spec": {"dpd_threshold": 90, "window_months": 12},
        "label_hash": "hand",
        "data_hash": "hand",
        "calibration": Calibration(calibrator=calibrator),
        "calibrator_choice": choice,
        "training": {},
        "slices": {},
        "exclusions": {},
        "metrics": {},
        "intervals": {},
        "reliability_bins": [],
        "reliability": [],
        "refit": {},
        "code_version": "hand",
    }
    return BundleCard.model_validate(facts | given)
