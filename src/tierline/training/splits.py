"""Which observation dates train, tune, calibrate and test.

Belongs here: splits in time order with an embargo, and customer folds. Does not belong here: the rows themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from tierline.errors import TierlineError
from tierline.labels import LabelSpec
from tierline.months import month_ends, months_before
from tierline.training.config import TrainingConfig
from tierline.training.panel import CALIBRATE, LATER, TEST, TRAIN, TUNE

Ints = npt.NDArray[np.int64]
Parts = npt.NDArray[np.int8]
TUNE_SHARE, CALIBRATE_SHARE = 0.15, 0.25
"""Last shares of the learning rows where there are no month ends; the calibrated are the newest."""


@dataclass(frozen=True)
class MonthEndSplit:
    """Observation dates in time order. The test date's outcome window starts after every learning window has ended.

    ``later`` are mature dates of which that does not hold: only a refit, after the test was read, learns from them.
    """

    train: tuple[date, ...]
    tune: tuple[date, ...]
    calibrate: tuple[date, ...]
    test: date
    later: tuple[date, ...]

    @property
    def learning(self) -> tuple[date, ...]:
        """All dates before the embargo."""
        return (*self.train, *self.tune, *self.calibrate)

    @property
    def dates(self) -> list[date]:
        """Every date, in order."""
        return sorted([*self.learning, *self.later, self.test])

    def part_of(self) -> dict[date, int]:
        """The slice of each date."""
        named = {TRAIN: self.train, TUNE: self.tune, CALIBRATE: self.calibrate, TEST: (self.test,), LATER: self.later}
        return {day: part for part, days in named.items() for day in days}


def month_end_split(first_day: date, as_of: date, label: LabelSpec, config: TrainingConfig) -> MonthEndSplit:
    """Split month ends: the newest mature one tests, those whose window ends by then train, tune and calibrate.

    Raises ``TierlineError`` if the history is too short for a test whose outcome window overlaps no training window.
    """
    ends = month_ends(months_before(first_day, -config.min_history_months), as_of)
    mature = [day for day in ends if label.window_end(day) <= as_of]
    test = mature[-1] if mature else None
    before = [day for day in mature if test and label.window_end(day) <= test][-config.max_training_months :]
    held = config.tune_months + config.calibration_months
    if test is None or len(before) <= held:
        needed = 2 * label.window_months + config.min_history_months + held + 2
        raise TierlineError(
            f"training: history from {first_day} to {as_of} is too short for a test that overlaps no training window:"
            f" about {needed} months are needed; give more history or shorten window_months"
        )
    later = tuple(day for day in mature[-config.max_training_months :] if before[-1] < day < test)
    tune = tuple(before[-held : -config.calibration_months])
    return MonthEndSplit(tuple(before[:-held]), tune, tuple(before[-config.calibration_months :]), test, later)


def application_parts(rows: int, config: TrainingConfig, tested: bool = True) -> Parts:
    """Slices of rows in time order: the last ``test_share`` tests; of the rest the newest calibrate, those before tune.

    Without a test all rows learn.
    """
    position = np.arange(rows)
    learning = round(rows * (1 - config.test_share)) if tested else rows
    calibrate = round(learning * (1 - CALIBRATE_SHARE))
    tune = round(learning * (1 - CALIBRATE_SHARE - TUNE_SHARE)) if tested else calibrate
    bounds = [tune, calibrate, learning]
    return np.searchsorted(bounds, position, side="right").astype(np.int8)


def shuffled_parts(keys: list[str], config: TrainingConfig) -> Parts:
    """Slices without time: ``test_share`` of the customers, by their hash, test; all others train."""
    drawn = np.array([_hash(f"test {config.seed} {key}") for key in keys]) / 2**32
    return np.where(drawn < config.test_share, TEST, TRAIN).astype(np.int8)


def customer_fold(keys: list[str], folds: int) -> Ints:
    """Fold of each customer, from a hash of its key: stable when customers come and go."""
    of = {key: _hash(key) % folds for key in set(keys)}
    return np.array([of[key] for key in keys], dtype=np.int64)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def tuning_splits(part: Parts, fold: Ints) -> list[tuple[Ints, Ints]]:
    """Per fold: training rows to fit on, and tune rows to judge; always other customers, and earlier dates.

    Where there is no tune slice (data without time), the training rows are judged, each by a model that never saw its
    customer.
    """
    judged = part == TUNE if (part == TUNE).any() else part == TRAIN
    return _splits(part == TRAIN, judged, fold)


def calibration_splits(part: Parts, fold: Ints) -> list[tuple[Ints, Ints]]:
    """Per fold: all learning rows of other customers to fit on, and rows of the calibration slice to predict.

    The dates are those that the final booster learns from. Boosters of earlier dates only would have another level than
    the final one, and the calibrator would correct for a drift that the final booster has already learned.
    """
    learning = np.isin(part, (TRAIN, TUNE, CALIBRATE))
    judged = part == CALIBRATE if (part == CALIBRATE).any() else learning
    return _splits(learning, judged, fold)


def _splits(learning: npt.NDArray[np.bool_], judged: npt.NDArray[np.bool_], fold: Ints) -> list[tuple[Ints, Ints]]:
    splits = [
        (np.flatnonzero(learning & (fold != index)), np.flatnonzero(judged & (fold == index)))
        for index in np.unique(fold[judged])
    ]
    return [(fit, held) for fit, held in splits if len(fit) and len(held)]
