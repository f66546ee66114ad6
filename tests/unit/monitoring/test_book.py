from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from unit.monitoring.books import Book, reference_state

from tierline.engine import session
from tierline.monitoring import loan_state, previous_month_end

JAN, FEB, MAR, APR = date(2025, 1, 10), date(2025, 2, 10), date(2025, 3, 10), date(2025, 4, 10)


def state_of(book: Book, as_of: date, root: Path, buckets: int = 1) -> pd.DataFrame:
    lake = book.write(root, buckets)
    with session() as connection:
        return loan_state(connection, lake, as_of).set_index("loan_id")


def three_instalments() -> Book:
    """1,200 yuan on 10 January, three instalments of 400 + 12."""
    book = Book().loan("L1", "c1", JAN, "1200.00")
    for number, due in enumerate((FEB, MAR, APR), start=1):
        book.instalment("L1", number, due, ("400.00", "12.00"), known=JAN)
    return book


def first_paid(book: Book) -> Book:
    return book.pay(("R1", "L1", 1), FEB, "412.00")


# name, what happened, as_of, dpd, outstanding in cents, default_on
CASES: list[tuple[str, Callable[[Book], Book], date, int, int, date | None]] = [
    ("not yet due", lambda b: b, date(2025, 2, 9), 0, 120_000, None),
    ("the due day is 0", lambda b: b, FEB, 0, 120_000, None),
    ("the day after is 1", lambda b: b, date(2025, 2, 11), 1, 120_000, None),
    ("paid on the due day", first_paid, date(2025, 2, 11), 0, 80_000, None),
    # 200 of 412: interest 12 first, then 188 of principal
    ("partial payment", lambda b: b.pay(("R1", "L1", 1), FEB, "200.00"), date(2025, 2, 20), 10, 101_200, None),
    # 5 of 12 interest: no principal
    ("less than the interest", lambda b: b.pay(("R1", "L1", 1), FEB, "5.00"), date(2025, 2, 20), 10, 120_000, None),
    (
        "two parts make it whole",
        lambda b: b.pay(("R1", "L1", 1), FEB, "200.00").pay(("R2", "L1", 1), date(2025, 2, 15), "212.00"),
        date(2025, 2, 20),
        0,
        80_000,
        None,
    ),
    # first paid, second not: aged from the second
    ("oldest unpaid is the second", first_paid, date(2025, 3, 20), 10, 80_000, None),
    # second paid, first not: aged from the first
    (
        "the first left out",
        lambda b: b.pay(("R1", "L1", 2), MAR, "412.00"),
        date(2025, 3, 20),
        38,
        80_000,
        None,
    ),
    # default on 10 February + 90 days = 11 May
    ("never paid, day before", lambda b: b, date(2025, 5, 10), 89, 120_000, None),
    ("never paid, the day", lambda b: b, date(2025, 5, 11), 90, 120_000, date(2025, 5, 11)),
    (
        "paid on the day DPD would be 90",
        lambda b: b.pay(("R1", "L1", 1), date(2025, 5, 11), "412.00"),
        date(2025, 5, 11),
        62,
        80_000,
        None,
    ),
    (
        "cured after default",
        lambda b: (
            b.pay(("R1", "L1", 1), date(2025, 5, 20), "412.00")
            .pay(("R2", "L1", 2), date(2025, 5, 20), "412.00")
            .pay(("R3", "L1", 3), date(2025, 5, 20), "412.00")
        ),
        date(2025, 6, 1),
        0,
        0,
        date(2025, 5, 11),
    ),
    # overpaying instalment 1 does not repay instalment 2
    ("overpaid", lambda b: b.pay(("R1", "L1", 1), FEB, "900.00"), date(2025, 3, 11), 1, 80_000, None),
    # paid on 10 February, known on 1 March only
    (
        "recorded late, before",
        lambda b: b.pay(("R1", "L1", 1), FEB, "412.00", known=date(2025, 3, 1)),
        date(2025, 2, 28),
        18,
        120_000,
        None,
    ),
    (
        "recorded late, after",
        lambda b: b.pay(("R1", "L1", 1), FEB, "412.00", known=date(2025, 3, 1)),
        date(2025, 3, 1),
        0,
        80_000,
        None,
    ),
    (
        "void payment",
        lambda b: first_paid(b).pay(("R1", "L1", 1), FEB, "0.00", known=date(2025, 2, 15)),
        date(2025, 2, 20),
        10,
        120_000,
        None,
    ),
    # on 1 March the first instalment moves to 10 May: it was always so
    (
        "restructured",
        lambda b: b.instalment("L1", 1, date(2025, 5, 10), ("400.00", "12.00"), known=date(2025, 3, 1)),
        date(2025, 3, 5),
        0,
        120_000,
        None,
    ),
    (
        "before the restructuring",
        lambda b: b.instalment("L1", 1, date(2025, 5, 10), ("400.00", "12.00"), known=date(2025, 3, 1)),
        date(2025, 2, 28),
        18,
        120_000,
        None,
    ),
    # interest waived on settlement: 400 is the whole instalment
    (
        "interest waived",
        lambda b: b.instalment("L1", 1, FEB, ("400.00", "0.00"), known=FEB).pay(("R1", "L1", 1), FEB, "400.00"),
        date(2025, 2, 20),
        0,
        80_000,
        None,
    ),
]


