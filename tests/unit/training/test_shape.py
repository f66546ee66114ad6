"""The shape of trees: one that is less smooth must gain a share of a standard error, clustered by customer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from unit.training.panels import assemble, panel_of

from tierline.training import TrainingConfig
from tierline.training import booster as module
from tierline.training.booster import (
    Ints,
    Shape,
    Trial,
    candidates,
    choose_shape,
    fit_rows,
    parameters,
    try_shape,
    tune_splits,
)
from tierline.training.panel import TRAIN, TUNE, Columns, Panel

CONFIG = TrainingConfig(
    folds=3, leaves=[2, 4], max_trees=60, learning_rate=0.2, feature_fraction=1.0, lambda_l2=1.0, min_data_in_leaf=20
)


def world(interacts: bool) -> Panel:
    """Two flags in five thousand rows: the odds follow from each alone, or only from both together."""
    rng = np.random.default_rng(12)
    rows = 5_000
    x = rng.integers(0, 2, size=(rows, 2)).astype(float)
    together = 3.5 * x[:, 0] * x[:, 1] - 2.5
    apart = 1.2 * x[:, 0] + 1.2 * x[:, 1] - 2
    y = rng.random(rows) < expit(together if interacts else apart)
    return assemble(rng.integers(800, size=rows), np.sort(rng.integers(10, size=rows)), x, y)


@pytest.mark.parametrize(("interacts", "leaves"), [(True, 4), (False, 2)])
def test_larger_trees_are_taken_where_features_act_together(interacts: bool, leaves: int) -> None:
    shape = choose_shape(world(interacts), CONFIG)
    assert shape.num_leaves == leaves
    assert 1 <= shape.trees <= CONFIG.max_trees
    assert set(shape.tried) == {"2 random", "2", "4 random", "4"}


@pytest.mark.parametrize(
    ("later", "gain", "chosen"),
    [(True, 0.9, "2 random"), (True, 1.1, "4 random"), (False, 0.4, "2 random"), (False, 0.6, "4 random")],
)
def test_a_shape_must_gain_one_standard_error_on_later_dates_and_half_of_one_on_the_same(
    later: bool, gain: float, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mean difference is given in standard errors, reckoned here from the sums by customer."""
    panel = panel_of(900, seed=1)
    panel = panel if later else replace(panel, part=np.full(len(panel.y), TRAIN, dtype=np.int8))
    held = np.concatenate([rows for _, rows in tune_splits(panel, CONFIG)])
    noise = np.random.default_rng(5).normal(size=len(held)) + held % 7
    deviation = pd.Series(noise - noise.mean())
    by_customer = deviation.groupby(panel.customers[held].astype(str)).sum()
    error = float(np.sqrt((by_customer**2).sum())) / len(held)
    difference = deviation.to_numpy() + gain * error
    losses = {2: np.full(len(held), 3.0), 4: 3.0 - difference}

    def tried(_panel: Panel, _config: TrainingConfig, shape: Shape, _splits: object) -> Trial:
        return Trial(replace(shape, trees=10), losses[shape.num_leaves])

    monkeypatch.setattr(module, "try_shape", tried)
    found = choose_shape(panel, CONFIG)
    assert found.name == chosen
    lower = pytest.approx(3.0 - gain * error, abs=1e-12)
    assert found.tried == {"2 random": 3.0, "2": 3.0, "4 random": lower, "4": lower}


def test_trees_counted_on_part_of_the_rows_are_more_on_all_but_not_where_later_rows_stopped_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def tried(_panel: Panel, _config: TrainingConfig, shape: Shape, splits: list[tuple[Ints, Ints]]) -> Trial:
        held = np.concatenate([rows for _, rows in splits])
        return Trial(replace(shape, trees=100), np.ones(len(held)))

    monkeypatch.setattr(module, "try_shape", tried)
    dated = panel_of(900, seed=1)
    assert choose_shape(dated, CONFIG).trees == 100
    panel = replace(dated, part=np.full(len(dated.y), TRAIN, dtype=np.int8))
    learned = len(tune_splits(panel, CONFIG)[0][0])
    assert choose_shape(panel, CONFIG).trees == round(100 * (len(panel.y) / learned) ** 0.35)


def test_random_thresholds_are_tried_where_rows_are_few() -> None:
    assert [shape.name for shape in candidates(CONFIG, 50_000)] == ["2 random", "2", "4 random", "4"]
    assert [shape.name for shape in candidates(CONFIG, 50_001)] == ["2", "4"]


