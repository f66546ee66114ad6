"""Splits in time order: what learns has its outcome before the test date, and no customer stands on both sides."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import lakes
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierline.errors import TierlineError
from tierline.labels import LabelSpec
from tierline.training import TrainingConfig
from tierline.training.panel import CALIBRATE, LATER, TEST, TRAIN, TUNE
from tierline.training.splits import (
    application_parts,
    calibration_splits,
    customer_fold,
    month_end_split,
    shuffled_parts,
    tuning_splits,
)

FIRST = date(2023, 7, 1)


def test_thirty_six_months_by_hand() -> None:
    """History 2023-07 … 2026-06: the test is June 2025; what learns ends by then: October 2023 … June 2024."""
    split = month_end_split(FIRST, date(2026, 6, 30), LabelSpec(), TrainingConfig())
    assert split.train == (date(2023, 10, 31), date(2023, 11, 30), date(2023, 12, 31), date(2024, 1, 31))
    assert split.tune == (date(2024, 2, 29), date(2024, 3, 31))
    assert split.calibrate == (date(2024, 4, 30), date(2024, 5, 31), date(2024, 6, 30))
    assert split.test == date(2025, 6, 30)
    assert split.later == tuple(stamp.date() for stamp in pd.date_range("2024-07-31", "2025-05-31", freq="ME"))


@given(
    days=st.integers(600, 2_000),
    window=st.integers(1, 14),
    minimum=st.integers(1, 6),
    tune=st.integers(1, 3),
    calibration=st.integers(1, 4),
    maximum=st.integers(8, 30),
)
def test_no_learning_window_reaches_past_the_test_date(
    days: int, window: int, minimum: int, tune: int, calibration: int, maximum: int
) -> None:
    config = TrainingConfig(
        min_history_months=minimum,
        tune_months=tune,
        calibration_months=calibration,
        max_training_months=maximum,
        window_months=window,
    )
    as_of, label = FIRST + timedelta(days=days), LabelSpec(window_months=window)
    try:
        split = month_end_split(FIRST, as_of, label, config)
    except TierlineError:
        assert days < (2 * window + minimum + tune + calibration + 3) * 31  # a long history never fails
        return
    ends = [stamp.date() for stamp in pd.date_range(FIRST, as_of, freq="ME")]
    mature = [day for day in ends[minimum:] if label.window_end(day) <= as_of]
    assert split.test == mature[-1]
    assert split.learning == tuple(day for day in mature if label.window_end(day) <= split.test)[-maximum:]
    between = [day for day in mature[-maximum:] if split.learning[-1] < day < split.test]
    assert list(split.later) == between
    assert all(label.window_end(day) > split.test for day in split.later)
    assert (len(split.tune), len(split.calibrate)) == (tune, calibration)
    assert len(split.train) >= 1
    assert split.train[-1] < split.tune[0] <= split.tune[-1] < split.calibrate[0]


def test_every_date_has_one_slice() -> None:
    split = month_end_split(FIRST, date(2026, 6, 30), LabelSpec(), TrainingConfig())
    part = split.part_of()
    assert sorted(part) == split.dates
    assert [part[day] for day in split.learning] == [TRAIN] * 4 + [TUNE] * 2 + [CALIBRATE] * 3
    assert {part[day] for day in split.later} == {LATER}
    assert part[split.test] == TEST


def test_too_short_a_history_says_how_many_months_are_needed() -> None:
    with pytest.raises(TierlineError, match=r"too short.* about 34 months"):
        month_end_split(FIRST, date(2024, 12, 31), LabelSpec(), TrainingConfig())
    with pytest.raises(TierlineError, match="too short"):
        month_end_split(FIRST, FIRST, LabelSpec(), TrainingConfig())


def test_as_many_months_as_the_error_asks_for_are_enough() -> None:
    """34 months from July 2023 end with April 2026."""
    split = month_end_split(FIRST, date(2026, 4, 30), LabelSpec(), TrainingConfig())
    assert len(split.train) >= 1


@pytest.mark.parametrize("rows", [10, 101, 1_000])
def test_applications_train_tune_calibrate_and_test_in_order(rows: int) -> None:
    part = application_parts(rows, TrainingConfig())
    assert (np.diff(part) >= 0).all()
    shares = {TRAIN: 0.7 * 0.6, TUNE: 0.7 * 0.15, CALIBRATE: 0.7 * 0.25, TEST: 0.3}
    for slice_, share in shares.items():
        assert (part == slice_).sum() == pytest.approx(share * rows, abs=1)
    assert np.isin(part, list(shares)).all()


def test_without_a_test_all_applications_learn_and_the_newest_quarter_calibrates() -> None:
    assert application_parts(8, TrainingConfig(), tested=False).tolist() == [TRAIN] * 6 + [CALIBRATE] * 2


def test_a_customers_fold_does_not_depend_on_the_others() -> None:
    keys = [lakes.key(number) for number in range(3_000)]
    fold = customer_fold(keys, 5)
    assert (customer_fold(keys[::-7], 5) == fold[::-7]).all()
    assert np.bincount(fold, minlength=5) == pytest.approx(600, rel=0.15)
    assert fold[7] == int(hashlib.sha256(keys[7].encode()).hexdigest()[:8], 16) % 5


def test_without_time_whole_customers_are_drawn_for_the_test() -> None:
    keys = [f"customer {number % 2_000}" for number in range(5_000)]
    part = shuffled_parts(keys, TrainingConfig(test_share=0.2))
    assert set(part.tolist()) == {TRAIN, TEST}
    assert (part == TEST).mean() == pytest.approx(0.2, abs=0.03)
    assert (part[:1_000] == part[2_000:3_000]).all()
    assert (shuffled_parts(keys[::-1], TrainingConfig(test_share=0.2)) == part[::-1]).all()
    assert (shuffled_parts(keys, TrainingConfig(test_share=0.2, seed=8)) != part).any()


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Slice and customer of some rows."""
    rows = draw(st.integers(1, 60))
    some = st.lists(st.integers(0, 4), min_size=rows, max_size=rows)
    return np.array(draw(some), dtype=np.int8), np.array(draw(some))


