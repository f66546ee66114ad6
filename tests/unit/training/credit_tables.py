"""Flat credit tables with a known cause of default, and a quick configuration to learn from them."""

from __future__ import annotations

from functools import cache
from unittest.mock import patch

import numpy as np
import pandas as pd
from scipy.special import expit

from tierline.models import ModelBundle
from tierline.training import TrainingConfig, fit

QUICK = TrainingConfig(
    folds=3, leaves=[3], max_trees=20, learning_rate=0.2, min_data_in_leaf=10, feature_fraction=1.0, min_defaults=5
)
TESTED = QUICK.model_copy(update={"refit": False})
JOBS = ["clerk", "driver", "nurse"]
FEATURES = ["debt", "income", "job"]


def credit_table(rows: int = 900, seed: int = 1) -> pd.DataFrame:
    """Three loans per customer within a year; debt, job and a missing income matter."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "who": [f"C{number:04d}" for number in rng.integers(rows // 3, size=rows)],
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 365 * 24, rows), unit="h"),
            "debt": rng.normal(size=rows),
            "income": np.where(rng.random(rows) < 0.2, np.nan, rng.lognormal(size=rows)),
            "job": rng.choice(JOBS, rows),
        }
    )
    risk = frame["debt"] + 1.5 * (frame["job"] == "driver") + 1.0 * frame["income"].isna() - 2
    frame["bad"] = rng.random(rows) < expit(risk)
    return frame


def plain_table(rows: int = 900, seed: int = 1) -> pd.DataFrame:
    """The table without its days."""
    return credit_table(rows, seed).drop(columns="day")


@cache
def table_bundle() -> ModelBundle:
    """The tested model of the table without days, made once per test run."""
    with patch("tierline.training.booster.THREADS", 1):
        return fit(plain_table(), target="bad", customer="who", config=TESTED)
