"""Between the account tables of a session and the state's arrays.

Belongs here: taking a state from the tables of a full recompute, replacing some customers' rows in it, and showing it
to ``assemble`` as the same tables. Does not belong here: carrying a state on (``increment``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tierline.features.calendar import day_number, month_number
from tierline.features.contacts import contacts_sql
from tierline.features.income import MONTHS
from tierline.features.lending import take_loans
from tierline.features.measures import HORIZON, Kind, Window
from tierline.features.registry import ACCOUNT_WINDOWS
from tierline.features.stairs import days_sql, extremes_of, stair_measures, stairs_sql
from tierline.features.state import ABSENT, AccountState, Ints, nullable

CARRIED: tuple[Window, ...] = tuple(window for window in ACCOUNT_WINDOWS if not window.measure.extreme)
"""Windows that are kept as arrays; extremes follow from the stairs."""
ADDITIVE = tuple(window for window in CARRIED if window.measure.kind is not Kind.LATEST)
LATEST = tuple(window for window in CARRIED if window.measure.kind is Kind.LATEST)
BALANCE = ("balance_last", "balance_at", "balance_day")
ROWS = f"rows_{HORIZON}d"


def months_of(day: date) -> list[int]:
    """Numbers of the calendar months a state of ``day`` holds."""
    current = month_number(day)
    return list(range(current - MONTHS + 1, current + 1))


def empty_columns(count: int, day: date) -> dict[str, Ints]:
    """Arrays of customers without a row."""
    columns = {window.column: np.zeros(count, np.int64) for window in ADDITIVE}
    columns |= {name: np.full(count, ABSENT) for name in (*(window.column for window in LATEST), *BALANCE)}
    for month in months_of(day):
        columns |= {f"income_{month}": np.zeros(count, np.int64), f"rows_{month}": np.zeros(count, np.int64)}
    return columns


def make_stairs(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """Make ``stairs`` of ``tx``."""
    days = days_sql(stair_measures(ACCOUNT_WINDOWS), "tx")
    sql = stairs_sql(days).format(today=day_number(day))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE stairs AS {sql}")


def take_state(connection: duckdb.DuckDBPyConnection, day: date) -> AccountState:
    """The state of a session in which a full recompute of every customer was made, with ``stairs``."""
    keys = connection.sql("SELECT customer_key FROM customer_no ORDER BY no").to_arrow_table()
    count = keys.num_rows
    loans, schedule = take_loans(connection, day)
    state = AccountState(
        keys=keys.column("customer_key").combine_chunks() if count else pa.array([], pa.string()),
        columns=empty_columns(count, day),
        balance_id=np.full(count, None, dtype=object),
        seen=connection.sql("FROM seen ORDER BY no, kind, key").to_arrow_table(),
        stairs=connection.sql("FROM stairs ORDER BY no, step_of, day").to_arrow_table(),
        loans=loans,
        schedule=schedule,
    )
    _fill(connection, state, day)
    return state


def replace_customers(
    connection: duckdb.DuckDBPyConnection, state: AccountState, numbers: Sequence[int], day: date
) -> None:
    """Put what a session recomputed of some customers in place of what ``state`` held of them."""
    rows = np.array(numbers, np.int64) - 1
    for name, values in empty_columns(len(rows), day).items():
        state.columns[name][rows] = values
    state.balance_id[rows] = None
    _fill(connection, state, day)
    state.seen = replace_rows(state.seen, connection.sql("FROM seen").to_arrow_table(), numbers)
    state.stairs = replace_rows(state.stairs, connection.sql("FROM stairs").to_arrow_table(), numbers)


def replace_rows(held: pa.Table, made: pa.Table, numbers: Sequence[int]) -> pa.Table:
    """``held`` with ``made`` in place of the rows of some customers; both keyed by ``no``."""
    again = np.zeros(int(held.column("no").to_numpy().max(initial=0)) + 1, bool)
    again[[number for number in numbers if number < len(again)]] = True
    kept = held.filter(pa.array(~again[held.column("no").to_numpy()]))
    return pa.concat_tables([kept, made.cast(held.schema)])


def _fill(connection: duckdb.DuckDBPyConnection, state: AccountState, day: date) -> None:
    account = connection.sql(
        f"SELECT no, {', '.join(window.column for window in CARRIED)}, {', '.join(BALANCE)}, balance_id FROM account"
    ).to_arrow_table()
    rows = account.column("no").to_numpy() - 1
    for name in (*(window.column for window in CARRIED), *BALANCE):
        state.columns[name][rows] = pc.fill_null(account.column(name).cast(pa.int64()), ABSENT).to_numpy()
    state.balance_id[rows] = account.column("balance_id").to_pylist()
    months = months_of(day)
    monthly = connection.sql(f"FROM monthly WHERE month >= {months[0]}").to_arrow_table()
    number, month = monthly.column("no").to_numpy() - 1, monthly.column("month").to_numpy()
    for wanted in months:
        inside = month == wanted
        state.columns[f"income_{wanted}"][number[inside]] = monthly.column("income").to_numpy()[inside]
        state.columns[f"rows_{wanted}"][number[inside]] = monthly.column("rows").to_numpy()[inside]


def show_state(connection: duckdb.DuckDBPyConnection, state: AccountState, day: date) -> None:
    """Make ``account``, ``monthly`` and ``contacts`` of a state, as a full recompute would."""
    today = day_number(day)
    here = np.flatnonzero(state.columns[ROWS] > 0)
    columns = {"no": pa.array((here + 1).astype(np.int32))}
    shown = {name: state.columns[name] for name in (*(window.column for window in CARRIED), "balance_last")}
    shown |= extremes_of(ACCOUNT_WINDOWS, state.stairs, len(state.keys), today)
    for name, values in shown.items():
        columns[name] = nullable(values[here])
    parts = []
    for month in months_of(day):
        rows = np.flatnonzero(state.columns[f"rows_{month}"] > 0)
        parts.append(
            pa.table(
                {
                    "no": pa.array((rows + 1).astype(np.int32)),
                    "month": pa.array(np.full(len(rows), month, np.int32)),
                    "income": pa.array(state.columns[f"income_{month}"][rows]),
                }
            )
        )
    for name, table in {"account": pa.table(columns), "monthly": pa.concat_tables(parts), "seen": state.seen}.items():
        connection.execute(f"DROP TABLE IF EXISTS {name}")
        connection.register(name, table)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE contacts AS {contacts_sql().format(today=today)}")
