"""The search against answers known by hand, and against trying everything."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tierline.explain.options import Option
from tierline.explain.search import MOST, applied, smallest_change

ROW = np.array([10.0, 10.0, 10.0, 10.0, 10.0])


def step(name: str, column: int, value: float, distance: float, with_time: bool = False) -> Option:
    return Option(name, with_time, np.array([column]), np.array([value]), distance)


def falling(name: str, column: int, with_time: bool = False, scale: float = 0.1) -> list[Option]:
    """Steps from 9 down to 0, each ``scale`` of the book further."""
    return [step(name, column, 10.0 - down, down * scale, with_time) for down in range(1, 11)]


def mean_of(*columns: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rows: rows[:, list(columns)].mean(axis=1) / 10


def test_one_behaviour_goes_as_far_as_needed_and_no_further() -> None:
    found = smallest_change(ROW, {"a": falling("a", 0), "b": falling("b", 4)}, 0.35, mean_of(0))
    assert found.plan is not None
    ((option),) = found.plan
    assert (option.behaviour, option.values.tolist()) == ("a", [3.0])
    assert found.pd_12m == pytest.approx(0.3)
    assert found.lowest_pd == 0.0


def test_the_nearest_in_the_book_is_taken_but_one_without_waiting_before() -> None:
    steps = {"a": falling("a", 0, scale=0.08), "b": falling("b", 1, scale=0.05)}
    predict = lambda rows: rows[:, :2].min(axis=1) / 10  # noqa: E731
    found = smallest_change(ROW, steps, 0.5, predict)
    assert [option.behaviour for option in found.plan or ()] == ["b"]
    late = {"a": steps["a"], "b": falling("b", 1, with_time=True, scale=0.05)}
    assert [option.behaviour for option in smallest_change(ROW, late, 0.5, predict).plan or ()] == ["a"]


def test_one_far_behaviour_is_less_than_two_near_ones() -> None:
    steps = {"a": falling("a", 0, with_time=True), "b": falling("b", 1, scale=0.001), "c": falling("c", 2, scale=0.001)}
    predict = lambda rows: np.minimum(rows[:, 0], rows[:, 1:3].mean(axis=1)) / 10  # noqa: E731
    found = smallest_change(ROW, steps, 0.2, predict)
    assert [option.behaviour for option in found.plan or ()] == ["a"]


def test_two_are_moved_where_one_is_not_enough() -> None:
    found = smallest_change(ROW, {"a": falling("a", 0), "b": falling("b", 1, scale=0.01)}, 0.3, mean_of(0, 1))
    assert found.plan is not None
    assert {option.behaviour: option.values.tolist() for option in found.plan} == {"a": [6.0], "b": [0.0]}
    assert found.pd_12m == pytest.approx(0.3)


@pytest.mark.parametrize("needed", [3, 4])
def test_three_and_four_are_found_greedily_and_drawn_back(needed: int) -> None:
    names = "abcde"
    steps = {name: falling(name, column) for column, name in enumerate(names)}
    # a mean over the columns: each behaviour takes at most a fifth off
    target = 1 - needed / 5 + 0.1 + 1e-9
    found = smallest_change(ROW, steps, target, mean_of(0, 1, 2, 3, 4))
    assert found.plan is not None
    assert len(found.plan) == needed
    # nothing is given away: the last one goes half the way only
    assert sum(option.distance for option in found.plan) == pytest.approx(needed - 0.5)
    assert found.pd_12m == pytest.approx(target)


def test_where_nothing_suffices_the_lowest_pd_is_told() -> None:
    steps = {name: falling(name, column) for column, name in enumerate("abcde")}
    found = smallest_change(ROW, steps, 0.1, mean_of(0, 1, 2, 3, 4))
    assert found.plan is None
    assert found.pd_12m == 1.0
    assert found.lowest_pd == pytest.approx(1 - MOST / 5)
    nothing = smallest_change(ROW, {}, 0.1, mean_of(0))
    assert (nothing.plan, nothing.pd_12m, nothing.lowest_pd) == (None, 1.0, 1.0)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[str, list[Option]], np.ndarray, float]:
    """Up to four behaviours of few steps, a table of effects per column, and a target."""
    steps = {}
    for column in range(draw(st.integers(1, 4))):
        name, late = "abcd"[column], draw(st.booleans())
        distances = sorted(draw(st.sets(st.integers(1, 50), min_size=1, max_size=4)))
        steps[name] = [step(name, column, 9.0 - at, far / 50, late) for at, far in enumerate(distances)]
    effects = np.array([draw(st.integers(0, 30)) for _ in range(5)]) / 100
    return steps, effects, draw(st.integers(30, 100)) / 100


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_one_and_two_behaviours_are_as_small_as_trying_everything_finds(
    world: tuple[dict[str, list[Option]], np.ndarray, float],
) -> None:
    steps, effects, target = world

    def predict(rows: np.ndarray) -> np.ndarray:
        return 1 - (effects * (10 - rows)).sum(axis=1) / 5

    found = smallest_change(ROW, steps, target, predict)
    every = [
        tuple(option for option in choice if option is not None)
        for choice in product(*[[None, *options] for options in steps.values()])
    ]
    enough = [plan for plan in every if plan and predict(applied(ROW, plan)[None])[0] <= target]
    smallest = min(map(len, enough), default=0)
    if found.plan is not None:
        assert predict(applied(ROW, found.plan)[None])[0] == found.pd_12m <= target
    if smallest in (1, 2):
        assert found.plan is not None
        best = min(
            (len(plan), sum(o.with_time for o in plan), round(sum(o.distance for o in plan), 9)) for plan in enough
        )
        mine = (
            len(found.plan),
            sum(o.with_time for o in found.plan),
            round(sum(o.distance for o in found.plan), 9),
        )
        assert mine == best
    if not enough:
        assert found.plan is None
