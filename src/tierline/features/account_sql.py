"""The passes over a payment account: prepared transactions, states by segment, windows of one date.

Belongs here: the SQL from transactions to one row per customer with every window a feature names. Does not belong here:
the features themselves (``account``), or which customers and dates are asked for (``build``).

Two steps: rows become one state per (customer, segment), and states become windows. Rows are read and typed once for
all dates. A row that an observation date could not see yet, or sees in another version, is irregular; the irregular
rows' customers are aggregated again for each date from what was known on it. Money is integer cents, so nothing
depends on the order of addition.
"""

from __future__ import annotations

from datetime import date

import duckdb

from tierline.features.calendar import Calendar, day_number
from tierline.features.measures import HORIZON, Window
from tierline.schemas.roles import ROLES

FAR = day_number(date(9999, 12, 31))

ROLE_TYPE = f"CREATE TYPE role_word AS ENUM ({', '.join(repr(role) for role in ROLES)})"

PREPARE = """
CREATE OR REPLACE TEMP TABLE tx AS
SELECT no, day, segment, bit, month, on_weekend,
       known_on - DATE '1970-01-01' AS known, known_until - DATE '1970-01-01' AS until,
       coalesce(role, 'other') AS role,
       direction = 'credit' AND role IS DISTINCT FROM 'loan_flow' AS is_credit,
       direction = 'debit' AND role IS DISTINCT FROM 'loan_flow' AS is_debit,
       (amount * 100)::BIGINT AS cents, (balance_after * 100)::BIGINT AS balance,
       epoch_us(occurred_at) AS occurred, epoch_us(occurred_at) < morning AS at_night, transaction_id,
       hash(counterparty_key) AS counterparty, counterparty_key IS NOT NULL AS has_counterparty,
       scenario_id AS scenario, category
FROM (SELECT * FROM ({versions})
      WHERE occurred_on >= DATE '{first}' AND occurred_on <= DATE '{last}' AND amount > 0
        AND known_on <= DATE '{last}' AND known_until > DATE '{earliest}')
JOIN customer_no USING (customer_key) JOIN calendar USING (occurred_on) LEFT JOIN vocabulary USING (category)
"""
"""Every version of every transaction that any of the dates may see and that was not void, typed for arithmetic."""

UNSEEN = """
DELETE FROM tx
WHERE (known > day OR until < {far})
  AND len(list_filter({dates}, lambda d: d >= day AND d >= known AND d < until)) = 0
"""
"""Versions that were replaced before any of the dates could see them."""

IRREGULAR = """
CREATE OR REPLACE TEMP TABLE irregular AS
SELECT DISTINCT no FROM tx
WHERE (known > day OR until < {far})
  AND len(list_filter({dates}, lambda d: d >= day AND (d < known OR d >= until))) > 0
"""
"""Customers with a row that some date after its day does not see."""

VISIBLE = "day <= {today} AND day > {today} - {horizon} AND known <= {today} AND {today} < until"


def states_sql(windows: tuple[Window, ...], source: str) -> str:
    """Aggregate prepared transactions to one row per customer and segment."""
    measures = {window.measure.name: window.measure for window in windows}
    columns = ", ".join(f"{measure.over_rows()} AS {name}" for name, measure in measures.items())
    return f"SELECT no, segment, {columns} FROM {source} GROUP BY no, segment"


def windows_sql(windows: tuple[Window, ...], states: str) -> str:
    """Combine states of the segments of one date's ``bands`` into windows: one row per customer."""
    measures = {window.measure.name: window.measure for window in windows}
    banded = ", ".join(f"{measure.over_spans()} AS {name}" for name, measure in measures.items())
    inside = {days: "true" if days == HORIZON else f"band <= {days}" for days in {window.days for window in windows}}
    columns = ", ".join(f"{w.measure.over_spans(inside[w.days])} AS {w.column}" for w in windows)
    return (
        f"SELECT no, {columns} FROM (SELECT no, band, {banded} FROM ({states}) JOIN bands USING (segment)"
        " GROUP BY no, band) GROUP BY no"
    )


LAST_BALANCE = """
SELECT no, arg_max(balance, transaction_id) AS balance_last, any_value(occurred) AS balance_at,
       max(transaction_id) AS balance_id
FROM (SELECT no, occurred, transaction_id, balance FROM tx WHERE balance IS NOT NULL AND {visible})
JOIN (SELECT no, max(occurred) AS occurred FROM tx WHERE balance IS NOT NULL AND {visible} GROUP BY no)
USING (no, occurred)
GROUP BY no
"""


def prepare_transactions(connection: duckdb.DuckDBPyConnection, versions: str, calendar: Calendar) -> None:
    """Make ``tx`` and ``irregular``; ``customer_no``, ``calendar`` and ``vocabulary`` must exist."""
    connection.execute(
        PREPARE.format(versions=versions, first=calendar.first, last=calendar.last, earliest=calendar.dates[0])
    )
    dates = [day_number(day) for day in calendar.dates]
    connection.execute(UNSEEN.format(far=FAR, dates=dates))
    connection.execute(IRREGULAR.format(far=FAR, dates=dates))


def make_states(connection: duckdb.DuckDBPyConnection, windows: tuple[Window, ...]) -> None:
    """Make ``states`` of the customers whose rows every date sees alike."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE states AS {states_sql(windows, '(FROM tx ANTI JOIN irregular USING (no))')}"
    )


def make_account(
    connection: duckdb.DuckDBPyConnection, windows: tuple[Window, ...], calendar: Calendar, day: date
) -> None:
    """Make ``account``: windows and last balance of each customer with a row in the horizon of ``day``."""
    visible = VISIBLE.format(today=day_number(day), horizon=HORIZON)
    seen = f"(SELECT * FROM tx SEMI JOIN irregular USING (no) WHERE {visible})"
    states = f"FROM states UNION ALL BY NAME {states_sql(windows, seen)}"
    connection.register("bands", calendar.bands(day))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE account AS SELECT * FROM ({windows_sql(windows, states)})"
        f" LEFT JOIN ({LAST_BALANCE.format(visible=visible)}) USING (no)"
    )
    connection.unregister("bands")
