"""Splits in time order: what learns has its outcome before the test date."""

from __future__ import annotations

from datetime import date, timedelta

import lakes
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierline.errors import TierlineError
from tierline.labels import LabelSpec
from tierline.training import TrainingConfig
from tierline.training.booster import customer_fold
from tierline.training.splits import application_split, month_end_split

FIRST = date(2023, 7, 1)


def test_thirty_six_months_by_hand() -> None:
    """History 2023-07 … 2026-06: the test is June 2025; what learns ends by then: October 2023 … June 2024."""
    split = month_end_split(FIRST, date(2026, 6, 30), LabelSpec(), TrainingConfig())
    assert split.test == date(2025, 6, 30)
    assert split.learning[0] == date(2023, 10, 31)
    assert split.calibrate == (date(2024, 4, 30), date(2024, 5, 31), date(2024, 6, 30))
    assert len(split.train) == 6


@given(
    days=st.integers(600, 2_000),
    window=st.integers(1, 14),
    minimum=st.integers(1, 6),
    calibration=st.integers(1, 4),
    maximum=st.integers(5, 30),
)
def test_no_learning_window_reaches_past_the_test_date(
    days: int, window: int, minimum: int, calibration: int, maximum: int
) -> None:
    config = TrainingConfig(
        min_history_months=minimum, calibration_months=calibration, max_training_months=maximum, window_months=window
    )
    as_of, label = FIRST + timedelta(days=days), LabelSpec(window_months=window)
    try:
        split = month_end_split(FIRST, as_of, label, config)
    except TierlineError:
        assert days < (2 * window + minimum + calibration + 3) * 31  # a long history never fails
        return
    dates = [*split.learning, split.test]
    assert dates == sorted(set(dates))
    assert all((day + timedelta(days=1)).day == 1 for day in dates)
    assert all(label.window_end(day) <= split.test for day in split.learning)
    assert label.window_end(split.test) <= as_of
    assert len(split.calibrate) == calibration
    assert 1 <= len(split.train) <= maximum - calibration
    assert (split.learning[0] - FIRST).days >= 28 * minimum


def test_too_short_a_history_says_how_many_months_are_needed() -> None:
    with pytest.raises(TierlineError, match=r"too short.* about 32 months"):
        month_end_split(FIRST, date(2024, 12, 31), LabelSpec(), TrainingConfig())
    with pytest.raises(TierlineError, match="too short"):
        month_end_split(FIRST, FIRST, LabelSpec(), TrainingConfig())


def test_as_many_months_as_the_error_asks_for_are_enough() -> None:
    """32 months from July 2023 end with February 2026."""
    split = month_end_split(FIRST, date(2026, 2, 28), LabelSpec(), TrainingConfig())
    assert len(split.train) >= 1


@pytest.mark.parametrize("rows", [10, 101, 1_000])
def test_applications_train_then_calibrate_then_test_in_order(rows: int) -> None:
    masks = application_split(pa.table({"n": range(rows)}), TrainingConfig())
    part = np.argmax(masks, axis=0)
    assert (np.sum(masks, axis=0) == 1).all()
    assert (np.diff(part) >= 0).all()
    train, calibrate, test = (int(mask.sum()) for mask in masks)
    assert test == pytest.approx(0.3 * rows, abs=1)
    assert calibrate == pytest.approx(0.3 * 0.7 * rows, abs=1)
    assert train + calibrate + test == rows


def test_a_customers_fold_does_not_depend_on_the_others() -> None:
    keys = [lakes.key(number) for number in range(3_000)]
    fold = customer_fold(keys, 5)
    assert (customer_fold(keys[::-7], 5) == fold[::-7]).all()
    assert np.bincount(fold, minlength=5) == pytest.approx(600, rel=0.15)
    assert customer_fold(["0" * 24 + "00000007"], 5).tolist() == [2]
