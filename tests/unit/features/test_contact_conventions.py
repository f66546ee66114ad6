"""Distinct and new counterparties, payers, scenarios and categories, on cases computed by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import lakes
import pytest
from lakes import Row, at
from unit.features.cases import accounts, credit, debit
from unit.features.nights import differences, indexed_lake, night, recomputed, run_of

from tierline.features.state import AccountState, StateStore

AS_OF = date(2024, 5, 31)
SHOP = lakes.key(900)
KINDS = {
    "counterparties": {"counterparty_key": SHOP},
    "scenarios": {"scenario_id": "S1"},
    "categories": {"category": "hats"},
}


def seen(kind: str, *ages: int) -> list[Row]:
    """Debits with one key of a kind, so many days before ``AS_OF``."""
    return [debit(f"T{age}", at(AS_OF - timedelta(days=age)), 10, **KINDS[kind]) for age in ages]


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_is_new_if_its_first_day_in_thirty_follows_ninety_without_it(kind: str, tmp_path: Path) -> None:
    cases: dict[tuple[int, ...], int] = {
        (29,): 1,  # never seen before the last 30 days
        (30,): 0,
        (10, 99): 0,  # 89 days after its last day
        (10, 100): 1,  # 90 days after it
        (29, 118): 0,
        (29, 119): 1,
        (0, 89): 0,
        (0, 90): 1,
        (0, 29, 118): 0,  # the first day of the thirty counts, not the last
        (10, 99, 130): 0,
        (10, 129, 364): 1,
        (40, 130): 0,  # came back, but longer ago
    }
    rows = accounts(tmp_path, {number: seen(kind, *ages) for number, ages in enumerate(cases)}, [AS_OF])
    assert dict(zip(cases, (row[f"{kind}_new_30d"] for row in rows), strict=True)) == cases


def test_distinct_keys_are_those_of_the_window_and_of_the_right_rows(tmp_path: Path) -> None:
    day = at(AS_OF)
    rows = [
        *seen("counterparties", 0, 29, 89),  # one shop, three times
        debit("A", day, 1, counterparty_key=lakes.key(901)),
        debit("B", day - timedelta(days=30), 1, counterparty_key=lakes.key(902), scenario_id="S1"),
        debit("C", day - timedelta(days=90), 1, counterparty_key=lakes.key(903), scenario_id="S2", category="old"),
        debit("D", day, 1, "own", counterparty_key=lakes.key(904)),  # to oneself: a category, but nobody else
        debit("E", day, 1, "loan", counterparty_key=lakes.key(905), scenario_id="S3"),  # judged as a loan
        credit("F", day - timedelta(days=89), 1, counterparty_key=lakes.key(906)),  # a payer
        credit("G", day - timedelta(days=90), 1, counterparty_key=lakes.key(907)),
        credit("H", day, 1, "return", counterparty_key=lakes.key(908), scenario_id="S4"),  # money back, not pay
        debit("I", day, 1),  # to nobody named
    ]
    (row,) = accounts(tmp_path, {0: rows}, [AS_OF])
    assert (row["counterparties_30d"], row["counterparties_90d"], row["payers_90d"]) == (2, 3, 1)
    assert (row["scenarios_30d"], row["scenarios_90d"]) == (0, 1)
    assert (row["categories_30d"], row["categories_90d"]) == (2, 2)  # goods, own


def test_an_account_that_pays_nobody_counts_zero_and_one_without_rows_counts_nothing(tmp_path: Path) -> None:
    salary, nothing = accounts(tmp_path, {0: [credit("A", at(AS_OF), 9)], 1: []}, [AS_OF])
    names = ("counterparties_30d", "counterparties_new_30d", "scenarios_90d", "categories_90d", "payers_90d")
    assert [salary[name] for name in names] == [0, 0, 0, 0, 0]
    assert {nothing[name] for name in names} == {None}


def test_a_key_last_seen_120_days_ago_is_forgotten(tmp_path: Path) -> None:
    """Nothing of it is carried on, and when it comes back it is new."""
    first, back = date(2024, 1, 1), date(2024, 5, 1)
    nights = [back + timedelta(days=number) for number in (-2, -1, 0)]  # 119 days after its first day, 120, 121
    again = at(nights[2])
    rows = [debit("T1", at(first), 1, counterparty_key=SHOP), debit("T2", again, 1, counterparty_key=SHOP)]
    world = {"customers": [lakes.customer(lakes.key(0), first)], "transactions": rows}
    lake = indexed_lake(tmp_path / "lake", world, 1, [day - timedelta(days=1) for day in nights])
    kept, new = [], []
    for day in nights:
        run = run_of(lake, tmp_path, day)
        found, _ = night(run)
        assert differences(found, recomputed(lake, day)) == []
        state = StateStore(run.state).read(day, 0, run.made_of(day))
        assert isinstance(state, AccountState)
        kept.append(state.seen.num_rows)
        new.append(found.to_pylist()[0]["counterparties_new_30d"])
    assert [(day - first).days for day in nights] == [119, 120, 121]
    assert (kept, new) == ([2, 0, 2], [0, 0, 1])  # the shop, and its category
