"""The passes over loans: prepared versions, the schedule as paid, delays, and loans drawn, at one date.

Belongs here: the SQL from loans, instalments and payments to the tables ``delays`` and ``borrowed``. Does not belong
here: the features made of them (``repayments``, ``loans``).

An instalment is settled on the first day its cumulative payments reach what is due; one that owes nothing is void, and
so are those of a void loan. ``delay`` is days from due date to settlement (negative: early), or to the observation date
while it is unpaid. DPD is counted at the end of a day, so the worst DPD of an instalment is that of the day before it
was settled: paid on the 90th day after the due day, it never was 90 days past due.
"""

from __future__ import annotations

from datetime import date

import duckdb

PREPARE = (
    """
CREATE OR REPLACE TEMP TABLE loan AS
SELECT dense_rank() OVER (ORDER BY loan_id)::INTEGER AS loan_no, no, loan_id, originated_on, annual_rate, term_months,
       (principal * 100)::BIGINT AS principal_cents, known_on, known_until
FROM ({loans}) JOIN customer_no USING (customer_key) WHERE principal > 0""",
    "CREATE OR REPLACE TEMP TABLE loan_number AS SELECT DISTINCT loan_no, no, loan_id FROM loan",
    """
CREATE OR REPLACE TEMP TABLE instalment AS
SELECT loan_no, no, loan_no * 1000 + instalment_no AS item, due_on, (principal_due * 100)::BIGINT AS principal_cents,
       ((principal_due + interest_due) * 100)::BIGINT AS due_cents, known_on, known_until
FROM ({instalments}) JOIN loan_number USING (loan_id) WHERE principal_due + interest_due > 0""",
    """
CREATE OR REPLACE TEMP TABLE payment AS
SELECT loan_no * 1000 + instalment_no AS item, paid_on, (amount * 100)::BIGINT AS cents, known_on, known_until
FROM ({repayments}) JOIN loan_number USING (loan_id) WHERE amount > 0""",
)
"""Once per bucket: every version that is not void, in cents; ``item`` is one instalment of one loan."""

KNOWN = "known_on <= {today} AND {today} < known_until"

_SCHEDULE = f"""
CREATE OR REPLACE TEMP TABLE schedule AS
WITH owed AS (
       SELECT * FROM instalment
       SEMI JOIN (SELECT loan_no FROM loan WHERE originated_on <= {{today}} AND {KNOWN}) USING (loan_no)
       WHERE {KNOWN}),
     received AS (SELECT item, paid_on, cents, known_on FROM payment WHERE paid_on <= {{today}} AND {KNOWN}),
     paid AS (
       SELECT item, sum(cents)::BIGINT AS cents, count(*) AS payments, max(paid_on) AS last_paid_on,
              max(known_on) AS last_known_on
       FROM received GROUP BY item),
     in_parts AS (
       SELECT item, min(CASE WHEN cumulative >= due_cents THEN paid_on END) AS settled,
              sum(CASE WHEN paid_on <= due_on THEN cents ELSE 0 END)::BIGINT AS punctual_cents
       FROM (SELECT item, due_on, due_cents, paid_on, cents,
                    sum(cents) OVER (PARTITION BY item ORDER BY paid_on) AS cumulative
             FROM received JOIN owed USING (item) SEMI JOIN (SELECT item FROM paid WHERE payments > 1) USING (item))
       GROUP BY item)
SELECT no, loan_no, due_on, due_cents, principal_cents, coalesce(paid.cents, 0) AS paid_cents,
       CASE WHEN payments = 1 AND last_paid_on <= due_on THEN paid.cents
            ELSE coalesce(in_parts.punctual_cents, 0) END AS punctual_cents,
       CASE WHEN payments = 1 AND paid.cents >= due_cents THEN last_paid_on ELSE in_parts.settled END AS settled,
       last_paid_on, greatest(owed.known_on, last_known_on) AS used_on
FROM owed LEFT JOIN paid USING (item) LEFT JOIN in_parts USING (item)
"""
"""Almost every instalment is paid at once; only those paid in parts need running sums."""

_DELAYS = """
CREATE OR REPLACE TEMP VIEW delays AS
SELECT schedule.*, settled IS NULL AS unpaid, due_on < {today} AS judged,
       coalesce(settled, {today}) - due_on AS delay,
       coalesce(settled, {today}) AS late_until,
       coalesce(settled - 1, {today}) AS last_unpaid_on,
       coalesce(settled - 1, {today}) - due_on AS worst_dpd,
       greatest(least(principal_cents, due_cents - paid_cents), 0) AS owed_cents, last_late_due_on
FROM schedule LEFT JOIN (
     SELECT no, max(due_on) AS last_late_due_on FROM schedule WHERE coalesce(settled, {today}) > due_on GROUP BY no)
USING (no)
"""

_LOANS = f"""
CREATE OR REPLACE TEMP TABLE borrowed AS
SELECT no, count(*) AS loans, min(originated_on) AS first_on, max(originated_on) AS last_on,
       count_if(originated_on > {{today}} - 30) AS loans_30,
       count_if(originated_on > {{today}} - 90) AS loans_90,
       count_if(originated_on > {{today}} - 365) AS loans_365,
       sum(CASE WHEN originated_on > {{today}} - 90 THEN principal_cents ELSE 0 END)::BIGINT AS drawn_90,
       sum(CASE WHEN originated_on > {{today}} - 365 THEN principal_cents ELSE 0 END)::BIGINT AS drawn_365,
       max(principal_cents) AS largest,
       arg_max(principal_cents, (originated_on, loan_id)) AS last_principal,
       arg_max(annual_rate, (originated_on, loan_id)) AS last_rate,
       arg_max(term_months, (originated_on, loan_id)) AS last_term,
       max(known_on) AS used_on
FROM loan WHERE originated_on <= {{today}} AND {KNOWN} GROUP BY no
"""

SCHEDULE_SQL = (*PREPARE, _SCHEDULE, _DELAYS, _LOANS)
"""All that is computed before the features' own expressions; part of the feature set's hash."""


def prepare_loans(connection: duckdb.DuckDBPyConnection, versions: dict[str, str]) -> None:
    """Make ``loan``, ``instalment`` and ``payment`` from SQL of all versions; ``customer_no`` must exist."""
    for statement in PREPARE:
        connection.execute(statement.format(**versions))


def make_schedule(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """Make ``schedule``: one row per instalment owed, with what was paid of it, as known at the end of ``day``."""
    connection.execute(_SCHEDULE.format(today=f"DATE '{day.isoformat()}'"))


def make_delays(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """Make ``delays`` (one row per instalment) of ``schedule`` and ``borrowed`` (one per borrower) of ``loan``."""
    for statement in (_DELAYS, _LOANS):
        connection.execute(statement.format(today=f"DATE '{day.isoformat()}'"))