@pytest.mark.parametrize(("name", "happened", "as_of", "dpd", "outstanding", "default_on"), CASES, ids=lambda v: str(v))
def test_hand_computed_cases(
    name: str,
    happened: Callable[[Book], Book],
    as_of: date,
    dpd: int,
    outstanding: int,
    default_on: date | None,
    tmp_path: Path,
) -> None:
    book = happened(three_instalments())
    row = state_of(book, as_of, tmp_path).loc["L1"]
    assert (row["dpd"], row["outstanding"]) == (dpd, outstanding)
    assert (None if pd.isna(row["default_on"]) else row["default_on"].date()) == default_on
    expected = reference_state(book, as_of)["L1"]
    assert expected == {"dpd": dpd, "outstanding": outstanding, "default_on": default_on}


def test_which_loans_are_in_the_book(tmp_path: Path) -> None:
    book = three_instalments()
    book.loan("L2", "c2", JAN, "500.00")  # no instalments: schedule unknown
    book.loan("L3", "c3", JAN, "500.00").loan("L3", "c3", JAN, "0.00", known=FEB)  # void from 10 February
    book.loan("L4", "c4", MAR, "500.00")  # not yet paid out
    book.loan("L5", "c5", JAN, "500.00", known=MAR)  # not yet known
    state = state_of(book, date(2025, 2, 20), tmp_path)
    assert state.index.tolist() == ["L1", "L2"]
    assert state["schedule_known"].tolist() == [True, False]
    assert state["is_open"].tolist() == [True, True]
    assert state.loc["L2", ["dpd", "outstanding", "oldest_unpaid_no"]].isna().all()
    assert state["months_on_book"].tolist() == [1, 1]
    assert state.loc["L1", "oldest_unpaid_no"] == 1


def test_a_repaid_loan_is_closed(tmp_path: Path) -> None:
    book = three_instalments()
    for number, due in enumerate((FEB, MAR, APR), start=1):
        book.pay((f"R{number}", "L1", number), due, "412.00")
    row = state_of(book, date(2025, 5, 1), tmp_path).loc["L1"]
    assert not row["is_open"]
    assert row["outstanding"] == 0


def test_an_empty_lake_gives_an_empty_book_with_its_columns(tmp_path: Path) -> None:
    filled = state_of(three_instalments(), APR, tmp_path / "filled")
    empty = state_of(Book(), APR, tmp_path / "empty")
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == filled.dtypes.to_dict()


def random_book(seed: int) -> Book:
    """Loans with partial, late, missing, void and late-recorded payments and moved instalments."""
    rng = random.Random(seed)
    book = Book()
    number = 0
    for index in range(12):
        loan, start = f"L{index:02d}", date(2025, 1, 1) + timedelta(days=rng.randrange(60))
        book.loan(loan, f"c{index % 5}", start, "600.00")
        for instalment in range(1, rng.choice([1, 4]) * (index != 7) + 1):
            due = start + timedelta(days=30 * instalment)
            book.instalment(loan, instalment, due, ("150.00", "4.50"), known=start)
            if rng.random() < 0.15:
                moved = due + timedelta(days=rng.randrange(1, 90))
                book.instalment(loan, instalment, moved, ("150.00", "4.50"), known=due)
            for _ in range(rng.randrange(3)):
                number += 1
                on = due + timedelta(days=rng.choice([-3, 0, 1, 30, 89, 90, 91, 120]))
                known = on + timedelta(days=rng.choice([0, 0, 0, 7]))
                key = (f"R{number}", loan, instalment)
                book.pay(key, on, rng.choice(["154.50", "100.00", "54.50", "2.00"]), known=known)
                if rng.random() < 0.1:
                    book.pay(key, on, "0.00", known=known + timedelta(days=2))
    return book


@pytest.mark.parametrize("seed", range(6))
def test_random_books_agree_with_the_day_by_day_reference(seed: int, tmp_path: Path) -> None:
    book = random_book(seed)
    for n, as_of in enumerate((date(2025, 3, 5), date(2025, 6, 30), date(2025, 9, 15))):
        state = state_of(book, as_of, tmp_path / str(n), buckets=1 + seed % 3)
        found: dict[str, dict[str, Any]] = {
            str(loan): {
                "dpd": None if pd.isna(row["dpd"]) else row["dpd"],
                "outstanding": None if pd.isna(row["outstanding"]) else row["outstanding"],
                "default_on": None if pd.isna(row["default_on"]) else row["default_on"].date(),
            }
            for loan, row in state.iterrows()
        }
        assert found == reference_state(book, as_of)
        known = state[state["schedule_known"]]
        aged = known["oldest_unpaid_no"].notna()
        assert (aged == (known["dpd"] > 0)).all()


def test_previous_month_end() -> None:
    assert previous_month_end(date(2025, 3, 31)) == date(2025, 2, 28)
    assert previous_month_end(date(2025, 3, 1)) == date(2025, 2, 28)
    assert previous_month_end(date(2025, 1, 15)) == date(2024, 12, 31)
