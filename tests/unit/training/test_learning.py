"""Calibration on customers held out, the level it gives, and the refit after the test."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from unit.training.panels import DATES, assemble, panel_of

from tierline.training import TrainingConfig
from tierline.training.booster import Shape, fit_rows, held_out_margins
from tierline.training.history import newest_rows
from tierline.training.panel import CALIBRATE, TEST, TRAIN, Panel
from tierline.training.train import learn

CONFIG = TrainingConfig(folds=4, learning_rate=0.2, feature_fraction=1.0, lambda_l2=1.0, min_data_in_leaf=20)
SHAPE = Shape(2, 40)
RISE = 1.2


def rising_world() -> Panel:
    """The odds of default rise at the seventh of ten dates, which no feature knows of."""
    rng = np.random.default_rng(8)
    rows = 8_000
    when, who = np.sort(rng.integers(10, size=rows)), rng.integers(2_000, size=rows)
    x = rng.normal(size=(rows, 2))
    y = rng.random(rows) < expit(x[:, 0] - 2.5 + RISE * (when >= 6))
    return assemble(who, when, x, y)


def test_the_held_out_margin_comes_from_a_model_of_other_customers() -> None:
    """Every customer has one number of their own and one outcome for all dates: only a leak can predict it."""
    rng = np.random.default_rng(3)
    customers = 300
    who, when = np.tile(np.arange(customers), 10), np.repeat(np.arange(10), customers)
    number, outcome = rng.permutation(customers).astype(float), rng.random(customers) < 0.4
    panel = assemble(who, when, number[who][:, None], outcome[who])
    config = CONFIG.model_copy(update={"min_data_in_leaf": 1, "lambda_l2": 0.0})
    rows, margin, _ = held_out_margins(panel, config, Shape(64, 40))
    assert rows.tolist() == np.flatnonzero(panel.part == CALIBRATE).tolist()
    assert roc_auc_score(panel.y[rows], margin) < 0.6
    learned = fit_rows(panel, config, Shape(64, 40), np.flatnonzero(panel.learning))
    assert roc_auc_score(panel.y[rows], learned.predict(panel.x[rows])) > 0.95  # a leak would be seen


def test_the_held_out_margin_still_knows_what_can_be_known() -> None:
    panel = panel_of(3_000, seed=9)
    rows, margin, fold = held_out_margins(panel, CONFIG, SHAPE)
    assert roc_auc_score(panel.y[rows], margin) > 0.75
    assert set(fold) == set(range(CONFIG.folds))


def test_the_level_is_the_one_observed_on_the_calibration_slice() -> None:
    panel = rising_world()
    learned = learn(panel, CONFIG, SHAPE)
    rows, margin, _ = held_out_margins(panel, CONFIG, SHAPE)
    observed = panel.y[rows].mean()
    assert observed > 1.5 * panel.y[panel.part == TRAIN].mean()
    assert learned.calibration.predict(margin).mean() == pytest.approx(observed, abs=1e-3)
    test = panel.rows(TEST)  # other rows, of the same level
    sampling = np.sqrt(observed * (1 - observed) * (1 / test.sum() + 1 / len(rows)))
    assert learned.predict(panel.x[test]).mean() == pytest.approx(panel.y[test].mean(), abs=2.5 * sampling)


@pytest.mark.parametrize("rate", [0.02, 0.6])
def test_a_long_run_rate_moves_the_mean_to_itself_and_no_rank(rate: float) -> None:
    panel = panel_of(2_000, seed=4)
    plain = learn(panel, CONFIG, SHAPE)
    moved = learn(panel, CONFIG.model_copy(update={"long_run_rate": rate}), SHAPE)
    _, margin, _ = held_out_margins(panel, CONFIG, SHAPE)
    found = moved.calibration.model_copy(update={"floor": 0.0}).predict(margin)
    assert found.mean() == pytest.approx(rate, rel=1e-9)
    before = plain.calibration.predict(margin)
    logit = np.log(found / (1 - found)) - np.log(before / (1 - before))
    kept = before > plain.calibration.floor
    assert np.ptp(logit[kept]) < 1e-9  # one shift of all log-odds
    assert moved.booster.model_to_string() == plain.booster.model_to_string()


def test_a_refit_of_month_ends_learns_from_the_newest_dates_the_test_among_them() -> None:
    panel = panel_of(500, seed=2)
    config = TrainingConfig(max_training_months=6, calibration_months=3)
    part = newest_rows(panel, "month_end", config)
    as_of = np.array(panel.keys["as_of"].to_pylist())
    assert set(as_of[part == CALIBRATE]) == set(DATES[-3:])
    assert set(as_of[part == TRAIN]) == set(DATES[-6:-3])
    assert set(as_of[part == -1]) == set(DATES[:-6])
    assert not replace(panel, part=part).learning[as_of < date(2024, 5, 1)].any()


def test_a_refit_of_rows_in_time_order_calibrates_on_the_last_quarter() -> None:
    panel = panel_of(80, seed=2)
    assert newest_rows(panel, "application", CONFIG).tolist() == [TRAIN] * 60 + [CALIBRATE] * 20


def test_a_refit_without_time_calibrates_on_all_rows() -> None:
    """The order of rows means nothing there: customers' numbers may be as old as the customers."""
    panel = panel_of(80, seed=2)
    panel = replace(panel, keys=panel.keys.set_column(1, "as_of", pa.nulls(80, pa.date32())))
    part = newest_rows(panel, "frame", CONFIG)
    rows, _, _ = held_out_margins(replace(panel, part=part), CONFIG, SHAPE)
    assert rows.tolist() == list(range(80))
