"""Features for a spine of (customer, observation date): the one code for month-end panels, applications and the night.

Belongs here: running the passes for a bucket and a set of dates. Does not belong here: what a feature is, or keeping
state from night to night (``nightly``).

All dates of a run share one reading of the transactions: one date is a full recompute, many are a panel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from tierline.engine import bucket_session, map_buckets, session
from tierline.features.account_sql import IRREGULAR_NOW, VISIBLE, make_account, prepare_transactions
from tierline.features.assemble import feature_rows
from tierline.features.calendar import Calendar, day_number
from tierline.features.contacts import SEEN_DAYS, contacts_sql, seen_sql
from tierline.features.environment import make_economy
from tierline.features.income import MONTHLY
from tierline.features.measures import HORIZON
from tierline.features.registry import ACCOUNT_WINDOWS, FEATURE_TABLE
from tierline.features.schedule_sql import make_delays, make_schedule, prepare_loans
from tierline.features.spans import Spans, make_spans
from tierline.lake import Lake

DATES_AT_ONCE = 16
"""Observation dates that share one reading; more would only make the segments shorter."""
MANY_DATES = 4
HALVES = ("customer_key < '8'", "customer_key >= '8'")
"""With many dates a bucket is done in halves: rows of two years and states of sixty segments would take twice the
memory of one date's. Keys are hexadecimal digits of a hash, and lake files are sorted by them."""


@dataclass(frozen=True)
class FeatureContext:
    """What features need besides rows: the zone of the business day and the vocabulary (category → role)."""

    timezone: str = "UTC"
    vocabulary: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BucketTask:
    """One bucket at one or more dates. ``spine``: customer_key and as_of of the rows asked for; None for everyone.

    ``whose``: a condition on ``customer_key`` in SQL, for a part of the bucket.
    """

    lake: Lake
    bucket: int
    dates: tuple[date, ...]
    context: FeatureContext
    spine: pa.Table | None = None
    whose: str = ""

    @property
    def calendar(self) -> Calendar:
        """The days this task may look at."""
        return Calendar(self.dates, self.context.timezone)


def customer_spine(lake: Lake, as_of: date) -> pa.Table:
    """Every customer known at the end of ``as_of``: columns customer_key, as_of."""
    with session() as connection:
        sql = f"SELECT customer_key, DATE '{as_of.isoformat()}' AS as_of FROM ({lake.known_sql('customers', as_of)})"
        return connection.sql(f"{sql} ORDER BY customer_key").to_arrow_table()


def build_features(lake: Lake, spine: pa.Table, context: FeatureContext) -> pa.Table:
    """Compute every registered feature for each row of the spine, as known at the end of its ``as_of``.

    ``spine``: customer_key string, as_of date; further columns are ignored. Returns ``FEATURE_TABLE``, sorted by as_of
    and customer_key; a customer unknown at ``as_of`` has no row.
    """
    spine = spine.select(["customer_key", "as_of"])
    dates = sorted(pc.unique(spine.column("as_of")).to_pylist())
    chunks = [tuple(dates[start : start + DATES_AT_ONCE]) for start in range(0, len(dates), DATES_AT_ONCE)]
    tasks = []
    for chunk in chunks:
        tasks += panel_tasks(lake, chunk, context, spine.filter(pc.is_in(spine.column("as_of"), pa.array(chunk))))
    parts = map_buckets(panel_features, tasks, "features")
    empty = FEATURE_TABLE.arrow_schema.empty_table()
    return pa.concat_tables([empty, *parts]).sort_by([("as_of", "ascending"), ("customer_key", "ascending")])


def panel_tasks(
    lake: Lake, dates: tuple[date, ...], context: FeatureContext, spine: pa.Table | None = None
) -> list[BucketTask]:
    """Tasks that together make every bucket's rows at ``dates``, at most ``DATES_AT_ONCE``."""
    parts = HALVES if len(dates) >= MANY_DATES else ("",)
    return [BucketTask(lake, bucket, dates, context, spine, whose) for bucket in range(lake.buckets) for whose in parts]


def panel_features(task: BucketTask) -> pa.Table:
    """Feature rows of one task at each of its dates, from one reading of the transactions."""
    return pa.concat_tables(panel_parts(task))


def panel_parts(task: BucketTask) -> Iterator[pa.Table]:
    """The same date by date, for who writes them as they come: a date's rows need not wait for the other dates'."""
    with prepared(task) as (connection, spans):
        for day in task.dates:
            make_tables(connection, task, day, spans)
            yield feature_rows(connection, day)


@contextmanager
def prepared(task: BucketTask) -> Iterator[tuple[duckdb.DuckDBPyConnection, Spans]]:
    """A session with everything that is made once for all dates: typed rows, states by segment, monthly sums."""
    with bucket_session() as connection:
        prepare_customers(connection, task)
        connection.register("calendar", task.calendar.days())
        prepare_transactions(connection, only(task, "transactions"), task.calendar, task.context.vocabulary)
        spans = make_shared_tables(connection, task)
        prepare_loan_tables(connection, task)
        yield connection, spans


