"""What a correction took from the state and arithmetic cannot give back: made anew from the customers' own rows.

Belongs here: reading some customers by themselves, no further back than needed. Does not belong here: who lost what,
and all that can be carried on (``increment``).

Distinct keys, latest days and the last balance are found again among the rows of four months; who has none of them
there is recomputed from the rows of a year, as is one with old news. A customer costs a row group of every file that is
read and column, so each is read no more than they need: most have lost a key and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tierline.features.account_sql import VISIBLE, last_balance_sql, prepare_transactions, typed_sql
from tierline.features.accounts import BALANCE, LATEST, make_stairs, replace_customers, replace_rows
from tierline.features.build import BucketTask, make_account_tables, make_shared_tables, only
from tierline.features.calendar import day_number
from tierline.features.contacts import SEEN_DAYS, seen_sql
from tierline.features.measures import HORIZON, KNOWN_BASE
from tierline.features.news import Numbers
from tierline.features.state import ABSENT, AccountState
from tierline.sql import quoted

_OF_KEYS = "no, day, known, role, is_credit, is_debit, counterparty, scenario, category"
_OF_BALANCES = "balance, occurred, transaction_id"


@dataclass
class Losses:
    """Customers of a bucket who lost something tonight: ``whole`` must be recomputed; the others lost a key, a latest
    day (by column) or the last balance.
    """

    whole: Numbers = field(default_factory=set)
    keys: Numbers = field(default_factory=set)
    latest: dict[str, Numbers] = field(default_factory=dict)
    balance: Numbers = field(default_factory=set)

    @property
    def dated(self) -> Numbers:
        """Those who lost more than keys, but not everything."""
        return self.balance.union(*self.latest.values()) - self.whole

    @property
    def everyone(self) -> Numbers:
        """All of them."""
        return self.whole | self.keys | self.dated


def recall(connection: duckdb.DuckDBPyConnection, task: BucketTask, state: AccountState, lost: Losses) -> None:
    """Put everything that was lost back into ``state``, as the task's date sees it."""
    dated, whole = lost.dated, set(lost.whole)
    for numbers, every_column in ((lost.keys - dated - whole, False), (dated, True)):
        if numbers:
            _read_recent(connection, task, _some(task, state, sorted(numbers)), every_column)
            state.seen = replace_rows(state.seen, _recent_keys(connection, task), sorted(numbers))
    if dated:
        whole |= _recall_latest(connection, task, state, lost.latest) | _recall_balance(connection, task, state, lost)
    if whole:
        _recompute(connection, task, state, sorted(whole))


def _read_recent(connection: duckdb.DuckDBPyConnection, task: BucketTask, some: BucketTask, every_column: bool) -> None:
    """Make ``recent``: the visible rows of ``some`` that occurred in the last months or became known in them."""
    tonight = task.dates[0]
    rows, since = only(some, "transactions"), f"DATE '{tonight - timedelta(days=SEEN_DAYS)}'"
    parts = [f"SELECT * FROM ({rows}) WHERE occurred_on > {since}"]
    if every_column:
        parts.append(f"SELECT * FROM ({rows}) WHERE occurred_on <= {since} AND known_on > {since}")
    connection.register("calendar", task.calendar.days())
    typed = typed_sql(" UNION ALL ".join(parts), task.calendar, task.context.vocabulary)
    columns = f"{_OF_KEYS}, {_OF_BALANCES}" if every_column else _OF_KEYS
    visible = VISIBLE.format(today=day_number(tonight), horizon=HORIZON)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE recent AS SELECT {columns} FROM ({typed}) WHERE {visible}")


def _since(task: BucketTask) -> int:
    return day_number(task.dates[0]) - SEEN_DAYS


def _recent_keys(connection: duckdb.DuckDBPyConnection, task: BucketTask) -> pa.Table:
    rows = f"(FROM recent WHERE day > {_since(task)})"
    return connection.sql(seen_sql(rows).format(today=day_number(task.dates[0]))).to_arrow_table()


def _recall_latest(
    connection: duckdb.DuckDBPyConnection, task: BucketTask, state: AccountState, lost: dict[str, Numbers]
) -> Numbers:
    """Latest days among recent rows; customers of whom these do not tell."""
    windows = [window for window in LATEST if window.column in lost]
    columns = "".join(f", {window.measure.over_rows()} AS {window.column}" for window in windows)
    found = connection.sql(f"SELECT no{columns} FROM recent GROUP BY no").to_arrow_table()
    number, unknown = found.column("no").to_numpy(), set()
    for window in windows:
        latest = np.full(len(state.keys) + 1, ABSENT)
        latest[number] = pc.fill_null(found.column(window.column), ABSENT).to_numpy()
        base = KNOWN_BASE if window.measure.name == "known_row" else 1
        wanted = np.array(sorted(lost[window.column]))
        sure = latest[wanted] >= (_since(task) + 1) * base
        state.columns[window.column][wanted[sure] - 1] = latest[wanted[sure]]
        unknown |= set(wanted[~sure].tolist())
    return unknown


def _recall_balance(
    connection: duckdb.DuckDBPyConnection, task: BucketTask, state: AccountState, lost: Losses
) -> Numbers:
    """The last balance among recent rows; customers who have none there."""
    last = last_balance_sql("recent", f"day > {_since(task)}")
    found = connection.sql(f"SELECT no, balance_id, {', '.join(BALANCE)} FROM ({last})").to_arrow_table()
    found = found.filter(pc.is_in(found.column("no"), value_set=pa.array(sorted(lost.balance), pa.int32())))
    rows = found.column("no").to_numpy() - 1
    for name in BALANCE:
        state.columns[name][rows] = found.column(name).to_numpy()
    state.balance_id[rows] = found.column("balance_id").to_pylist()
    return lost.balance - {int(row) + 1 for row in rows}


def _recompute(connection: duckdb.DuckDBPyConnection, task: BucketTask, state: AccountState, whole: list[int]) -> None:
    """Make the tables of some customers from all their rows, and put them into the state."""
    tonight = task.dates[0]
    some = _some(task, state, whole)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE asked AS SELECT unnest({whole})::INTEGER AS no")
    connection.register("calendar", task.calendar.days())
    prepare_transactions(connection, only(some, "transactions"), task.calendar, task.context.vocabulary)
    make_account_tables(connection, some, tonight, make_shared_tables(connection, some))
    make_stairs(connection, tonight)
    replace_customers(connection, state, whole, tonight)
    connection.unregister("account")
    for name in ("monthly", "seen", "contacts", "stairs"):
        connection.execute(f"DROP TABLE {name}")


def _some(task: BucketTask, state: AccountState, numbers: list[int]) -> BucketTask:
    keys = state.keys.take(pa.array([number - 1 for number in numbers])).to_pylist()
    return replace(task, whose=f"customer_key IN ({', '.join(quoted(key) for key in keys)})")
