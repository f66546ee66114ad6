"""Tonight's account tables from yesterday's: what came in tonight, less the day that leaves each window.

Belongs here: the SQL and the rules of the increment. Does not belong here: where state is kept (``state``), or when it
may be used (``nightly``).

A customer is *clean* tonight if all that became known are rows on days after their last known one: then windows are
yesterday's, plus the fresh rows, minus the day that leaves; extremes follow from the stairs, distinct keys from the
last-seen table. Any other customer who has news (a correction, a row that came late, a first appearance) is recomputed
from their own rows by the same passes as a full recompute. Both are exact: money is integer cents.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import duckdb

from tierline.features.account_sql import LAST_BALANCE, prepare_transactions
from tierline.features.build import BucketTask, make_account_tables, make_shared_tables, only
from tierline.features.calendar import Calendar, day_number, month_number
from tierline.features.contacts import GAP_DAYS, NEW_DAYS, SEEN_DAYS, seen_sql
from tierline.features.income import MONTHLY, MONTHS
from tierline.features.measures import HORIZON, WINDOWS, Kind, Window
from tierline.features.registry import ACCOUNT_WINDOWS
from tierline.features.stairs import days_sql, extremes_sql, stair_measures, steps_sql
from tierline.lake import Lake

TABLES = ("account", "monthly", "seen", "stairs")
"""What is carried from night to night; each is keyed by ``no``, and yesterday's are read as ``was_<name>``."""

BALANCE = ("balance_last", "balance_at", "balance_id", "balance_day")


def make_stairs(connection: duckdb.DuckDBPyConnection, source: str = "tx") -> None:
    """Make ``stairs`` of prepared transactions."""
    days = days_sql(stair_measures(ACCOUNT_WINDOWS), source)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE stairs AS {steps_sql(days)}")


def advance(connection: duckdb.DuckDBPyConnection, task: BucketTask, revisions: str, largest: int) -> int | None:
    """Make tonight's ``TABLES`` from ``was_*``; returns how many customers were recomputed from their own rows.

    ``customer_no`` must hold yesterday's numbers and those of customers who are new tonight; ``revisions`` is SQL of
    the replaced versions of transactions. None, and nothing made, where more than one in ``largest`` customers would
    have to be recomputed.
    """
    tonight = task.dates[0]
    calendar = Calendar((tonight - timedelta(days=1), tonight), task.context.timezone)
    connection.register("calendar", calendar.days())
    prepare_transactions(connection, _news_sql(task.lake, task.bucket, tonight), calendar, task.context.vocabulary)
    connection.execute("ALTER TABLE tx RENAME TO news")
    today = day_number(tonight)
    connection.execute(_DIRTY.format(today=today, tonight=tonight, revisions=revisions, new_days=NEW_DAYS))
    dirty = [row[0] for row in connection.execute(_DIRTY_KEYS).fetchall()]
    if len(dirty) * largest > connection.execute("SELECT count(*) FROM customer_no").fetchall()[0][0]:
        return None
    _recompute(connection, replace(task, customers=tuple(dirty)))
    connection.execute(_FRESH.format(today=today))
    connection.execute(_GONE.format(today=today, windows=", ".join(str(days) for days in WINDOWS)))
    for name, sql in _clean_tables(today, tonight).items():
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql} UNION ALL BY NAME FROM dirty_{name}")
    return len(dirty)


def _news_sql(lake: Lake, bucket: int, tonight: date) -> str:
    """Versions that matter tonight: of the days that leave a window, of today, and whatever became known today."""
    versions = lake.versions_sql("transactions", bucket)
    days = ", ".join(f"DATE '{tonight - timedelta(days=days)}'" for days in (0, *WINDOWS))
    return (
        f"SELECT * FROM ({versions}) WHERE occurred_on IN ({days})"
        f" UNION ALL SELECT * FROM ({versions}) WHERE known_on = DATE '{tonight}' AND occurred_on NOT IN ({days})"
    )


_DIRTY = """
CREATE OR REPLACE TEMP TABLE dirty AS
SELECT no FROM customer_no SEMI JOIN
       (SELECT customer_key FROM ({revisions}) WHERE replaced_on = DATE '{tonight}') USING (customer_key)
UNION SELECT no FROM customer_no ANTI JOIN was_customer USING (no)
UNION SELECT no FROM news LEFT JOIN (SELECT no, event_day FROM was_account) USING (no)
      WHERE (known = {today} OR day = {today}) AND day <= {today} AND until > {today}
        AND (day <= coalesce(event_day, -1) OR day <= {today} - {new_days})
"""
"""Customers whose news is not simply more of the same: recomputed from their own rows."""

_DIRTY_KEYS = "SELECT customer_key FROM dirty JOIN customer_no USING (no) ORDER BY customer_key"

_FRESH = """
CREATE OR REPLACE TEMP TABLE fresh AS
SELECT * FROM news ANTI JOIN dirty USING (no)
WHERE (known = {today} OR day = {today}) AND known <= {today} AND day <= {today} AND until > {today}
"""

_GONE = """
CREATE OR REPLACE TEMP TABLE gone AS
SELECT *, ({today} - day)::SMALLINT AS band FROM news ANTI JOIN dirty USING (no)
WHERE {today} - day IN ({windows}) AND known < {today} AND until > {today}
"""
"""Rows on the days that leave a window tonight; ``band`` is the window they leave."""


