"""The search of parameters, with a stand-in of Optuna that suggests what a test gives it."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from unit.training.credit_tables import QUICK, plain_table
from unit.training.panels import panel_of

from tierline.errors import ConfigurationError
from tierline.training import fit
from tierline.training import search as module
from tierline.training.booster import Shape, Trial
from tierline.training.config import TrainingConfig
from tierline.training.panel import Panel
from tierline.training.search import search

START = Shape(4, 12, tried={"4": 0.5})
SEARCHING = QUICK.model_copy(update={"search_minutes": 1.5})
POINT = {
    "learning_rate": 0.02,
    "min_data_in_leaf": 9,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.6,
    "lambda_l2": 3.0,
    "num_leaves": 5,
}


class StandIn(ModuleType):
    """The part of Optuna that is used: a study that tries the given points and keeps what it was told."""

    def __init__(self, points: list[dict[str, float]]) -> None:
        super().__init__("optuna")
        self.points, self.told = points, SimpleNamespace(timeout=None, seed=None, losses=[])
        self.logging = SimpleNamespace(WARNING=30, set_verbosity=lambda _level: None)
        self.samplers = SimpleNamespace(TPESampler=self._sampler)

    def _sampler(self, seed: int) -> str:
        self.told.seed = seed
        return "sampler"

    def create_study(self, sampler: object) -> StandIn:
        assert sampler == "sampler"
        return self

    def optimize(self, objective: Any, timeout: float) -> None:
        self.told.timeout = timeout
        for number, point in enumerate(self.points):
            self.told.losses.append(objective(_Trial(number, point)))


class _Trial:
    def __init__(self, number: int, point: dict[str, float]) -> None:
        self.number, self._point = number, point

    def suggest_float(self, name: str, low: float, high: float, log: bool = False) -> float:
        assert low <= self._point[name] <= high
        return self._point[name]

    suggest_int = suggest_float


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """Mean log-loss by number of leaves, in place of boosting."""
    given = {4: 0.40}

    def tried(_panel: Panel, _config: TrainingConfig, shape: Shape, _splits: object) -> Trial:
        return Trial(
            Shape(shape.num_leaves, 10 * shape.num_leaves, found=shape.found), np.full(3, given[shape.num_leaves])
        )

    monkeypatch.setattr(module, "try_shape", tried)
    return given


def test_the_best_trial_is_kept(losses: dict[int, float], monkeypatch: pytest.MonkeyPatch) -> None:
    losses.update({5: 0.38, 6: 0.36, 7: 0.37})
    optuna = StandIn([POINT | {"num_leaves": leaves} for leaves in (5, 6, 7)])
    monkeypatch.setitem(sys.modules, "optuna", optuna)
    found = search(panel_of(300, seed=1), SEARCHING, START)
    assert (found.num_leaves, found.trees, found.tried) == (6, 60, {"4": 0.5})
    assert dict(found.found) == {name: value for name, value in POINT.items() if name != "num_leaves"}
    assert optuna.told.losses == pytest.approx([0.38, 0.36, 0.37])
    assert (optuna.told.timeout, optuna.told.seed) == (90, SEARCHING.seed)


@pytest.mark.parametrize("points", [[], [POINT]])
def test_what_was_there_stays_where_nothing_is_better(
    losses: dict[int, float], points: list[dict[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    losses[5] = 0.40
    monkeypatch.setitem(sys.modules, "optuna", StandIn(points))
    found = search(panel_of(300, seed=1), SEARCHING, START)
    assert (found.num_leaves, dict(found.found), found.tried) == (4, {}, {"4": 0.5})


def test_without_time_for_it_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)  # an import would raise
    assert search(panel_of(300, seed=1), QUICK, START) is START


def test_without_optuna_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigurationError, match="install the extra 'search', or leave search_minutes at 0"):
        search(panel_of(300, seed=1), SEARCHING, START)


def test_what_was_found_stands_in_the_card_and_in_the_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", StandIn([POINT | {"learning_rate": 0.1, "lambda_l2": 0.1}]))
    config = SEARCHING.model_copy(update={"leaves": [2], "learning_rate": 0.001, "refit": False})
    bundle = fit(plain_table(), target="bad", customer="who", config=config)
    training = bundle.card.training
    assert training["num_leaves"] == 5
    assert training["found_by_search"] == {**training["found_by_search"], "learning_rate": 0.1, "lambda_l2": 0.1}
    assert bundle.booster.trees_to_dataframe().groupby("tree_index")["node_depth"].count().max() == 9  # five leaves
    assert "[learning_rate: 0.1]" in bundle.booster.model_to_string()
