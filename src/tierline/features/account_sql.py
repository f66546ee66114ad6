"""The passes over a payment account: prepared transactions, states by segment, windows of one date.

Belongs here: the SQL from transactions to one row per customer with every window a feature names. Does not belong here:
the features themselves (``account``), or which customers and dates are asked for (``build``).

Two steps: rows become one state per (customer, segment), and states become windows. Rows are read and typed once for
all dates, and aggregated as the last date sees them. A customer is irregular on a date that could not see one of
those rows yet, or saw another version of it, and is aggregated again for that date from what was known on it. Money is
integer cents, so nothing depends on the order of addition.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb

from tierline.features.calendar import Calendar, day_number
from tierline.features.measures import HORIZON, Window
from tierline.schemas.roles import ROLES
from tierline.sql import quoted

FAR = day_number(date(9999, 12, 31))

ROLE_TYPE = f"CREATE TYPE IF NOT EXISTS role_word AS ENUM ({', '.join(repr(role) for role in ROLES)})"

TYPED = """
SELECT no, day, segment, bit, month, on_weekend,
       known_on - DATE '1970-01-01' AS known, known_until - DATE '1970-01-01' AS until, role,
       direction = 'credit' AND role <> 'loan_flow' AS is_credit,
       direction = 'debit' AND role <> 'loan_flow' AS is_debit,
       (amount * 100)::BIGINT AS cents, (balance_after * 100)::BIGINT AS balance,
       epoch_us(occurred_at) AS occurred, epoch_us(occurred_at) < morning AS at_night, transaction_id,
       CASE WHEN counterparty_key IS NOT NULL THEN hash(counterparty_key) END AS counterparty,
       CASE WHEN scenario_id IS NOT NULL THEN hash(scenario_id) END AS scenario, hash(category) AS category
FROM (SELECT *, {role} AS role FROM ({versions})
      WHERE occurred_on >= DATE '{first}' AND occurred_on <= DATE '{last}' AND amount > 0
        AND known_on <= DATE '{last}' AND known_until > DATE '{earliest}')
JOIN customer_no USING (customer_key) JOIN calendar USING (occurred_on)
"""
"""Every version of every transaction that any of the dates may see and that was not void, typed for arithmetic."""

PREPARE = f"\nCREATE OR REPLACE TEMP TABLE tx AS{TYPED}"

UNSEEN = """
DELETE FROM tx
WHERE (known > day OR until < {far})
  AND len(list_filter({dates}, lambda d: d >= day AND d >= known AND d < until)) = 0
"""
"""Versions that were replaced before any of the dates could see them."""

IRREGULAR = """
CREATE OR REPLACE TEMP TABLE irregular_on AS
SELECT DISTINCT no, unnest(list_filter({dates}, lambda d:
    d >= day AND CASE WHEN until > {last} THEN d < known ELSE d >= known AND d < until END)) AS seen_on
FROM tx WHERE known > day OR until <= {last}
"""
"""Customers and dates: a row that the last date sees was not seen on it, or one that the last date does not see was."""

IRREGULAR_NOW = "CREATE OR REPLACE TEMP TABLE irregular AS SELECT no FROM irregular_on WHERE seen_on = {today}"
"""The customers of one date whose rows have to be aggregated anew."""

VISIBLE = "day <= {today} AND day > {today} - {horizon} AND known <= {today} AND {today} < until"


def states_sql(windows: tuple[Window, ...], source: str) -> str:
    """Aggregate prepared transactions to one row per customer and segment."""
    measures = {window.measure.name: window.measure for window in windows}
    columns = ", ".join(f"{measure.over_rows()} AS {name}" for name, measure in measures.items())
    return f"SELECT no, segment, {columns} FROM {source} GROUP BY no, segment"


def windows_sql(windows: tuple[Window, ...], states: str) -> str:
    """Combine ``states`` (with the ``band`` of each) into windows: one row per customer."""
    columns = ", ".join(f"{w.measure.over_spans(_inside(w.days))} AS {w.column}" for w in windows)
    return f"SELECT no, {columns} FROM ({states}) GROUP BY no"


def bands_sql(windows: tuple[Window, ...], states: str) -> str:
    """Add up the states of many short segments to those of the bands of one date."""
    measures = {window.measure.name: window.measure for window in windows}
    columns = ", ".join(f"{measure.over_spans()} AS {name}" for name, measure in measures.items())
    return f"SELECT no, band, {columns} FROM ({states}) JOIN bands USING (segment) GROUP BY no, band"


def _inside(days: int) -> str | None:
    return None if days == HORIZON else f"band <= {days}"


LAST_BALANCE = """
SELECT no, arg_max(balance, transaction_id) AS balance_last, any_value(occurred) AS balance_at,
       max(transaction_id) AS balance_id, any_value(day)::INTEGER AS balance_day
