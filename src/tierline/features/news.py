"""What tonight brings: rows of each (customer, day) of which anything is new, and of the days that leave a window.

Belongs here: reading no more of the lake than that, and adding it up. Does not belong here: what becomes of the state
(``increment``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tierline.features.account_sql import prepare_transactions, typed_sql
from tierline.features.accounts import ADDITIVE, CARRIED
from tierline.features.build import BucketTask
from tierline.features.calendar import Calendar, day_number
from tierline.features.measures import HORIZON, WINDOWS, Measure, Window
from tierline.features.state import ABSENT, Ints

Numbers = set[int]
WAS = "known < {today} AND until >= {today} AND day < {today}"
"""What was visible last night."""
IS = "known <= {today} AND until > {today} AND day <= {today}"
"""What is visible tonight."""
_TOUCHED = f"""
CREATE OR REPLACE TEMP TABLE touched AS
SELECT DISTINCT no, day FROM tx WHERE ({WAS}) <> ({IS}) AND day > {{today}} - {HORIZON}
"""


@dataclass(frozen=True)
class DayMeasures:
    """Every carried measure of some (customer, day): row i of each array belongs to ``row[i]`` (number - 1)."""

    row: Ints
    day: Ints
    values: dict[str, Ints]


_NEWS = """
CREATE OR REPLACE TEMP TABLE news AS
SELECT customer_key, occurred_on FROM ({rows}) WHERE known_on = DATE '{tonight}'
UNION SELECT customer_key, occurred_on FROM ({rows}) WHERE occurred_on = DATE '{tonight}'
UNION SELECT customer_key, event_on FROM ({revisions}) WHERE replaced_on = DATE '{tonight}'
"""
"""Each (customer, day) of which something came, became known or was replaced tonight. Each part is one comparison, by
which the files of other days are passed over unread."""

_LEAVING = (
    """
CREATE OR REPLACE TEMP TABLE leaving AS
SELECT customer_key, occurred_at, occurred_on, amount, direction, category, scenario_id, balance_after, recorded_at,
       known_on, NULL::VARCHAR AS transaction_id, NULL::VARCHAR AS counterparty_key, DATE '9999-12-31' AS known_until
FROM ({rows}) WHERE occurred_on IN ({days})""",
    """
CREATE OR REPLACE TEMP TABLE replaced AS
SELECT customer_key, event_on AS occurred_on, recorded_at, count(*) AS versions FROM ({revisions})
WHERE event_on IN ({days}) AND replaced_on < DATE '{tonight}' GROUP BY ALL""",
)
"""Rows of the days that leave a window, and which of them had been replaced before. To look up each row's identifier
would cost as much as all else that is read of it, so they are matched by when they were recorded."""

_UNCLEAR = """
SELECT no FROM leaving JOIN replaced USING (customer_key, occurred_on, recorded_at)
JOIN customer_no USING (customer_key)
GROUP BY no, occurred_on, recorded_at HAVING count(*) <> any_value(versions)
"""
"""Customers for whom that does not tell, because a batch recorded several of their rows at once."""


def read_news(connection: duckdb.DuckDBPyConnection, task: BucketTask, revisions: str) -> None:
    """Make ``tx`` of each (customer, day) of which anything is new, and ``touched``; ``customer_no`` must exist."""
    tonight = task.dates[0]
    connection.register("calendar", _two_days(task).days())
    rows, versions = (read("transactions", task.bucket) for read in (task.lake.rows_sql, task.lake.versions_sql))
    connection.execute(_NEWS.format(rows=rows, revisions=revisions, tonight=tonight))
    days = _listed(row[0] for row in connection.execute("SELECT DISTINCT occurred_on FROM news").fetchall())
    news = f"SELECT * FROM ({versions}) SEMI JOIN news USING (customer_key, occurred_on) WHERE occurred_on IN ({days})"
    prepare_transactions(connection, news, _two_days(task), task.context.vocabulary, every=True)
    connection.execute(_TOUCHED.format(today=day_number(tonight)))


def read_leaving(
    connection: duckdb.DuckDBPyConnection, task: BucketTask, revisions: str
) -> tuple[DayMeasures, Numbers]:
    """What is added up of the days that leave a window tonight, and customers of whom that is not sure.

    To be called after ``read_news``.
    """
    tonight = task.dates[0]
    rows, days = task.lake.rows_sql("transactions", task.bucket), _listed(tonight - timedelta(days=n) for n in WINDOWS)
    for statement in _LEAVING:
        connection.execute(statement.format(rows=rows, revisions=revisions, days=days, tonight=tonight))
    kept = "FROM leaving ANTI JOIN replaced USING (customer_key, occurred_on, recorded_at)"
    typed = typed_sql(kept, _two_days(task), task.context.vocabulary)
    was = WAS.format(today=day_number(tonight))
    gone = connection.sql(_measures_sql(ADDITIVE, f"(SELECT * FROM ({typed}) WHERE {was})")).to_arrow_table()
    return _as_arrays(gone, ADDITIVE), numbers_of(connection, _UNCLEAR)


def _two_days(task: BucketTask) -> Calendar:
    """Last night's and tonight's days: what was visible must be read to be taken back."""
    return Calendar((task.dates[0] - timedelta(days=1), task.dates[0]), task.context.timezone)


def _listed(days: Iterable[date]) -> str:
    return ", ".join(f"DATE '{day}'" for day in sorted(days)) or "NULL"


def touched_measures(connection: duckdb.DuckDBPyConnection, today: int) -> tuple[DayMeasures, DayMeasures]:
    """Of touched days: what was visible last night, and what is tonight."""
    source = " UNION ALL ".join(
        f"SELECT *, {part} AS part FROM tx SEMI JOIN touched USING (no, day) WHERE {visible.format(today=today)}"
        for part, visible in enumerate((WAS, IS))
    )
    table = connection.sql(_measures_sql(CARRIED, f"({source})", "part")).to_arrow_table()
    was, now = (_as_arrays(table.filter(pc.equal(table.column("part"), part)), CARRIED) for part in (0, 1))
    return was, now


def _measures_sql(windows: tuple[Window, ...], source: str, *more: str) -> str:
    """Measures of ``windows`` per customer and day of the typed rows in ``source``."""
    columns = ", ".join(f"{measure.over_rows()} AS {name}" for name, measure in _measures(windows).items())
    groups = ", ".join(("no", "day", *more))
    return f"SELECT {groups}, {columns} FROM {source} GROUP BY {groups}"


def _measures(windows: tuple[Window, ...]) -> dict[str, Measure]:
    return {window.measure.name: window.measure for window in windows}


def _as_arrays(table: pa.Table, windows: tuple[Window, ...]) -> DayMeasures:
    values = {name: pc.fill_null(table.column(name), ABSENT).to_numpy() for name in _measures(windows)}
    number, day = (table.column(name).to_numpy().astype(np.int64) for name in ("no", "day"))
    return DayMeasures(number - 1, day, values)


def numbers_of(connection: duckdb.DuckDBPyConnection, sql: str) -> Numbers:
    """Customer numbers that a query gives."""
    return {int(row[0]) for row in connection.execute(sql).fetchall()}
