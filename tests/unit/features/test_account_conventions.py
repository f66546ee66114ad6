"""The contract's conventions for the payment account, on cases computed by hand."""

from __future__ import annotations

from datetime import date, timedelta
from math import log
from pathlib import Path

import lakes
import pytest
from lakes import Row, at
from unit.features.cases import REGISTERED, accounts, credit, debit

from tierline.features import FEATURES

AS_OF = date(2024, 5, 31)
MAY_2 = at("2024-05-02")


def facts(root: Path, rows: list[Row], as_of: date = AS_OF, timezone: str = "UTC") -> Row:
    """The features of one customer with the given transactions."""
    return accounts(root, {0: rows}, [as_of], timezone)[0]


def test_simultaneous_balances_are_ordered_by_transaction_id(tmp_path: Path) -> None:
    two = [debit("T2", MAY_2, 1, balance_after=lakes.money(22)), debit("T10", MAY_2, 1, balance_after=lakes.money(10))]
    more = [*two, debit("T3", MAY_2, 1)]  # no balance given: says nothing
    rows = accounts(tmp_path, {0: two, 1: more}, [AS_OF])
    assert [row["balance_last"] for row in rows] == [22, 22]  # identifiers are strings: "T10" < "T2"


def test_a_window_holds_as_many_days_as_it_says(tmp_path: Path) -> None:
    windows = (7, 30, 90, 180, 365)
    cases = {days: [debit("T1", at(AS_OF - timedelta(days=days - 1)), 5)] for days in windows}
    rows = accounts(tmp_path, cases, [AS_OF, AS_OF + timedelta(days=1)])
    inside = [row[f"debit_count_{days}d"] for days, row in zip(windows, rows[::2], strict=True)]
    after = [row[f"debit_count_{days}d"] for days, row in zip(windows, rows[1::2], strict=True)]
    assert inside == [1, 1, 1, 1, 1]
    assert after == [0, 0, 0, 0, None]  # nothing is left of an account silent for a year


def test_night_and_weekend_are_those_of_the_business_time_zone(tmp_path: Path) -> None:
    """Friday 2024-05-03 21:00 UTC is Saturday 05:00 in Shanghai."""
    rows = [debit("T1", at("2024-05-03", 21), 10), debit("T2", MAY_2, 10)]
    shanghai, utc = facts(tmp_path, rows, timezone="Asia/Shanghai"), facts(tmp_path, rows)
    assert (shanghai["night_share_90d"], shanghai["weekend_share_90d"]) == (0.5, 0.5)
    assert (utc["night_share_90d"], utc["weekend_share_90d"]) == (0, 0)


def test_six_in_the_morning_is_day_by_the_clock_on_the_wall(tmp_path: Path) -> None:
    """In Berlin six o'clock is 04:00 UTC from the night of 31 March, when the clock was changed, and 05:00 before."""
    rows = [debit("T1", at("2024-05-02", 5, 59), 10), debit("T2", at("2024-05-02", 6), 10)]
    assert facts(tmp_path, rows)["night_share_90d"] == 0.5
    mornings = [("2024-03-30", 4, 59), ("2024-03-30", 5, 0), ("2024-03-31", 3, 59), ("2024-03-31", 4, 0)]
    cases = {number: [debit("T", at(*moment), 10)] for number, moment in enumerate(mornings)}
    berlin = accounts(tmp_path, cases, [date(2024, 4, 5)], "Europe/Berlin")
    assert [row["night_share_30d"] for row in berlin] == [1, 0, 1, 0]


def test_own_transfers_and_loan_flows_are_neither_income_nor_spending(tmp_path: Path) -> None:
    rows = [credit("T1", MAY_2, 900, "own"), credit("T2", MAY_2, 800, "loan"), credit("T3", MAY_2, 100)]
    rows += [debit("T4", MAY_2, 500, "own"), debit("T5", MAY_2, 400, "loan"), debit("T6", MAY_2, 30, "bets")]
    rows += [debit("T7", MAY_2, 90, "food")]
    row = facts(tmp_path, rows)
    assert row["income_amount_30d"] == 100
    assert (row["gambling_share_90d"], row["essential_share_90d"]) == (0.25, 0.75)
    assert (row["credit_amount_30d"], row["debit_amount_30d"]) == (1_000, 620)  # flows, but not the loan's
    assert (row["transfer_in_share_90d"], row["transfer_out_share_90d"]) == (0.9, 500 / 620)
    assert (row["income_share_365d"], row["net_flow_ratio_30d"]) == (0.1, 0.38)


def test_a_row_of_a_loan_shows_the_balance_and_is_no_activity(tmp_path: Path) -> None:
    row = facts(tmp_path, [debit("T1", MAY_2, 400, "loan", balance_after=lakes.money(99.99))])
    assert (row["balance_last"], row["low_balance_days_30d"], row["active_days_30d"]) == (99.99, 1, 0)
    assert (row["debit_count_365d"], row["debit_max_365d"], row["night_share_365d"]) == (0, None, None)


def test_a_void_or_corrected_transaction_is_what_its_last_known_version_says(tmp_path: Path) -> None:
    first = debit("T1", MAY_2, 100)
    rows = [first, first | {"amount": lakes.money(60), "recorded_at": at("2024-05-04")}]
    rows.append(first | {"amount": lakes.money(0), "recorded_at": at("2024-05-06")})
    found = accounts(tmp_path, {0: rows}, [date(2024, 5, day) for day in (2, 3, 4, 5, 6)])
    assert [row["debit_amount_30d"] for row in found] == [100, 100, 60, 60, None]


