"""From a table to the matrix a booster reads."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tierline.errors import TierlineError
from tierline.models.encoding import feature_matrix

NAN = float("nan")
LEVELS = {"job": ["clerk", "nurse"]}


def same(found: np.ndarray, expected: list[list[float]]) -> bool:
    return np.array_equal(found, np.array(expected), equal_nan=True)


def test_numbers_of_every_kind_in_the_models_order() -> None:
    table = pa.table(
        {
            "flag": pa.array([True, None, False]),
            "count": pa.array([1, 2, None], pa.int16()),
            "amount": pa.array([Decimal("1.50"), None, Decimal("-3.00")], pa.decimal128(9, 2)),
            "empty": pa.nulls(3),
            "rate": pa.array([0.5, NAN, None], pa.float32()),
        }
    )
    expected = [[0.5, 1.0, 1.0, 1.5, NAN], [NAN, NAN, 2.0, NAN, NAN], [NAN, 0.0, NAN, -3.0, NAN]]
    names = ["rate", "flag", "count", "amount", "empty"]
    assert same(feature_matrix(table, names), expected)
    assert feature_matrix(table, names).flags.c_contiguous
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert same(feature_matrix(chunked, names), expected)
    assert same(feature_matrix(table.slice(1), names), expected[1:])


def test_column_major_is_the_same_matrix() -> None:
    """Columns of float64 are laid out at once, others one by one; both are named where they cannot be."""
    table = pa.table({"a": pa.array([1.0, None, NAN]), "b": pa.array([4.0, 5.0, 6.0]), "c": pa.array([1, 2, None])})
    for names, expected in (
        (["b", "a"], [[4.0, 1.0], [5.0, NAN], [6.0, NAN]]),
        (["c", "b"], [[1.0, 4.0], [2.0, 5.0], [NAN, 6.0]]),
    ):
        assert feature_matrix(table, names, order="F").flags.f_contiguous
        for part in (table, pa.concat_tables([table.slice(0, 1), table.slice(1)])):
            assert same(feature_matrix(part, names, order="F"), expected)
        assert same(feature_matrix(table.slice(1), names, order="F"), expected[1:])
        assert feature_matrix(table.slice(3), names, order="F").shape == (0, 2)
    bad = pa.table({"a": [1.0, 2.0], "b": [1.0, float("inf")]})
    with pytest.raises(TierlineError, match="column b: 1 values are infinite, first in row 1"):
        feature_matrix(bad, ["a", "b"], order="F")


@pytest.mark.parametrize("kind", ["object", "string", "category"])
def test_levels_become_their_position_and_others_are_missing(kind: str) -> None:
    frame = pd.DataFrame({"job": pd.Series(["nurse", None, "pilot", "clerk"]).astype(kind)}).set_index(
        pd.Index([9, 9, 1, 0])
    )
    expected = [[1.0], [NAN], [NAN], [0.0]]
    assert same(feature_matrix(frame, ["job"], LEVELS), expected)
    assert same(feature_matrix(pa.Table.from_pandas(frame), ["job"], LEVELS), expected)


def test_levels_can_be_numbers() -> None:
    frame = pd.DataFrame({"job": pd.Categorical([3, 1, None, 2])})
    assert same(feature_matrix(frame, ["job"], {"job": ["1", "3"]}), [[1.0], [0.0], [NAN], [NAN]])


def test_no_rows_and_no_columns() -> None:
    frame = pd.DataFrame({"a": pd.Series([], dtype=float)})
    assert feature_matrix(frame, ["a"]).shape == (0, 1)
    assert feature_matrix(pd.DataFrame({"a": [1.0, 2.0]}), []).shape == (2, 0)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1.0, np.inf, -np.inf], "column a: 2 values are infinite, first in row 1"),
        (["1", "2", "3"], "column a: .*string is not a number: convert it"),
        ([1, "2", 3], "column a: values of mixed kinds"),
        (pd.to_datetime(["2024-01-01"] * 3), r"column a: timestamp.* is not a number"),
    ],
)
def test_what_is_no_number_is_refused_by_name(values: object, says: str) -> None:
    with pytest.raises(TierlineError, match=says):
        feature_matrix(pd.DataFrame({"b": [1.0] * 3, "a": values}), ["b", "a"])


def test_an_absent_column_is_named() -> None:
    with pytest.raises(TierlineError, match="column c is missing but the model needs it"):
        feature_matrix(pa.table({"a": [1.0]}), ["a", "c", "d"])
