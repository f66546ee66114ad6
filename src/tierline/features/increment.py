"""Tonight's state from yesterday's: what became known tonight, less the day that leaves each window.

Belongs here: the rules of the increment and its arithmetic. Does not belong here: reading what is new (``news``) and
reading those again who lost something (``recall``); where state is kept (``state``), or when it may be used
(``nightly``).

A (customer, day) is *touched* if what is visible of it differs between last night and tonight: a day that has come, a
late row, a correction. Sums and counts change by the difference; the day that leaves a window is subtracted. Latest
days, extremes and distinct keys can be taken in but not taken back: a customer who loses one that counted, or has news
older than a month, is read by themselves (``recall``). All is integers, so all is exact.
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.errors import IntegrityError
from tierline.features.account_sql import last_balance_sql
from tierline.features.accounts import (
    ADDITIVE,
    BALANCE,
    LATEST,
    ROWS,
    empty_columns,
)
from tierline.features.build import BucketTask
from tierline.features.calendar import EPOCH, day_number, month_number
from tierline.features.contacts import GAP_DAYS, SEEN_DAYS, seen_sql
from tierline.features.measures import HORIZON, KNOWN_BASE, WINDOWS
from tierline.features.news import IS, WAS, DayMeasures, Numbers, numbers_of, read_leaving, read_news, touched_measures
from tierline.features.recall import Losses, recall
from tierline.features.registry import ACCOUNT_WINDOWS
from tierline.features.stairs import FRESH_DAYS, days_sql, stair_measures
from tierline.features.state import ABSENT, AccountState, Ints

LATE_DAYS = 30
"""News of a day longer ago is not taken in but recomputed."""


def advance(
    connection: duckdb.DuckDBPyConnection, task: BucketTask, state: AccountState, revisions: str, largest: int
) -> int | None:
    """Carry ``state`` on to the task's date; returns how many customers were recomputed from their own rows.

    ``customer_no`` must hold the state's numbers and those of customers who are new tonight; ``revisions`` is SQL of
    the replaced versions of transactions. None where more than one in ``largest`` customers would be recomputed.
    """
    tonight = task.dates[0]
    today = day_number(tonight)
    read_news(connection, task, revisions)
    fresh = _grow(connection, state, tonight)
    gone, whole = read_leaving(connection, task, revisions)
    if _spans_days(task, tonight):
        whole |= fresh
    was, now = touched_measures(connection, today)
    whole |= _old_news(connection, today)
    _carry_sums(state, was, now, gone, today)
    latest = _carry_latest(state, was, now)
    balance, keys = _carry_balance(connection, state, today), _carry_seen(connection, state, today)
    _carry_stairs(connection, state, today)
    whole |= _expire(state, today)
    lost = Losses(whole, keys, latest, balance)
    if len(lost.everyone) * largest > len(state.keys):
        return None
    recall(connection, task, state, lost)
    _check(state)
    return len(lost.everyone)


def _grow(connection: duckdb.DuckDBPyConnection, state: AccountState, tonight: date) -> Numbers:
    """Make room for customers who are new tonight, and for a new month; the numbers of the new ones."""
    had = len(state.keys)
    keys = connection.sql(f"SELECT customer_key FROM customer_no WHERE no > {had} ORDER BY no").to_arrow_table()
    grown = empty_columns(keys.num_rows, tonight)
    blank = empty_columns(had, tonight) if grown.keys() - state.columns.keys() else {}
    columns = {name: state.columns[name] if name in state.columns else blank[name] for name in grown}
    if keys.num_rows:
        columns = {name: np.concatenate([values, grown[name]]) for name, values in columns.items()}
        state.balance_id = np.concatenate([state.balance_id, np.full(keys.num_rows, None, dtype=object)])
        state.keys = pa.concat_arrays([state.keys, *keys.column("customer_key").chunks])
    state.columns = columns
    return set(range(had + 1, len(state.keys) + 1))


def _spans_days(task: BucketTask, tonight: date) -> bool:
    """True if tonight came in one load with other days: then a new customer's rows may be older than the customer."""
    return any(load.first_day < tonight <= load.last_day for load in task.lake.loads())


def _old_news(connection: duckdb.DuckDBPyConnection, today: int) -> Numbers:
    """Customers with news of a day longer than a month ago."""
    return numbers_of(connection, f"SELECT DISTINCT no FROM touched WHERE day <= {today - LATE_DAYS}")