FROM (SELECT no, day, occurred, transaction_id, balance FROM {source} WHERE balance IS NOT NULL AND {visible})
JOIN (SELECT no, max(occurred) AS occurred FROM {source} WHERE balance IS NOT NULL AND {visible} GROUP BY no)
USING (no, occurred)
GROUP BY no
"""


def role_sql(vocabulary: Mapping[str, str]) -> str:
    """The role of a category; ``other`` where the vocabulary has no word for it."""
    listed = " ".join(f"WHEN {quoted(word)} THEN '{role}'::role_word" for word, role in sorted(vocabulary.items()))
    return f"CASE category {listed} ELSE 'other'::role_word END" if listed else "'other'::role_word"


def typed_sql(versions: str, calendar: Calendar, vocabulary: Mapping[str, str]) -> str:
    """The typed rows of ``versions`` alone: of columns that are not asked for, none is read."""
    return TYPED.format(versions=versions, role=role_sql(vocabulary), **_span(calendar))


def prepare_transactions(
    connection: duckdb.DuckDBPyConnection,
    versions: str,
    calendar: Calendar,
    vocabulary: Mapping[str, str],
    every: bool = False,
) -> None:
    """Make ``tx`` and ``irregular_on``; ``customer_no`` and ``calendar`` must exist.

    ``every`` keeps versions that were replaced on the last date.
    """
    connection.execute(ROLE_TYPE)
    connection.execute(PREPARE.format(versions=versions, role=role_sql(vocabulary), **_span(calendar)))
    if every or len(calendar.dates) == 1:  # one date sees all that was read
        connection.execute("CREATE OR REPLACE TEMP TABLE irregular_on (no INTEGER, seen_on INTEGER)")
        return
    dates = [day_number(day) for day in calendar.dates]
    connection.execute(UNSEEN.format(far=FAR, dates=dates))
    connection.execute(IRREGULAR.format(last=dates[-1], dates=dates))


def _span(calendar: Calendar) -> dict[str, date]:
    return {"first": calendar.first, "last": calendar.last, "earliest": calendar.dates[0]}


def make_states(connection: duckdb.DuckDBPyConnection, windows: tuple[Window, ...], source: str) -> None:
    """Make ``states`` of the prepared transactions in ``source``."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE states AS {states_sql(windows, source)}")


def make_account(
    connection: duckdb.DuckDBPyConnection, windows: tuple[Window, ...], calendar: Calendar, day: date
) -> None:
    """Make ``account``: windows and last balance of each customer with a row in the horizon of ``day``."""
    visible = VISIBLE.format(today=day_number(day), horizon=HORIZON)
    connection.register("bands", calendar.bands(day))
    if len(calendar.dates) == 1:
        states = "SELECT * FROM states JOIN bands USING (segment)"
    else:
        seen = f"(SELECT * FROM tx SEMI JOIN irregular USING (no) SEMI JOIN asked USING (no) WHERE {visible})"
        regular = "FROM states SEMI JOIN asked USING (no) ANTI JOIN irregular USING (no)"
        both = f"({regular}) UNION ALL BY NAME {states_sql(windows, seen)}"
        states = bands_sql(windows, both)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE account AS SELECT * FROM ({windows_sql(windows, states)})"
        f" LEFT JOIN ({LAST_BALANCE.format(source='tx', visible=visible)}) USING (no)"
    )
    connection.unregister("bands")