def prepare_loan_tables(connection: duckdb.DuckDBPyConnection, task: BucketTask) -> None:
    """Make ``loan``, ``instalment`` and ``payment`` of the task's customers."""
    prepare_loans(connection, {name: only(task, name) for name in ("loans", "instalments", "repayments")})


def only(task: BucketTask, table: str) -> str:
    """SQL of every version of the task's rows of a table."""
    versions = task.lake.versions_sql(table, task.bucket)
    return f"SELECT * FROM ({versions}) WHERE {task.whose}" if task.whose else versions


def prepare_customers(connection: duckdb.DuckDBPyConnection, task: BucketTask, numbered: str = "") -> None:
    """Make ``customer_version`` (all versions) and ``customer_no`` (a number for each key of the task).

    ``numbered``: a table whose numbers are kept; keys that it lacks get the numbers after its last.
    """
    connection.execute(f"CREATE TEMP TABLE customer_version AS {only(task, 'customers')}")
    wanted = f"SELECT customer_key FROM customer_version WHERE known_on <= DATE '{task.dates[-1]}'"
    if task.spine is not None:
        connection.register("spine_rows", task.spine)
        wanted = f"SELECT customer_key FROM ({wanted}) SEMI JOIN spine_rows USING (customer_key)"
    have = f"SELECT customer_key, no FROM {numbered}" if numbered else "SELECT NULL::VARCHAR AS customer_key, 0 AS no"
    connection.execute(
        f"CREATE TEMP TABLE customer_no AS WITH have AS ({have}),"
        f" fresh AS (SELECT DISTINCT customer_key FROM ({wanted}) ANTI JOIN have USING (customer_key))"
        " SELECT * FROM have WHERE no > 0 UNION ALL SELECT customer_key, (row_number() OVER (ORDER BY customer_key)"
        " + (SELECT coalesce(max(no), 0) FROM have))::INTEGER AS no FROM fresh"
    )


def make_customers(connection: duckdb.DuckDBPyConnection, task: BucketTask, day: date) -> None:
    """Make ``customer`` (master data as known on the day) and ``asked`` (numbers of the rows asked for)."""
    today = f"DATE '{day.isoformat()}'"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE customer AS SELECT no, customer_version.* FROM customer_version"
        f" JOIN customer_no USING (customer_key) WHERE known_on <= {today} AND {today} < known_until"
    )
    asked = "SELECT no FROM customer"
    if task.spine is not None:
        asked += f" SEMI JOIN (SELECT customer_key FROM spine_rows WHERE as_of = {today}) USING (customer_key)"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE asked AS {asked}")


def make_shared_tables(connection: duckdb.DuckDBPyConnection, task: BucketTask) -> Spans:
    """States and ``regular_monthly`` of the rows as the last date of the task sees them."""
    source = "tx" if len(task.dates) == 1 else f"(FROM tx WHERE until > {day_number(task.dates[-1])})"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE regular_monthly AS {MONTHLY.format(source=source)}")
    return make_spans(connection, ACCOUNT_WINDOWS, source, len(task.calendar.segments()))


def make_tables(connection: duckdb.DuckDBPyConnection, task: BucketTask, day: date, spans: Spans) -> None:
    """Make every table that ``assemble`` reads, for one date of the task."""
    make_customers(connection, task, day)
    make_account_tables(connection, task, day, spans)
    make_other_tables(connection, task, day)


def make_account_tables(connection: duckdb.DuckDBPyConnection, task: BucketTask, day: date, spans: Spans) -> None:
    """Make ``account``, ``monthly``, ``seen`` and ``contacts`` of the customers in ``asked``, from ``tx``."""
    today = day_number(day)
    connection.execute(IRREGULAR_NOW.format(today=today))
    visible = VISIBLE.format(today=today, horizon=HORIZON)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE again AS"
        f" SELECT * FROM tx SEMI JOIN irregular USING (no) SEMI JOIN asked USING (no) WHERE {visible}"
    )
    make_account(connection, spans, task.calendar, day)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE monthly AS (FROM regular_monthly ANTI JOIN irregular USING (no))"
        f" UNION ALL {MONTHLY.format(source='again')}"
    )
    recent = f"(SELECT * FROM tx SEMI JOIN asked USING (no) WHERE {VISIBLE.format(today=today, horizon=SEEN_DAYS)})"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE seen AS {seen_sql(recent).format(today=today)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE contacts AS {contacts_sql().format(today=today)}")


def make_other_tables(connection: duckdb.DuckDBPyConnection, task: BucketTask, day: date) -> None:
    """Make the tables that do not come from transactions: loans, instalments and the economy."""
    make_schedule(connection, day)
    make_delays(connection, day)
    make_economy(connection, task.lake, day)