@given(labelled(), st.integers(2, 4))
def test_a_customer_is_never_held_out_from_a_booster_that_learned_of_it(
    made: tuple[np.ndarray, np.ndarray], folds: int
) -> None:
    part, customer = made
    fold = customer % folds
    for fit, held in (*tuning_splits(part, fold), *calibration_splits(part, fold)):
        assert not set(customer[fit]) & set(customer[held])
        assert not np.isin(part[np.concatenate([fit, held])], (TEST, LATER)).any()
    for fit, held in tuning_splits(part, fold):
        assert set(part[fit]) == {TRAIN}
        assert len(set(part[held])) == 1
        assert set(part[held]) == ({TUNE} if (part == TUNE).any() else {TRAIN})


@given(labelled(), st.integers(2, 4))
def test_every_row_to_calibrate_is_predicted_once(made: tuple[np.ndarray, np.ndarray], folds: int) -> None:
    """By all learning rows of other customers, where there are any; without a calibration slice all rows are."""
    part, customer = made
    fold = customer % folds
    learning = np.isin(part, (TRAIN, TUNE, CALIBRATE))
    wanted = part == CALIBRATE if (part == CALIBRATE).any() else learning
    others = np.array([(learning & (fold != own)).any() for own in fold], dtype=bool)
    splits = calibration_splits(part, fold)
    predicted = np.concatenate([held for _, held in splits]) if splits else np.array([], dtype=int)
    assert sorted(predicted) == np.flatnonzero(wanted & others).tolist()
    for fit, held in splits:
        assert fit.tolist() == np.flatnonzero(learning & (fold != fold[held[0]])).tolist()
