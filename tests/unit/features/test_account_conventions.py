"""The contract's conventions for the payment account, on cases computed by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import lakes
import pytest
from lakes import Row, at

from tierline.features import FEATURES, FeatureContext, build_features, customer_spine

KEY = lakes.key(1)
REGISTERED = date(2023, 1, 1)
VOCABULARY = {"salary": "income", "own": "own_transfer", "loan": "loan_flow", "bets": "gambling", "food": "essential"}


@pytest.fixture
def facts(tmp_path: Path):
    """The features of one customer with the given transactions."""

    def compute(rows: list[Row], as_of: date, timezone: str = "UTC") -> Row:
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        world = {"customers": [lakes.customer(KEY, REGISTERED)], "transactions": rows}
        lake = lakes.write_lake(root, world, buckets=1, timezone=timezone)
        return build_features(lake, customer_spine(lake, as_of), FeatureContext(timezone, VOCABULARY)).to_pylist()[0]

    return compute


def credit(number: str, when, amount: float, category: str = "salary", **other: object) -> Row:
    return lakes.transaction(number, KEY, when, amount, direction="credit", category=category, **other)


def debit(number: str, when, amount: float, category: str = "goods", **other: object) -> Row:
    return lakes.transaction(number, KEY, when, amount, category=category, **other)


def paydays(*days: str) -> list[Row]:
    return [credit(f"S{index}", at(day), 5_000) for index, day in enumerate(days)]


def test_simultaneous_balances_are_ordered_by_transaction_id(facts) -> None:
    noon = at("2024-05-01")
    rows = [debit("T2", noon, 1, balance_after=lakes.money(22)), debit("T10", noon, 1, balance_after=lakes.money(10))]
    assert facts(rows, date(2024, 5, 2))["balance_last"] == 22  # identifiers are strings: "T10" < "T2"
    rows.append(debit("T3", noon, 1))  # no balance given: says nothing
    assert facts(rows, date(2024, 5, 2))["balance_last"] == 22


def test_a_window_holds_as_many_days_as_it_says(facts) -> None:
    as_of = date(2024, 5, 31)
    for days in (7, 30, 90, 180, 365):
        rows = [debit("T1", at(as_of - timedelta(days=days - 1)), 5)]
        assert facts(rows, as_of)[f"debit_count_{days}d"] == 1
        after = facts(rows, as_of + timedelta(days=1))[f"debit_count_{days}d"]
        assert after == (None if days == 365 else 0)  # nothing is left of an account silent for a year


def test_night_and_weekend_are_those_of_the_business_time_zone(facts) -> None:
    """Friday 2024-05-03 21:00 UTC is Saturday 05:00 in Shanghai."""
    rows = [debit("T1", at("2024-05-03", 21), 10), debit("T2", at("2024-05-02", 12), 10)]
    shanghai, utc = facts(rows, date(2024, 5, 10), "Asia/Shanghai"), facts(rows, date(2024, 5, 10))
    assert (shanghai["night_share_90d"], shanghai["weekend_share_90d"]) == (0.5, 0.5)
    assert (utc["night_share_90d"], utc["weekend_share_90d"]) == (0, 0)


def test_six_in_the_morning_is_day(facts) -> None:
    rows = [debit("T1", at("2024-05-02", 5, 59), 10), debit("T2", at("2024-05-02", 6), 10)]
    assert facts(rows, date(2024, 5, 10))["night_share_90d"] == 0.5


def test_own_transfers_and_loan_flows_are_neither_income_nor_spending(facts) -> None:
    day = at("2024-05-02")
    rows = [credit("T1", day, 900, "own"), credit("T2", day, 800, "loan"), credit("T3", day, 100)]
    rows += [debit("T4", day, 500, "own"), debit("T5", day, 400, "loan"), debit("T6", day, 30, "bets")]
    rows += [debit("T7", day, 90, "food")]
    row = facts(rows, date(2024, 5, 10))
    assert row["income_amount_30d"] == 100
    assert (row["gambling_share_90d"], row["essential_share_90d"]) == (0.25, 0.75)


def test_a_void_or_corrected_transaction_is_what_its_last_known_version_says(facts) -> None:
    first = debit("T1", at("2024-05-02"), 100)
    rows = [first, first | {"amount": lakes.money(60), "recorded_at": at("2024-05-04")}]
    rows.append(first | {"amount": lakes.money(0), "recorded_at": at("2024-05-06")})
    amounts = [facts(rows, date(2024, 5, day))["debit_amount_30d"] for day in (2, 3, 4, 5, 6)]
    assert amounts == [100, 100, 60, 60, None]


@pytest.mark.parametrize(
    ("as_of", "days"),
    [
        (date(2024, 4, 30), ["2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]),
        (date(2024, 2, 29), ["2023-09-30", "2023-10-31", "2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29"]),
        (date(2024, 3, 14), ["2023-09-10", "2023-10-10", "2023-11-10", "2023-12-10", "2024-01-10", "2024-02-10"]),
    ],
)
def test_one_salary_a_month_is_the_recurring_income(facts, as_of: date, days: list[str]) -> None:
    row = facts([debit("T0", at("2023-06-01"), 1), *paydays(*days)], as_of)
    assert (row["income_recurring_monthly"], row["income_regularity_6m"]) == (5_000, 1)


def test_recurring_income_needs_four_full_months(facts) -> None:
    rows = [debit("T0", at("2023-12-20"), 1), *paydays("2024-01-20", "2024-02-20", "2024-03-20", "2024-04-20")]
    assert facts(rows, date(2024, 4, 29))["income_recurring_monthly"] is None
    assert facts(rows, date(2024, 4, 30))["income_recurring_monthly"] == 5_000


@pytest.mark.parametrize("shift", [-3, -2, 0, 2, 3])
def test_a_payday_moved_by_a_weekend_moves_no_recurring_income_on_any_night(facts, shift: int) -> None:
    """Salary on the 2nd; one of them a few days off, even into the month before."""
    days = [date(2023, month, 2) for month in range(8, 13)] + [date(2024, month, 2) for month in range(1, 5)]
    days[6] += timedelta(days=shift)
    rows = [debit("T0", at("2023-06-01"), 1), *paydays(*(day.isoformat() for day in days))]
    nights = [date(2024, 4, 3) + timedelta(days=n) for n in range(0, 28, 3)]
    assert {facts(rows, night)["income_recurring_monthly"] for night in nights} == {5_000}


def test_recurring_income_forgives_one_gap_in_six_and_not_two(facts) -> None:
    start = debit("T0", at("2023-06-01"), 1)
    five = ["2023-11-15", "2023-12-15", "2024-01-15", "2024-02-15", "2024-04-15"]
    assert facts([start, *paydays(*five)], date(2024, 4, 30))["income_recurring_monthly"] == 5_000
    row = facts([start, *paydays(*five[1:])], date(2024, 4, 30))
    assert (row["income_recurring_monthly"], row["income_regularity_6m"]) == (0, 4 / 6)
    assert row["burden_to_income"] is None


def test_no_income_ever_is_no_better_than_income_long_ago(facts) -> None:
    lately = debit("T0", at("2024-06-01"), 1)
    never = facts([lately], date(2024, 12, 31))["days_since_income"]
    long_ago = facts([lately, *paydays("2023-02-01")], date(2024, 12, 31))["days_since_income"]
    assert never == long_ago == 365


def test_standard_deviation_does_not_drown_in_large_amounts(facts) -> None:
    """1,000,000.00 three times and 1,000,000.01 once: the deviation is sqrt(3)/4 cents."""
    rows = [debit(f"T{index}", at("2024-05-02", index), 1_000_000 + (index == 0) / 100) for index in range(4)]
    assert facts(rows, date(2024, 5, 3))["debit_std_90d"] == pytest.approx(0.01 * 3**0.5 / 4, rel=1e-12)


def test_a_trend_is_zero_when_the_account_falls_silent(facts) -> None:
    row = facts([debit("T0", at("2024-01-10"), 700)], date(2024, 5, 31))
    assert row["debit_trend_30d_180d"] == 0
    assert row["income_trend_90d_365d"] is None  # no income in the whole window: no trend


def test_without_transactions_every_account_feature_is_missing(facts) -> None:
    row = facts([], date(2024, 5, 31))
    account = {"flows", "income", "spend_mix", "balances", "trends"}
    assert {row[feature.name] for feature in FEATURES if feature.family in account} == {None}
    assert row["registered_days"] == 516
