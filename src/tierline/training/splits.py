"""Which observation dates train, calibrate and test.

Belongs here: splits in time order with an embargo. Does not belong here: the rows themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tierline.errors import TierlineError
from tierline.labels import LabelSpec
from tierline.months import month_ends, months_before
from tierline.training.config import TrainingConfig

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MonthEndSplit:
    """Observation dates in time order. The test date's outcome window starts after every other window has ended."""

    train: tuple[date, ...]
    calibrate: tuple[date, ...]
    test: date

    @property
    def learning(self) -> tuple[date, ...]:
        """All dates before the embargo."""
        return (*self.train, *self.calibrate)


def month_end_split(first_day: date, as_of: date, label: LabelSpec, config: TrainingConfig) -> MonthEndSplit:
    """Split month ends: the newest mature one tests, those whose window ends by then train and calibrate.

    Raises ``TierlineError`` if the history is too short for a test whose outcome window overlaps no training window.
    """
    ends = month_ends(months_before(first_day, -config.min_history_months), as_of)
    mature = [day for day in ends if label.window_end(day) <= as_of]
    test = mature[-1] if mature else None
    before = [day for day in mature if test and label.window_end(day) <= test][-config.max_training_months :]
    if test is None or len(before) <= config.calibration_months:
        needed = 2 * label.window_months + config.min_history_months + config.calibration_months + 2
        raise TierlineError(
            f"training: history from {first_day} to {as_of} is too short for a test that overlaps no training window:"
            f" about {needed} months are needed; give more history or shorten window_months"
        )
    return MonthEndSplit(tuple(before[: -config.calibration_months]), tuple(before[-config.calibration_months :]), test)


def application_split(rows: pa.Table, config: TrainingConfig) -> tuple[Bools, Bools, Bools]:
    """Masks of train, calibrate and test rows of a table sorted by ``observed_at``.

    The last ``test_share`` of all rows tests; of the rest the last 30 % calibrates.
    """
    position = np.arange(rows.num_rows)
    test = position >= round(rows.num_rows * (1 - config.test_share))
    learning = int((~test).sum())
    calibrate = ~test & (position >= round(learning * 0.7))
    return ~test & ~calibrate, calibrate, test
