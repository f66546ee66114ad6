"""Panels made directly, without a lake: keys, dates, features and outcomes of a few customers."""

from __future__ import annotations

from datetime import date

import lakes
import numpy as np
import pyarrow as pa
from scipy.special import expit

from tierline.labels import LabelCounts
from tierline.training.panel import CALIBRATE, TEST, TRAIN, TUNE, Panel

FEATURES = ["dpd_now", "gambling_share_90d", "credit_amount_90d"]
DATES = [date(2024, month, 28) for month in range(1, 11)]


def panel_of(rows: int, seed: int, customers: int = 150) -> Panel:
    """Random rows over ten dates; the last third of customers is only tested."""
    rng = np.random.default_rng(seed)
    when = np.sort(rng.integers(len(DATES), size=rows))
    who = rng.integers(customers, size=rows) * np.where(when < 8, 2, 3) // 3
    x = rng.normal(size=(rows, len(FEATURES)))
    y = rng.random(rows) < expit(1.5 * x[:, 0] + x[:, 1] - 1.5)
    return assemble(who, when, x, y)


def assemble(who: np.ndarray, when: np.ndarray, x: np.ndarray, y: np.ndarray) -> Panel:
    """A panel of customer numbers, indices of dates, features and outcomes; sorted by date.

    Five dates train, one tunes, two calibrate, two test.
    """
    keys = pa.table(
        {
            "customer_key": [lakes.key(int(number)) for number in who],
            "as_of": pa.array([DATES[index] for index in when], pa.date32()),
        }
    )
    part = np.select([when < 5, when < 6, when < 8], [TRAIN, TUNE, CALIBRATE], TEST).astype(np.int8)
    return Panel(keys, x, y, part, FEATURES[: x.shape[1]], LabelCounts(len(y), 0, 0, 0))