def _carry_latest(state: AccountState, was: DayMeasures, now: DayMeasures) -> dict[str, Numbers]:
    """Take in later days; by column, customers for whom the latest day itself was taken back."""
    lost: dict[str, Numbers] = {}
    for window in LATEST:
        name, column = window.measure.name, state.columns[window.column]
        counted = was.values[name] != ABSENT
        before = was.row[counted & (was.values[name] == column[was.row])]
        np.maximum.at(column, now.row, now.values[name])
        again = np.full(len(column), ABSENT)
        np.maximum.at(again, now.row, now.values[name])
        gone = {int(row) + 1 for row in before if again[row] < column[row]}
        if gone:
            lost[window.column] = gone
    return lost


def _carry_sums(state: AccountState, was: DayMeasures, now: DayMeasures, gone: DayMeasures, today: int) -> None:
    recent = {days: [part.day > today - days for part in (was, now)] for days in WINDOWS}
    leaving = {days: np.flatnonzero(gone.day == today - days) for days in WINDOWS}  # of a day, each customer once
    for window in ADDITIVE:
        name, column = window.measure.name, state.columns[window.column]
        for part, sign, inside in zip((was, now), (-1, 1), recent[window.days], strict=True):
            np.add.at(column, part.row[inside], sign * part.values[name][inside])
        left = leaving[window.days]
        column[gone.row[left]] -= gone.values[name][left]
    for part, sign in ((was, -1), (now, 1)):
        month = _month_numbers(part.day)
        for number in np.unique(month):
            if f"rows_{number}" in state.columns:
                here = month == number
                for name in ("income", "rows"):
                    np.add.at(state.columns[f"{name}_{number}"], part.row[here], sign * part.values[name][here])


def _month_numbers(days: Ints) -> Ints:
    found, back = np.unique(days, return_inverse=True)
    months = [month_number(EPOCH + timedelta(days=int(day))) for day in found]
    return np.array(months, np.int64)[back] if len(found) else np.zeros(0, np.int64)


def _carry_balance(connection: duckdb.DuckDBPyConnection, state: AccountState, today: int) -> Numbers:
    """Take in a later balance; customers whose last balance was taken back and has no later one beside it."""
    last = last_balance_sql("(FROM tx SEMI JOIN touched USING (no, day))", IS.format(today=today))
    found = connection.sql(f"SELECT no, balance_id, {', '.join(BALANCE)} FROM ({last})").to_arrow_table()
    row = found.column("no").to_numpy() - 1
    ids = np.array(found.column("balance_id").to_pylist(), dtype=object)
    at, had = found.column("balance_at").to_numpy(), state.columns["balance_at"]
    tied = np.flatnonzero(at == had[row])
    newer = at > had[row]
    newer[tied] = [ids[index] >= state.balance_id[row[index]] for index in tied]  # itself, if it was corrected
    replaced = f"SELECT no, transaction_id FROM tx WHERE {WAS} AND NOT ({IS}) AND balance IS NOT NULL"
    replaced = replaced.format(today=today)
    lost = {
        int(number)
        for number, identifier in connection.execute(replaced).fetchall()
        if state.balance_id[number - 1] == identifier
    } - {int(number) + 1 for number in row[newer]}
    for name in BALANCE:
        state.columns[name][row[newer]] = found.column(name).to_numpy().astype(np.int64)[newer]
    state.balance_id[row[newer]] = ids[newer]
    return lost


