"""Awkward input of the feature stage: right numbers, on every way of computing them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import lakes
import numpy as np
import pyarrow as pa
import pytest
from lakes import Row, World, at
from unit.features.nights import CONTEXT, differences, indexed_lake, night, recomputed, run_of

from tierline.features import FEATURES, build_features, customer_spine, nightly

KEY = lakes.key(1)
FIRST = date(2024, 5, 1)
REGISTERED = date(2023, 1, 1)


def world(*rows: Row) -> World:
    return {"customers": [lakes.customer(KEY, REGISTERED)], "transactions": list(rows)}


def debit(number: str, when, amount: float = 10, **other: object) -> Row:
    return lakes.transaction(number, KEY, when, amount, **other)


def nights_of(tmp_path: Path, given: World, days: list[date]) -> list[Row]:
    """The rows of every night: carried on, each date by itself and all at once are the same."""
    lake = indexed_lake(tmp_path / "lake", given, 1, [day - timedelta(days=1) for day in days])
    found = []
    for day in days:
        found.append(night(run_of(lake, tmp_path, day))[0])
        assert differences(found[-1], recomputed(lake, day)) == [], day
    carried = pa.concat_tables(found)
    spine = pa.concat_tables([customer_spine(lake, day) for day in days])
    assert differences(build_features(lake, spine, CONTEXT), carried) == []
    return list(carried.to_pylist())


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


_T1, _T2 = debit("T1", at("2024-05-01"), 900, counterparty_key=lakes.key(7)), debit("T2", at("2024-05-02"), 50)
_MOVED = debit("T1", at("2024-05-02"), 10)
IRREGULAR = {
    "clock runs ahead": [
        debit("T1", at("2024-04-20"), 10),
        debit("T2", at("2024-05-04"), 7, recorded_at=at("2024-05-02")),
    ],
    "a day comes late": [
        debit("T1", at("2024-05-01"), 10),
        debit("T3", at("2024-05-03"), 10),
        *(debit(f"L{number}", at("2024-05-02", number), 1, recorded_at=at("2024-05-05")) for number in range(5)),
    ],
    "corrected": [
        _T1,
        _T1 | {"amount": lakes.money(20), "recorded_at": at("2024-05-03")},
        _T2 | {"counterparty_key": lakes.key(8)},
        _T2 | {"counterparty_key": lakes.key(8), "amount": lakes.money(0), "recorded_at": at("2024-05-05")},
    ],
    "moved": [
        debit("T0", at("2024-04-01"), 1),
        _MOVED,
        _MOVED | {"occurred_at": at("2024-03-20"), "recorded_at": at("2024-05-03")},
        _MOVED | {"occurred_at": at("2024-05-06"), "recorded_at": at("2024-05-04")},
    ],
}


@pytest.fixture(scope="module")
def six_nights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """The rows of each irregular customer, 1 to 6 May; nobody is left to a recompute of the whole bucket."""
    keys = {lakes.key(number): name for number, name in enumerate(IRREGULAR)}
    rows = [
        row | {"customer_key": key, "transaction_id": f"{name}-{row['transaction_id']}"}
        for key, name in keys.items()
        for row in IRREGULAR[name]
    ]
    given = {"customers": [lakes.customer(key, REGISTERED) for key in keys], "transactions": rows}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nightly, "LARGEST_RECOMPUTE", 1)
        found = nights_of(tmp_path_factory.mktemp("six"), given, days_from(FIRST, 6))
    return {name: [row for row in found if row["customer_key"] == key] for key, name in keys.items()}


def test_a_row_dated_after_its_recording_waits_for_its_day(six_nights: dict[str, list[Row]]) -> None:
    """A clock that runs ahead: recorded on the 2nd as of the 4th. Nobody may know of the 4th before it."""
    rows = six_nights["clock runs ahead"]
    assert [row["debit_amount_30d"] for row in rows] == [10, 10, 10, 17, 17, 17]
    assert [row["latest_event_on"].day for row in rows] == [20, 20, 20, 4, 4, 4]


def test_a_day_that_arrives_three_days_late_is_in_no_earlier_night(six_nights: dict[str, list[Row]]) -> None:
    rows = six_nights["a day comes late"]
    assert [row["debit_count_7d"] for row in rows] == [1, 1, 2, 2, 7, 7]
    assert [row["active_days_30d"] for row in rows] == [1, 1, 2, 2, 3, 3]
    assert [row["latest_known_on"].day for row in rows] == [1, 1, 3, 3, 5, 5]


def test_a_row_moved_to_another_day_leaves_the_one_it_was_on(six_nights: dict[str, list[Row]]) -> None:
    """Back over a month end, then ahead of the day on which that became known."""
    rows = six_nights["moved"]
    assert [row["debit_count_7d"] for row in rows] == [0, 1, 0, 0, 0, 1]
    assert [row["debit_count_90d"] for row in rows] == [1, 2, 2, 1, 1, 2]
    assert [row["history_months"] for row in rows] == [0, 0, 1, 0, 0, 0]


def test_a_correction_is_used_from_the_day_it_is_known(six_nights: dict[str, list[Row]]) -> None:
    """The largest debit becomes smaller, another is void: old nights keep what was known on them."""
    rows = six_nights["corrected"]
    assert [row["debit_max_30d"] for row in rows] == [900, 900, 50, 50, 20, 20]
    assert [row["counterparties_30d"] for row in rows] == [1, 2, 2, 2, 1, 1]


def test_a_customer_with_a_hundred_thousand_transactions_in_a_day(tmp_path: Path) -> None:
    """Closed forms: amounts 1 … 100,000 yuan over 24 hours, to 1,000 counterparties."""
    count = 100_000
    when = at(FIRST, 0)
    rows = [
        debit(f"T{n:06d}", when + timedelta(milliseconds=800 * n), n + 1, counterparty_key=lakes.key(n % 1_000))
        for n in range(count)
    ]
    (row,) = nights_of(tmp_path, world(*rows), [FIRST])
    assert row["debit_count_7d"] == count
    assert row["debit_amount_365d"] == count * (count + 1) / 2
    assert row["debit_max_30d"] == count
    assert row["counterparties_30d"] == row["counterparties_new_30d"] == 1_000
    assert row["active_days_90d"] == 1
    assert row["debit_std_90d"] == pytest.approx(((count**2 - 1) / 12) ** 0.5, rel=1e-12)
    assert row["night_share_90d"] == pytest.approx(6 * 3_600_000 / 800 / count, rel=1e-12)


def test_a_customer_without_history_has_a_row_of_documented_nulls(tmp_path: Path) -> None:
    (row,) = nights_of(tmp_path, world(), [FIRST])
    filled = {feature.name for feature in FEATURES if row[feature.name] is not None}
    assert filled == {"registered_days", "is_sole_proprietor"}
    assert (row["latest_event_on"], row["latest_known_on"]) == (None, REGISTERED)


def test_a_customer_silent_for_a_year_starts_anew(tmp_path: Path) -> None:
    days = days_from(date(2024, 5, 1), 3)
    rows = nights_of(tmp_path, world(debit("T1", at("2023-05-03"))), days)
    assert [row["debit_count_365d"] for row in rows] == [1, None, None]


@pytest.mark.parametrize("column", ["balance_after", "counterparty_key", "scenario_id"])
def test_a_column_that_is_always_null_leaves_only_its_own_features_empty(column: str, tmp_path: Path) -> None:
    filled = {"balance_after": lakes.money(50), "counterparty_key": lakes.key(9), "scenario_id": "S1"}
    rows = [debit(f"T{n}", at(FIRST - timedelta(days=3 * n)), **filled | {column: None}) for n in range(40)]
    whole = [row | {column: filled[column]} for row in rows]
    (found,), (expected,) = (nights_of(tmp_path / name, world(*given), [FIRST]) for name, given in
                             (("null", rows), ("whole", whole)))  # fmt: skip
    changed = {feature.name for feature in FEATURES if found[feature.name] != expected[feature.name]}
    owned = {"balance_after": "balance", "counterparty_key": "counterpart", "scenario_id": "scenario"}[column]
    assert changed
    assert all(owned in name for name in changed), changed


def test_an_account_that_names_nothing_but_amounts(tmp_path: Path) -> None:
    """No balance, no counterparty, no scenario in the whole table: null where that is documented, zero elsewhere."""
    (row,) = nights_of(tmp_path, world(*(debit(f"T{n}", at(FIRST - timedelta(days=n)), 10) for n in range(9))), [FIRST])
    assert (row["debit_amount_30d"], row["categories_30d"]) == (90, 1)
    assert {row[name] for name in row if name.startswith("balance_")} == {None}
    counts = [name for name in row if name.startswith(("counterparties", "payers", "scenario", "low_balance"))]
    assert {row[name] for name in counts} == {0}
    assert len(counts) == 13


def test_a_category_never_seen_is_other_spending(tmp_path: Path) -> None:
    rows = [debit("T1", at(FIRST), 30, category="an unheard-of word"), debit("T2", at(FIRST), 10, category="food")]
    (row,) = nights_of(tmp_path, world(*rows), [FIRST])
    assert (row["debit_amount_7d"], row["essential_share_30d"], row["categories_30d"]) == (40, 0.25, 2)
    assert row["spend_entropy_90d"] == pytest.approx(-(0.25 * np.log(0.25) + 0.75 * np.log(0.75)), rel=1e-12)


def test_the_same_transaction_twice_on_one_day_counts_in_its_last_version(tmp_path: Path) -> None:
    """Two bodies under one identifier, hours apart: the later knowledge is the truth, on the same day already."""
    first = debit("T1", at(FIRST, 8), 100, category="bets")
    second = first | {"amount": lakes.money(40), "category": "food", "recorded_at": at(FIRST, 15)}
    (row,) = nights_of(tmp_path, world(first, second), [FIRST])
    assert (row["debit_count_7d"], row["debit_amount_7d"], row["gambling_share_30d"]) == (1, 40, 0)


def test_the_spine_may_ask_for_customers_nobody_knows(tmp_path: Path) -> None:
    lake = lakes.write_lake(tmp_path, world(debit("T1", at(FIRST))))
    spine = customer_spine(lake, FIRST - timedelta(days=600))
    assert build_features(lake, spine, CONTEXT).num_rows == 0
