"""Steps along the book: positions by hand, values that occur, windows that stay inside each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tierline.explain.changeable import DOWN, UP, Behaviour
from tierline.explain.options import options_of, position, sorted_book

BOOK = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 9.0])


def behaviour(best: float = 0.0, within: float = 1.0) -> Behaviour:
    return Behaviour(down=("x*",), up=("y*",), best=best, within=within, with_time=False, en="less", zh="减少")


def steps(row: list[float], book: np.ndarray, rule: Behaviour, names: tuple[str, ...] = ("x",)) -> list[list[float]]:
    found = options_of(np.array(row), book, list(names), {name: rule.direction(name) for name in names}, ("less", rule))
    return [option.values.tolist() for option in found]


def test_a_position_is_the_share_of_the_book_at_least_as_good() -> None:
    down, up = sorted_book(BOOK, DOWN), sorted_book(BOOK, UP)
    assert [position(value, down, DOWN) for value in (0, 1, 3.5, 9, 100)] == [0.5, 0.6, 0.8, 1.0, 1.0]
    assert [position(value, up, UP) for value in (9, 4, 0, -1)] == [0.1, 0.2, 1.0, 1.0]
    assert sorted_book(np.array([np.nan, 2.0, 1.0]), DOWN).tolist() == [1.0, 2.0]


def test_steps_go_through_the_values_of_the_book_from_the_nearest_on() -> None:
    assert steps([4.0], BOOK[:, None], behaviour()) == [[3.0], [2.0], [1.0], [0.0]]
    assert steps([3.5], BOOK[:, None], behaviour()) == [[3.0], [2.0], [1.0], [0.0]]
    assert steps([0.0], BOOK[:, None], behaviour()) == []
    assert steps([1.0], BOOK[:, None], behaviour(), ("y",)) == [[2.0], [3.0], [4.0], [9.0]]


def test_a_change_is_bounded_by_the_best_and_by_how_much_of_the_book_it_passes() -> None:
    # 4 stands at 0.9; 2 at 0.7, 1 at 0.6
    assert steps([4.0], BOOK[:, None], behaviour(within=0.2)) == [[3.0], [2.0]]
    assert steps([4.0], BOOK[:, None], behaviour(best=0.6)) == [[3.0], [2.0], [1.0]]
    assert steps([4.0], BOOK[:, None], behaviour(within=0.05)) == []


def test_a_missing_value_stays_missing_and_a_book_without_values_moves_nothing() -> None:
    both = np.column_stack([BOOK, BOOK])
    found = options_of(np.array([np.nan, 4.0]), both, ["x1", "x2"], {"x1": DOWN, "x2": DOWN}, ("less", behaviour()))
    assert {tuple(option.columns.tolist()) for option in found} == {(1,)}
    assert steps([4.0], np.full((3, 1), np.nan), behaviour()) == []


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(np.float64, (20, 2), elements=st.integers(0, 6).map(float)),
    st.integers(0, 8),
    st.integers(0, 8),
    st.sampled_from(["x", "y"]),
)
def test_a_short_window_never_comes_to_hold_more_than_a_long_one(
    parts: np.ndarray, short: int, more: int, way: str
) -> None:
    book = np.column_stack([parts[:, 0], parts.sum(axis=1)])
    row = np.array([float(short), float(short + more)])
    rule = behaviour()
    names = [f"{way}30", f"{way}90"]
    for option in options_of(row, book, names, {name: rule.direction(name) for name in names}, ("less", rule)):
        changed = row.copy()
        changed[option.columns] = option.values
        assert changed[0] <= changed[1]
        for column, value in zip(option.columns, option.values, strict=True):
            assert value in book[:, column]
            assert (value < row[column]) if way == "x" else (value > row[column])


def test_the_distance_is_the_largest_share_of_the_book_passed() -> None:
    book = np.column_stack([BOOK, BOOK[::-1] * 0 + np.arange(10)])
    (nearest, *_) = options_of(
        np.array([4.0, 9.0]), book, ["x1", "x2"], {"x1": DOWN, "x2": DOWN}, ("less", behaviour())
    )
    # at 99 % of the book the first has 9 (worse than 4: stays), the second 9: nothing moves until 90 %
    assert nearest.columns.tolist() == [1]
    assert nearest.values.tolist() == [8.0]
    assert nearest.distance == pytest.approx(0.1)