def _recompute(connection: duckdb.DuckDBPyConnection, task: BucketTask) -> None:
    """Make ``dirty_<table>`` of the task's customers from all their rows."""
    connection.register("calendar", task.calendar.days())
    prepare_transactions(connection, only(task, "transactions"), task.calendar, task.context.vocabulary)
    connection.execute("CREATE OR REPLACE TEMP TABLE asked AS FROM dirty")
    make_shared_tables(connection, task)
    make_account_tables(connection, task, task.dates[0])
    make_stairs(connection)
    for name in TABLES:
        connection.execute(f"ALTER TABLE {name} RENAME TO dirty_{name}")


def _clean_tables(today: int, tonight: date) -> dict[str, str]:
    """SQL of each of ``TABLES`` for clean customers, in the order they must be made."""
    fresh_days = days_sql(stair_measures(ACCOUNT_WINDOWS), "fresh")
    oldest = month_number(tonight) - MONTHS
    return {
        "stairs": f"""
SELECT was.* FROM (SELECT * FROM was_stairs ANTI JOIN dirty USING (no)) AS was
LEFT JOIN (SELECT no, step_of, max(value) AS reached FROM ({fresh_days}) GROUP BY no, step_of) USING (no, step_of)
WHERE day > {today} - {HORIZON} AND (reached IS NULL OR value > reached)
UNION ALL {steps_sql(fresh_days)}""",
        "monthly": f"""
SELECT no, month, sum(income)::BIGINT AS income, sum(rows)::BIGINT AS rows
FROM (SELECT * FROM was_monthly ANTI JOIN dirty USING (no) UNION ALL {MONTHLY.format(source="fresh")})
WHERE month > {oldest} GROUP BY no, month""",
        "seen": f"""
SELECT no, kind, key, max(last_day) AS last_day,
       CASE WHEN min(again_day) - coalesce(max(was_day), -1000000) >= {GAP_DAYS} THEN min(again_day)
            ELSE min(run_day) END AS run_day
FROM (SELECT no, kind, key, last_day, last_day AS was_day, NULL::INTEGER AS again_day, run_day
      FROM was_seen ANTI JOIN dirty USING (no) WHERE last_day > {today} - {SEEN_DAYS}
      UNION ALL
      SELECT no, kind, key, last_day, NULL, first_day, first_day FROM ({_first_seen(today)}))
GROUP BY no, kind, key""",
        "account": _account_sql(today),
    }


def _first_seen(today: int) -> str:
    return seen_sql("fresh", "last_day, first_day").format(today=today)


def _account_sql(today: int) -> str:
    """Windows and last balance of clean customers; those without a row left in the horizon go."""
    plain = tuple(window for window in ACCOUNT_WINDOWS if not window.measure.extreme)
    columns = ", ".join(f"{_carried(window, today)} AS {window.column}" for window in plain)
    extremes = ", ".join(window.column for window in ACCOUNT_WINDOWS if window.measure.extreme)
    newer = (
        "(coalesce(now_at, -1), coalesce(now_id, '')) > (coalesce(was.balance_at, -1), coalesce(was.balance_id, ''))"
    )
    balance = ", ".join(
        f"CASE WHEN {newer} THEN now_{name.removeprefix('balance_')} WHEN was.balance_day > {today} - {HORIZON}"
        f" THEN was.{name} END AS {name}"
        for name in BALANCE
    )
    band = "CASE " + " ".join(f"WHEN day > {today} - {days} THEN {days}" for days in WINDOWS) + " END"
    added, left = _over(plain, "fresh", "<=", band), _over(plain, "gone", "=")
    last = LAST_BALANCE.format(visible="true").replace("FROM tx", "FROM fresh")
    renamed = ", ".join(f"{name} AS now_{name.removeprefix('balance_')}" for name in BALANCE)
    return f"""
SELECT * FROM (
  SELECT no, {columns}, {balance}
  FROM (SELECT * FROM was_account ANTI JOIN dirty USING (no)) AS was
  FULL JOIN ({added}) AS added USING (no)
  LEFT JOIN ({left}) AS gone USING (no)
  LEFT JOIN (SELECT no, {renamed} FROM ({last})) AS now USING (no))
LEFT JOIN (SELECT no, {extremes} FROM ({extremes_sql(ACCOUNT_WINDOWS, "stairs").format(today=today)})) USING (no)
WHERE rows_{HORIZON}d > 0"""


def _carried(window: Window, today: int) -> str:
    name = window.column
    if window.measure.kind is Kind.LATEST:
        return f"greatest(CASE WHEN was.{name} > {today} - {HORIZON} THEN was.{name} END, added.{name})"
    return (
        f"(coalesce(was.{name}, 0) + coalesce(added.{name}, 0) - coalesce(gone.{name}, 0))::{window.measure.sql_type}"
    )


def _over(windows: tuple[Window, ...], source: str, relation: str, band: str = "band") -> str:
    """Windows of the rows in ``source`` whose ``band`` stands in ``relation`` to the window's days."""
    measures = {window.measure.name: window.measure for window in windows}
    listed = ", ".join(f"{measure.over_rows()} AS {name}" for name, measure in measures.items())
    states = f"SELECT no, {band} AS band, {listed} FROM {source} GROUP BY no, {band}, day"
    columns = ", ".join(
        f"{window.measure.over_spans(f'band {relation} {window.days}')} AS {window.column}" for window in windows
    )
    return f"SELECT no, {columns} FROM ({states}) GROUP BY no"