def test_random_thresholds_smooth_a_slope() -> None:
    """Sixty trees that cut one number in two: their sum has more steps than that of trees that cut where it is best."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1_000, 1))
    y = rng.random(1_000) < expit(x[:, 0])
    panel = assemble(np.arange(1_000), np.sort(rng.integers(10, size=1_000)), x, y)
    line = np.linspace(-2, 2, 2_000)[:, None]

    def steps(kind: bool) -> int:
        booster = fit_rows(panel, CONFIG, Shape(2, 60, random_thresholds=kind), np.arange(1_000))
        return len(np.unique(np.asarray(booster.predict(line))))

    assert steps(True) > 1.2 * steps(False)


@pytest.mark.parametrize(("features", "share"), [(2, 0.9), (50, 0.8), (80, 0.5), (200, 0.4)])
def test_a_tree_is_offered_about_forty_features(features: int, share: float) -> None:
    rng = np.random.default_rng(3)
    panel = assemble(np.arange(40), np.zeros(40, dtype=int), rng.normal(size=(40, 2)), rng.random(40) < 0.5)
    panel = replace(panel, features=[f"x{index}" for index in range(features)])
    assert parameters(panel, TrainingConfig(), Shape(2, 0), 40)["feature_fraction"] == pytest.approx(share)
    given = TrainingConfig(feature_fraction=0.7)
    assert parameters(panel, given, Shape(2, 0), 40)["feature_fraction"] == 0.7


def test_the_loss_is_that_of_boosters_that_never_saw_the_customer() -> None:
    """Against a plain fit on the split's own rows, which has the same bins because the values are few."""
    panel = world(interacts=True)
    splits = tune_splits(panel, CONFIG)
    trial = try_shape(panel, CONFIG, Shape(4, 0), splits)
    expected = []
    for fit, held in splits:
        assert set(panel.part[fit]) == {TRAIN}
        assert set(panel.part[held]) == {TUNE}
        p = fit_rows(panel, CONFIG, trial.shape, fit).predict(panel.x[held])
        expected.append(-np.where(panel.y[held], np.log(p), np.log1p(-p)))
    assert trial.loss == pytest.approx(np.concatenate(expected), rel=0.02)


def test_folds_beyond_enough_defaults_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = panel_of(2_000, seed=3)
    every = tune_splits(panel, CONFIG)
    assert len(every) == CONFIG.folds
    first = int(panel.y[every[0][1]].sum())
    monkeypatch.setattr(module, "ENOUGH_DEFAULTS", first)
    assert len(tune_splits(panel, CONFIG)) == 1
    monkeypatch.setattr(module, "ENOUGH_DEFAULTS", first + 1)
    assert len(tune_splits(panel, CONFIG)) == 2


def test_a_small_book_is_shrunk_and_split_less_than_the_configuration_says() -> None:
    """L2 at most a twentieth of n·p(1-p); a leaf at most a fiftieth of the rows, but five."""
    panel = panel_of(900, seed=1)
    rate = panel.y[panel.learning].mean()
    small = parameters(panel, TrainingConfig(), Shape(2, 0), 400)
    assert small["lambda_l2"] == pytest.approx(0.05 * 400 * rate * (1 - rate))
    assert small["min_data_in_leaf"] == 8
    assert parameters(panel, TrainingConfig(), Shape(2, 0), 100)["min_data_in_leaf"] == 5
    large = parameters(panel, TrainingConfig(), Shape(2, 0), 100_000)
    assert (large["lambda_l2"], large["min_data_in_leaf"]) == (20.0, 60)


def test_what_a_search_found_comes_before_the_configuration_but_not_before_determinism() -> None:
    panel = panel_of(300, seed=1)
    found = {"learning_rate": 0.011, "min_data_in_leaf": 7}
    given = parameters(panel, TrainingConfig(), Shape(5, 0, found=found), 300)
    assert {name: given[name] for name in found} == found
    assert (given["num_leaves"], given["deterministic"], given["seed"]) == (5, True, 7)


def test_directions_and_categories_reach_the_booster() -> None:
    rng = np.random.default_rng(4)
    x = np.column_stack([rng.integers(0, 6, 2_000).astype(float), rng.normal(size=2_000)])
    y = rng.random(2_000) < expit(2 * np.isin(x[:, 0], (1, 4)) - x[:, 1] - 1)
    panel = assemble(np.arange(2_000), np.sort(rng.integers(10, size=2_000)), x, y)
    columns = Columns(monotone={"gambling_share_90d": 1}, categories={"dpd_now": list("abcdef")})
    fitted = fit_rows(replace(panel, columns=columns), CONFIG, Shape(4, 30), np.arange(2_000))
    kinds = fitted.trees_to_dataframe().dropna(subset=["split_feature"]).groupby("split_feature")["decision_type"]
    assert kinds.unique()["f0"].tolist() == ["=="]
    line = np.column_stack([np.full(50, 1.0), np.linspace(-3, 3, 50)])
    assert (np.diff(fitted.predict(line)) >= 0).all()  # against what the rows say