def _carry_seen(connection: duckdb.DuckDBPyConnection, state: AccountState, today: int) -> Numbers:
    """Take in keys seen; customers for whom a key was taken back, or came before its run began."""
    parts = {
        name: seen_sql(f"(SELECT * FROM tx SEMI JOIN touched USING (no, day) WHERE {visible})", "last_day, first_day")
        for name, visible in (("was", WAS), ("now", IS))
    }
    was, now = (sql.format(today=today) for sql in (parts["was"], parts["now"]))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE now_seen AS {now}")
    lost = numbers_of(
        connection,
        f"SELECT DISTINCT was.no FROM ({was}) AS was LEFT JOIN now_seen AS now"
        " ON now.no = was.no AND now.kind = was.kind AND now.key = was.key"
        " WHERE now.no IS NULL OR now.last_day < was.last_day OR now.first_day > was.first_day",
    )
    arrays = {name: np.array(state.seen.column(name).to_numpy()) for name in state.seen.column_names}
    indexed = state.seen.select(["no", "kind", "key"]).append_column("at", pa.array(np.arange(state.seen.num_rows)))
    connection.register("indexed", indexed)
    found = connection.sql(
        "SELECT now_seen.*, indexed.at FROM now_seen LEFT JOIN indexed USING (no, kind, key) ORDER BY no, kind, key"
    ).to_arrow_table()
    connection.unregister("indexed")
    known = found.filter(pc.is_valid(found.column("at")))
    at, first, last = (known.column(name).to_numpy().astype(np.int64) for name in ("at", "first_day", "last_day"))
    lost |= set((arrays["no"][at[first < arrays["run_day"][at]]]).tolist())
    again = first - arrays["last_day"][at] >= GAP_DAYS
    arrays["run_day"][at[again]] = first[again]
    arrays["last_day"][at] = np.maximum(arrays["last_day"][at], last)
    alive = arrays["last_day"] > today - SEEN_DAYS
    kept = pa.table({name: pa.array(values[alive]) for name, values in arrays.items()}, schema=state.seen.schema)
    new = found.filter(pc.is_null(found.column("at")))
    added = new.select(["no", "kind", "key", "last_day"]).append_column("run_day", new.column("first_day"))
    state.seen = pa.concat_tables([kept, added.cast(state.seen.schema)])
    return lost


def _carry_stairs(connection: duckdb.DuckDBPyConnection, state: AccountState, today: int) -> None:
    """Put touched days in place, drop what no window can reach, and prune below the day that is now old."""
    measures = stair_measures(ACCOUNT_WINDOWS)
    source = f"(SELECT * FROM tx SEMI JOIN touched USING (no, day) WHERE {IS.format(today=today)})"
    now = connection.sql(days_sql(measures, source)).to_arrow_table()
    touched = connection.sql("FROM touched").to_arrow_table()
    no, step_of, day, value = (state.stairs.column(name).to_numpy() for name in ("no", "step_of", "day", "value"))
    keep = day > today - HORIZON
    recent = np.flatnonzero(day > today - LATE_DAYS - 1)
    again = _touched_days(touched, len(state.keys), today)
    keep[recent] &= ~again[no[recent], today - day[recent]]
    old = day == today - FRESH_DAYS
    reached = np.full((len(measures), len(state.keys) + 1), ABSENT)
    reached[step_of[old], no[old]] = value[old]
    keep &= ~((day < today - FRESH_DAYS) & (value <= reached[step_of, no]))
    state.stairs = pa.concat_tables([state.stairs.filter(pa.array(keep)), now.cast(state.stairs.schema)])


def _touched_days(touched: pa.Table, customers: int, today: int) -> npt.NDArray[np.bool_]:
    """By customer number and days ago: whether that day was touched. Only of days that are not old news."""
    ago = today - touched.column("day").to_numpy()
    inside = ago <= LATE_DAYS
    found = np.zeros((customers + 1, LATE_DAYS + 1), bool)
    found[touched.column("no").to_numpy()[inside], ago[inside]] = True
    return found


def _expire(state: AccountState, today: int) -> Numbers:
    """Forget latest days that have left the horizon; customers of whom the latest known row has left before others."""
    columns = state.columns
    left: Numbers = set()
    for window in LATEST:
        column = columns[window.column]
        day = column % KNOWN_BASE if window.measure.name == "known_row" else column
        old = (column != ABSENT) & (day <= today - HORIZON)
        if window.measure.name == "known_row":
            left = {int(row) + 1 for row in np.flatnonzero(old & (columns[ROWS] > 0))}
        column[old] = ABSENT
    old = (columns["balance_day"] != ABSENT) & (columns["balance_day"] <= today - HORIZON)
    for name in BALANCE:
        columns[name][old] = ABSENT
    state.balance_id[old] = None
    return left


def _check(state: AccountState) -> None:
    """A sum or count below zero means that the state does not fit the lake."""
    for window in ADDITIVE:
        if window.measure.name not in ("balance_sum", "squares_low") and (state.columns[window.column] < 0).any():
            raise IntegrityError(f"features: the state of {window.column} does not fit the lake")
