"""Loans and their schedules as paid, carried from night to night: only loans with news are read again.

Belongs here: which loans have news, and putting them in place of what the state held of them. Does not belong here: how
a schedule is made (``schedule_sql``), or the account (``increment``).

What is kept of a loan does not depend on the observation date: its visible version, and of each instalment what was
paid and when it was settled. It changes on the day a version of the loan, of an instalment or of a payment becomes
known, is replaced or takes place. Such a loan is made anew from all its versions, however simple the news.
"""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tierline.features.build import BucketTask
from tierline.features.schedule_sql import KNOWN, make_delays, make_schedule, prepare_loans
from tierline.features.state import AccountState
from tierline.lake import Lake
from tierline.schemas import LAKE

EVENTS = {"loans": "originated_on", "instalments": "", "repayments": "paid_on"}
"""Tables of a loan, each with the day on which a row of it takes place; an instalment is owed when it is known."""

LOANS = f"SELECT * FROM loan WHERE originated_on <= {{today}} AND {KNOWN} ORDER BY loan_no"
SCHEDULE = "FROM schedule ORDER BY loan_no, due_on"


def take_loans(connection: duckdb.DuckDBPyConnection, day: date) -> tuple[pa.Table, pa.Table]:
    """The visible loans and the schedules of a session in which both were made."""
    return connection.sql(LOANS.format(today=_literal(day))).to_arrow_table(), connection.sql(SCHEDULE).to_arrow_table()


def carry_loans(connection: duckdb.DuckDBPyConnection, task: BucketTask, state: AccountState, had: int) -> None:
    """Bring the loans of ``state`` up to the task's date, and make ``delays`` and ``borrowed`` of them.

    ``customer_no`` must exist; customers with a number above ``had`` are new tonight.
    """
    day, lake = task.dates[0], task.lake
    connection.execute(f"CREATE OR REPLACE TEMP TABLE news_loan AS {_news_sql(lake, task.bucket, day, had)}")
    prepare_loans(
        connection,
        {
            name: f"SELECT * FROM ({lake.versions_sql(name, task.bucket)}) SEMI JOIN news_loan USING (loan_id)"
            for name in EVENTS
        },
    )
    make_schedule(connection, day)
    loans, schedule = take_loans(connection, day)
    news = connection.sql("FROM news_loan").to_arrow_table().column("loan_id")
    held = state.loans.column("loan_no").to_numpy()
    free = int(held.max(initial=0))
    again = np.zeros(free + 1, bool)
    again[held[pc.is_in(state.loans.column("loan_id"), value_set=news).to_numpy()]] = True
    state.loans = _in_place(state.loans, loans, again)
    state.schedule = _in_place(state.schedule, schedule, again)
    for name, table in {"loan": state.loans, "schedule": state.schedule}.items():
        connection.execute(f"DROP TABLE {name}")
        connection.register(name, table)
    make_delays(connection, day)


def _news_sql(lake: Lake, bucket: int, day: date, had: int) -> str:
    """Identifiers of loans of which something became known, took place or was replaced on the day, or whose customer
    is new. Each part is one comparison, by which the files of other days are passed over unread.
    """
    today, parts = _literal(day), []
    for name, event in EVENTS.items():
        rows, key = lake.rows_sql(name, bucket), ", ".join(LAKE[name].key)
        parts.append(f"SELECT loan_id FROM ({rows}) WHERE known_on = {today}")
        if event:
            parts.append(f"SELECT loan_id FROM ({rows}) WHERE {event} = {today}")
        replaced = f"SELECT {key} FROM ({lake.revisions_sql(name, bucket)}) WHERE replaced_on = {today}"
        parts.append(f"SELECT loan_id FROM ({rows}) SEMI JOIN ({replaced}) USING ({key})")
    new = f"SELECT customer_key FROM customer_no WHERE no > {had}"
    parts.append(f"SELECT loan_id FROM ({lake.rows_sql('loans', bucket)}) SEMI JOIN ({new}) USING (customer_key)")
    return " UNION ".join(parts)


def _in_place(held: pa.Table, made: pa.Table, again: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pa.Table:
    """``held`` without the loans that were made ``again``, and ``made`` with numbers after the last one held."""
    kept = held.filter(pa.array(~again[held.column("loan_no").to_numpy()]))
    number = pc.add(made.column("loan_no"), pa.scalar(len(again) - 1, pa.int32()))
    made = made.set_column(made.column_names.index("loan_no"), "loan_no", number)
    return pa.concat_tables([kept, made.cast(held.schema)])


def _literal(day: date) -> str:
    return f"DATE '{day.isoformat()}'"
