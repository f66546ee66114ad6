"""How large the trees may be: a larger one must gain more than a standard error, clustered by customer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from unit.training.panels import assemble, panel_of

from tierline.training import TrainingConfig
from tierline.training import booster as module
from tierline.training.booster import Shape, Trial, choose_shape, fit_rows, parameters, try_shape, tune_splits
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
    assert set(shape.tried) == {"2", "4"}


@pytest.mark.parametrize(("gain", "leaves"), [(0.9, 2), (1.1, 4)])
def test_a_gain_within_one_standard_error_is_not_enough(
    gain: float, leaves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mean difference is given in standard errors, reckoned here from the sums by customer."""
    panel = panel_of(900, seed=1)
    held = np.concatenate([rows for _, rows in tune_splits(panel, CONFIG)])
    noise = np.random.default_rng(5).normal(size=len(held)) + held % 7
    deviation = pd.Series(noise - noise.mean())
    by_customer = deviation.groupby(panel.customers[held].astype(str)).sum()
    error = float(np.sqrt((by_customer**2).sum())) / len(held)
    difference = deviation.to_numpy() + gain * error
    losses = {2: np.full(len(held), 3.0), 4: 3.0 - difference}

    def tried(_panel: Panel, _config: TrainingConfig, shape: Shape, _splits: object) -> Trial:
        return Trial(Shape(shape.num_leaves, 10), losses[shape.num_leaves])

    monkeypatch.setattr(module, "try_shape", tried)
    chosen = choose_shape(panel, CONFIG)
    assert chosen.num_leaves == leaves
    assert chosen.tried == {"2": 3.0, "4": pytest.approx(3.0 - gain * error, abs=1e-12)}


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
