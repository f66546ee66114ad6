"""Labels from repayments: who was observed at a month end, and who defaulted in the window after it.

Belongs here: the population and label where repayments are observable. Does not belong here: labels given from outside
(``labels.outcomes``).

Grain: a customer over all their loans. A row is a customer who is not in default at the observation date and has a
loan open then or drawn in the window. All facts are as known at ``knowledge``, the night that trains: a restructured
due date counts as if it had always been so; an instalment that owes nothing, or one of a void loan, counts for nothing.
Only who the customers were is told as of the observation date: one not yet recorded then had no features.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa

from tierline.engine import session
from tierline.labels.spec import LabelSpec
from tierline.lake import Lake


@dataclass(frozen=True)
class LabelCounts:
    """Why customer-dates are in the population or not; nothing is dropped uncounted."""

    kept: int
    already_default: int
    no_loan: int
    immature: int


@dataclass(frozen=True)
class LabelledPopulation:
    """``rows``: customer_key, as_of, observed_at (timestamp), loan_id (or null), defaulted (bool); with counts."""

    rows: pa.Table
    counts: LabelCounts


def month_end_population(lake: Lake, dates: list[date], knowledge: date, spec: LabelSpec) -> LabelledPopulation:
    """Label every customer at every date of ``dates``, as known at the end of ``knowledge``.

    A date whose performance window is not over at ``knowledge`` is refused and its customers are counted as immature.
    """
    mature = [day for day in dates if spec.window_end(day) <= knowledge]
    immature = [day for day in dates if spec.window_end(day) > knowledge]
    parts: list[pa.Table] = []
    totals = {"kept": 0, "default": 0, "no_loan": 0, "immature": 0}
    for bucket in range(lake.buckets):
        with session() as connection:
            _prepare(connection, lake, bucket, knowledge, spec)
            for day in mature:
                connection.execute(_classify(day, spec.window_end(day)))
                for status, count in connection.execute(
                    "SELECT status, count(*) FROM classified GROUP BY status ORDER BY status"
                ).fetchall():
                    totals[status] += count
                parts.append(connection.sql(_KEPT.format(day=day)).to_arrow_table())
            for day in immature:
                sql = f"SELECT count(*) FROM customer WHERE customer_from <= DATE '{day}'"
                totals["immature"] += _scalar(connection, sql)
    rows = pa.concat_tables(parts) if parts else _NO_ROWS
    counts = LabelCounts(totals["kept"], totals["default"], totals["no_loan"], totals["immature"])
    return LabelledPopulation(rows.sort_by([("as_of", "ascending"), ("customer_key", "ascending")]), counts)


_NO_ROWS = pa.table(
    {
        "customer_key": pa.array([], pa.string()),
        "as_of": pa.array([], pa.date32()),
        "observed_at": pa.array([], pa.timestamp("us", tz="UTC")),
        "loan_id": pa.array([], pa.string()),
        "defaulted": pa.array([], pa.bool_()),
    }
)

_KEPT = """
SELECT customer_key, DATE '{day}' AS as_of, (TIMESTAMPTZ '{day} 23:59:59+00') AS observed_at,
       NULL::VARCHAR AS loan_id, defaulted
FROM classified WHERE status = 'kept' ORDER BY customer_key
"""


def _scalar(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _prepare(connection: duckdb.DuckDBPyConnection, lake: Lake, bucket: int, knowledge: date, spec: LabelSpec) -> None:
    """Tables customer, loan and delinquency: for each instalment the day its DPD reaches the threshold, if it does.

    An instalment is settled on the first day its cumulative payments reach what is due, so at the end of day
    ``due_on + threshold`` it is unpaid if it settled later or never.
    """
    known = {name: lake.known_sql(name, knowledge, bucket) for name in ("loans", "instalments", "repayments")}
    threshold = spec.dpd_threshold
    connection.execute(
        "CREATE TEMP TABLE customer AS"
        " SELECT customer_key, greatest(arg_max(registered_on, recorded_at), min(known_on)) AS customer_from"
        f" FROM ({lake.versions_sql('customers', bucket)}) WHERE known_on <= DATE '{knowledge}' GROUP BY customer_key"
    )
    connection.execute(
        "CREATE TEMP TABLE loan AS SELECT loan_id, customer_key, originated_on"
        f" FROM ({known['loans']}) WHERE principal > 0"
    )
    connection.execute(f"""
        CREATE TEMP TABLE delinquency AS
        WITH instalment AS (
               SELECT *, principal_due + interest_due AS due
               FROM ({known["instalments"]}) SEMI JOIN loan USING (loan_id) WHERE principal_due + interest_due > 0),
             running AS (
               SELECT loan_id, instalment_no, paid_on, due,
                      sum(amount) OVER (PARTITION BY loan_id, instalment_no
                                        ORDER BY paid_on, repayment_id) AS cumulative
               FROM ({known["repayments"]}) JOIN instalment USING (loan_id, instalment_no)),
             settled AS (
               SELECT loan_id, instalment_no, min(paid_on) FILTER (cumulative >= due) AS settled
               FROM running GROUP BY loan_id, instalment_no)
        SELECT customer_key, loan_id, settled, due_on + {threshold} AS reached_on,
               settled IS NULL OR settled > due_on + {threshold} AS reaches
        FROM instalment LEFT JOIN settled USING (loan_id, instalment_no)""")


def _classify(day: date, window_end: date) -> str:
    """Status and label of every customer registered and recorded by ``day``."""
    on, end = f"DATE '{day}'", f"DATE '{window_end}'"
    return f"""
        CREATE OR REPLACE TEMP TABLE classified AS
        WITH state AS (
               SELECT customer_key,
                      bool_or(reaches AND reached_on <= {on} AND (settled IS NULL OR settled > {on})) AS in_default,
                      bool_or(reaches AND reached_on > {on} AND reached_on <= {end}) AS defaulted
               FROM delinquency GROUP BY customer_key),
             still_open AS (
               SELECT loan_id, bool_or(settled IS NULL OR settled > {on}) AS is_open
               FROM delinquency GROUP BY loan_id),
             borrower AS (
               SELECT customer_key,
                      bool_or(originated_on > {on} AND originated_on <= {end}
                              OR originated_on <= {on} AND coalesce(is_open, false)) AS has_loan
               FROM loan LEFT JOIN still_open USING (loan_id) GROUP BY customer_key)
        SELECT customer_key, coalesce(defaulted, false) AS defaulted,
               CASE WHEN coalesce(in_default, false) THEN 'default'
                    WHEN NOT coalesce(has_loan, false) THEN 'no_loan' ELSE 'kept' END AS status
        FROM customer LEFT JOIN state USING (customer_key) LEFT JOIN borrower USING (customer_key)
        WHERE customer_from <= {on}"""
