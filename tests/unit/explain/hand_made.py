"""A bundle whose answers are known by hand: one tree with one split, calibrated by nothing.

Belongs here: making it. Does not belong here: expectations.
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