def test_entropy_is_zero_for_one_kind_of_spending_and_greatest_for_six(tmp_path: Path) -> None:
    """Over essential, discretionary, gambling, cash, fee and everything else; money moved to oneself is none of it."""
    kinds = ["food", "fun", "bets", "atm", "fee", "hats"]
    cases = {
        0: [debit("A", MAY_2, 70, "food"), debit("B", MAY_2, 930, "own")],
        1: [debit("A", MAY_2, 75, "food"), debit("B", MAY_2, 25, "bets")],
        2: [debit(kind, MAY_2, 8, kind) for kind in kinds],
        3: [debit(kind, MAY_2, 8, kind) for kind in ("hats", "return", "salary", "never heard of")],  # all of it other
        4: [debit("A", MAY_2, 70, "own"), credit("B", MAY_2, 9)],
    }
    rows = accounts(tmp_path, cases, [AS_OF])
    assert [row["spend_entropy_90d"] for row in rows[:1] + rows[3:]] == [0, 0, None]
    assert rows[1]["spend_entropy_90d"] == pytest.approx(-0.75 * log(0.75) - 0.25 * log(0.25), rel=1e-12)
    assert rows[2]["spend_entropy_365d"] == pytest.approx(log(6), rel=1e-12)


def test_days_since_counts_from_the_last_such_day_and_stops_at_a_year(tmp_path: Path) -> None:
    age = {days: at(AS_OF - timedelta(days=days)) for days in (0, 3, 364, 365)}
    cases = {
        0: [debit("A", age[3], 1, "bets"), debit("B", age[364], 1, "bets"), credit("C", age[0], 1, "bets")],
        1: [debit("A", age[364], 1, "bets"), credit("B", age[3], 1, "atm")],  # cash that comes back is cash as well
        2: [debit("A", age[365], 1, "bets"), debit("B", age[364], 1, "food")],
    }
    rows = accounts(tmp_path, cases, [AS_OF])
    assert [row["days_since_gambling"] for row in rows] == [3, 364, 365]
    assert [row["days_since_cash_advance"] for row in rows] == [365, 3, 365]
    assert [row["days_since_income"] for row in rows] == [365, 365, 365]


def test_balances_of_a_window_and_its_last_against_its_mean(tmp_path: Path) -> None:
    money = [(80, "500"), (29, "-20"), (29, "99.99"), (10, "100")]
    rows = [
        debit(f"T{number}", at(AS_OF - timedelta(days=age), number), 1, balance_after=lakes.money(value))
        for number, (age, value) in enumerate(money)
    ]
    row = facts(tmp_path, [*rows, debit("T9", at(AS_OF), 1)])
    assert (row["balance_min_30d"], row["balance_last"], row["low_balance_days_90d"]) == (-20, 100, 1)
    assert row["balance_mean_30d"] == pytest.approx(179.99 / 3, rel=1e-12)
    assert row["balance_last_to_mean_90d"] == pytest.approx(100 / (679.99 / 4), rel=1e-12)
    assert row["balance_trend_30d_180d"] == pytest.approx((179.99 / 3) / (679.99 / 4), rel=1e-12)


def test_standard_deviation_does_not_drown_in_large_amounts(tmp_path: Path) -> None:
    """1,000,000.00 three times and 1,000,000.01 once: the deviation is sqrt(3)/4 cents."""
    rows = [debit(f"T{index}", at("2024-05-02", index), 1_000_000 + (index == 0) / 100) for index in range(4)]
    row = facts(tmp_path, rows)
    assert row["debit_std_90d"] == pytest.approx(0.01 * 3**0.5 / 4, rel=1e-12)
    assert row["debit_cv_90d"] == pytest.approx(0.01 * 3**0.5 / 4 / 1_000_000.0025, rel=1e-12)


def test_a_trend_is_the_short_windows_pace_over_the_long_ones(tmp_path: Path) -> None:
    silent = [debit("T0", at("2024-01-10"), 700)]
    steady = [debit(f"T{days}", at(AS_OF - timedelta(days=days)), 10) for days in range(0, 180, 30)]
    lately = [debit("T0", at(AS_OF), 10), debit("T1", at(AS_OF - timedelta(days=179)), 30)]
    none, even, more = accounts(tmp_path, {0: silent, 1: steady, 2: lately}, [AS_OF])
    assert (none["debit_trend_30d_180d"], none["income_trend_90d_365d"]) == (0, None)  # no income: no trend
    assert (even["debit_trend_30d_180d"], even["debit_count_trend_30d_180d"]) == (1, 1)
    assert (more["debit_trend_30d_180d"], more["debit_count_trend_30d_180d"]) == (1.5, 3)
    assert more["debit_trend_90d_365d"] == 1


def test_without_transactions_every_account_feature_is_missing(tmp_path: Path) -> None:
    row = facts(tmp_path, [])
    account = {"flows", "income", "spend_mix", "balances", "trends", "income_months", "contacts"}
    assert {row[feature.name] for feature in FEATURES if feature.family in account} == {None}
    assert row["registered_days"] == (AS_OF - REGISTERED).days
