"""Money in its two forms, against exact decimals."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tierline.money import MONEY, to_cents, to_money

LARGEST = 10**18 - 1  # cents that decimal(18,2) holds
cents = st.integers(min_value=-LARGEST, max_value=LARGEST)
EDGES = [0, 1, -1, 99, -99, 100, -100, 2**31, -(2**31), 2**53 + 1, -(2**53) - 1, LARGEST, -LARGEST]


def exact(amount: int) -> Decimal:
    return Decimal(amount).scaleb(-2)


@pytest.mark.parametrize("amount", EDGES)
def test_edges_become_the_exact_decimal_and_come_back(amount: int) -> None:
    money = to_money(np.array([amount], dtype=np.int64))
    assert money.type == MONEY
    assert money.to_pylist() == [exact(amount)]
    assert to_cents(money).tolist() == [amount]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.none(), cents), max_size=30))
def test_any_amounts_and_nulls_agree_with_decimal(amounts: list[int | None]) -> None:
    known = np.array([amount is not None for amount in amounts], dtype=bool)
    money = to_money(np.array([amount or 0 for amount in amounts], dtype=np.int64), known)
    expected = pa.array([None if amount is None else exact(amount) for amount in amounts], MONEY)
    assert money.equals(expected)
    assert to_cents(expected).tolist() == [amount or 0 for amount in amounts]
    assert to_cents(expected, null_as=-7).tolist() == [-7 if amount is None else amount for amount in amounts]


def test_a_column_in_several_chunks_a_slice_and_an_empty_one_read_the_same() -> None:
    whole = pa.array([Decimal("1.01"), None, Decimal("-3.30"), Decimal("4.00")], MONEY)
    chunked = pa.chunked_array([whole.slice(0, 1), whole.slice(1, 3)])
    assert to_cents(chunked, null_as=5).tolist() == [101, 5, -330, 400]
    assert to_cents(whole.slice(2)).tolist() == [-330, 400]
    assert to_cents(pa.chunked_array([], MONEY)).tolist() == []
    assert len(to_money(np.array([], dtype=np.int64))) == 0


def test_a_strided_array_is_read_by_value_not_by_memory() -> None:
    every_other = np.arange(10, dtype=np.int64)[::-2]
    assert to_money(every_other).to_pylist() == [exact(amount) for amount in (9, 7, 5, 3, 1)]
