"""Labels given from outside."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import lakes
import pytest
from lakes import at

from tierline.labels import LabelCounts, LabelSpec, application_population, customers_in_bad_outcome
from tierline.lake import Lake

DAY = date(2024, 3, 1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Five loans: good, bad, bad then corrected to good, void, and one without an outcome."""
    keys = [lakes.key(number) for number in range(5)]
    loans = [lakes.loan(f"L{n}", keys[n], DAY, 100, recorded_at=at(DAY, 20 - n)) for n in range(5)]
    loans.append(loans[3] | {"principal": lakes.money(0), "recorded_at": at("2024-03-02")})
    outcomes = [
        lakes.outcome("L0", False, date(2024, 5, 1)),
        lakes.outcome("L1", True, date(2024, 5, 1)),
        lakes.outcome("L2", True, date(2024, 5, 1)),
        lakes.outcome("L2", False, date(2024, 5, 1), recorded_at=at("2024-06-01")),
        lakes.outcome("L3", True, date(2024, 5, 1)),
    ]
    world = {"customers": [lakes.customer(key, DAY) for key in keys], "loans": loans, "outcomes": outcomes}
    return lakes.write_lake(tmp_path, world)


def test_one_row_per_loan_with_a_known_outcome_in_order_of_approval(lake: Lake) -> None:
    population = application_population(lake, date(2024, 6, 1))
    rows = population.rows.to_pylist()
    assert [(row["loan_id"], row["defaulted"]) for row in rows] == [("L2", False), ("L1", True), ("L0", False)]
    assert {row["as_of"] for row in rows} == {DAY}
    moments: list[datetime] = [row["observed_at"] for row in rows]
    assert moments == [at(DAY, 18), at(DAY, 19), at(DAY, 20)]
    assert population.counts == LabelCounts(3, 0, 0, 0)


def test_an_outcome_counts_as_it_was_known(lake: Lake) -> None:
    assert application_population(lake, date(2024, 4, 30)).rows.num_rows == 0
    rows = application_population(lake, date(2024, 5, 31)).rows.to_pylist()
    assert [row["loan_id"] for row in rows if row["defaulted"]] == ["L2", "L1"]


def test_customers_in_bad_outcome_follow_corrections_and_voids(lake: Lake) -> None:
    assert customers_in_bad_outcome(lake, date(2024, 4, 30)) == []
    assert customers_in_bad_outcome(lake, date(2024, 5, 31)) == sorted([lakes.key(1), lakes.key(2)])
    assert customers_in_bad_outcome(lake, date(2024, 6, 1)) == [lakes.key(1)]


def test_the_window_ends_on_the_same_day_of_a_later_month() -> None:
    assert LabelSpec().window_end(date(2024, 2, 29)) == date(2025, 2, 28)
    assert LabelSpec(window_months=3).window_end(date(2023, 11, 30)) == date(2024, 2, 29)


def test_the_hash_tells_specifications_apart() -> None:
    hashes = {LabelSpec(dpd_threshold=dpd, window_months=months).spec_hash for dpd in (30, 90) for months in (6, 12)}
    assert len(hashes) == 4
    assert LabelSpec().spec_hash == LabelSpec(dpd_threshold=90, window_months=12).spec_hash
