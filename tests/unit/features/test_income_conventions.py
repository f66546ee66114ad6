"""Income by calendar month, on cases computed by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from lakes import Row, at
from unit.features.cases import accounts, credit, debit

APRIL_29, APRIL_30 = date(2024, 4, 29), date(2024, 4, 30)
OPENED = debit("T0", at("2023-06-01"), 1)
FIGURES = ("income_recurring_monthly", "income_mean_monthly", "income_regularity_6m", "history_months")


def pay(*months: tuple[str, float]) -> list[Row]:
    """Salaries on the 10th of months, by ``YYYY-MM``."""
    return [credit(f"S{month}", at(f"{month}-10"), amount) for month, amount in months]


def paydays(*days: date) -> list[Row]:
    return [credit(f"S{index}", at(day), 5_000) for index, day in enumerate(days)]


@pytest.mark.parametrize(
    ("as_of", "days"),
    [
        (APRIL_30, ["2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]),
        (date(2024, 2, 29), ["2023-09-30", "2023-10-31", "2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29"]),
        (date(2024, 3, 14), ["2023-09-10", "2023-10-10", "2023-11-10", "2023-12-10", "2024-01-10", "2024-02-10"]),
    ],
)
def test_one_salary_a_month_is_the_recurring_income(tmp_path: Path, as_of: date, days: list[str]) -> None:
    (row,) = accounts(tmp_path, {0: [OPENED, *paydays(*(date.fromisoformat(day) for day in days))]}, [as_of])
    assert (row["income_recurring_monthly"], row["income_regularity_6m"], row["income_cv_6m"]) == (5_000, 1, 0)


def test_a_month_is_over_on_its_last_day_and_not_the_day_before(tmp_path: Path) -> None:
    """Opened in December: the month of the first row counts in none, whatever was earned in it."""
    rows = pay(("2023-12", 9_999), ("2024-01", 4_000), ("2024-02", 3_000), ("2024-03", 2_000), ("2024-04", 1_000))
    before, after, later = accounts(tmp_path, {0: rows}, [APRIL_29, APRIL_30, date(2024, 5, 1)])
    assert [before[name] for name in FIGURES] == [None, 3_000, 1, 3]
    assert [after[name] for name in FIGURES] == [2_000, 2_500, 1, 4]
    assert [later[name] for name in FIGURES] == [2_000, 2_500, 1, 4]


def test_recurring_income_is_the_second_smallest_of_four_to_six_months(tmp_path: Path) -> None:
    months = ("2023-11", 15), ("2023-12", 10), ("2024-01", 50), ("2024-02", 20), ("2024-03", 60), ("2024-04", 40)
    cases = {}
    for count in (3, 4, 5, 6):
        opened = debit("T", at(f"{('2023-10', *(month for month, _ in months))[6 - count]}-01"), 1)
        cases[count] = [opened, *pay(*months[6 - count :])]
    rows = accounts(tmp_path, cases, [APRIL_30])
    assert [row["history_months"] for row in rows] == [3, 4, 5, 6]
    assert [row["income_recurring_monthly"] for row in rows] == [None, 40, 20, 15]


def test_one_gap_in_six_months_is_forgiven_and_two_are_not(tmp_path: Path) -> None:
    five = pay(*((month, 5_000) for month in ("2023-11", "2023-12", "2024-01", "2024-02", "2024-04")))
    one, two = accounts(tmp_path, {0: [OPENED, *five], 1: [OPENED, *five[1:]]}, [APRIL_30])
    assert (one["income_recurring_monthly"], one["income_regularity_6m"]) == (5_000, 5 / 6)
    assert (two["income_recurring_monthly"], two["income_regularity_6m"]) == (0, 4 / 6)
    assert two["burden_to_income"] is None


def test_variation_is_the_population_deviation_over_the_mean_of_the_periods(tmp_path: Path) -> None:
    """Six months: 300 in two of them, 0 in four; the mean is 100, the deviation the root of 20,000."""
    paid = [OPENED, *pay(("2024-01", 300), ("2024-03", 300))]
    never = [OPENED]
    some, none = accounts(tmp_path, {0: paid, 1: never}, [APRIL_30])
    assert some["income_cv_6m"] == pytest.approx(2**0.5, rel=1e-12)
    assert (none["income_cv_6m"], none["income_mean_monthly"], none["income_regularity_6m"]) == (None, 0, 0)


def test_history_is_eleven_calendar_months_at_most(tmp_path: Path) -> None:
    """With a row a month the first of the eleven is known in part; the last counts once it is over."""
    monthly = [debit(f"T{month}", at(date(2023, month, 15)), 1) for month in range(1, 13)]
    monthly += [debit(f"U{month}", at(date(2024, month, 15)), 1) for month in range(1, 5)]
    rows = accounts(tmp_path, {0: monthly, 1: monthly[-1:]}, [APRIL_29, APRIL_30])
    assert [row["history_months"] for row in rows] == [9, 10, 0, 0]


def test_a_payday_moved_by_a_weekend_moves_no_recurring_income_on_any_night(tmp_path: Path) -> None:
    """Salary on the 2nd; one of them a few days off, even into the month before."""
    days = [date(2023, month, 2) for month in range(8, 13)] + [date(2024, month, 2) for month in range(1, 5)]
    cases = {}
    for shift in (-3, -2, 0, 2, 3):
        moved = days[6] + timedelta(days=shift)
        cases[shift + 3] = [OPENED, *paydays(*days[:6], moved, *days[7:])]
    rows = accounts(tmp_path, cases, [date(2024, 4, 3) + timedelta(days=number) for number in range(0, 28, 4)])
    assert {row["income_recurring_monthly"] for row in rows} == {5_000}


def test_no_income_ever_is_no_better_than_income_long_ago(tmp_path: Path) -> None:
    lately = debit("T0", at("2024-06-01"), 1)
    never, long_ago, once = accounts(
        tmp_path,
        {0: [lately], 1: [lately, *paydays(date(2023, 2, 1))], 2: [lately, *paydays(date(2024, 1, 2))]},
        [date(2024, 12, 31)],
    )
    assert (never["days_since_income"], long_ago["days_since_income"], once["days_since_income"]) == (365, 365, 364)


OLD = debit("T1", at("2023-05-26"), 1)


def test_a_row_older_than_eleven_months_is_a_history_of_no_full_month(tmp_path: Path) -> None:
    (row,) = accounts(tmp_path, {0: [OLD]}, [date(2024, 5, 10)])
    assert (row["debit_count_365d"], row["history_months"]) == (1, 0)


def test_the_months_of_one_date_of_a_panel_do_not_know_the_later_dates(tmp_path: Path) -> None:
    later = debit("T2", at("2024-05-12"), 1)
    first, second = date(2024, 5, 10), date(2024, 5, 13)
    panel = accounts(tmp_path, {0: [OLD, later]}, [first, second])
    assert panel[0] == accounts(tmp_path, {0: [OLD, later]}, [first])[0]
