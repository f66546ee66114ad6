"""The passes over a payment account: prepared transactions, states by segment, windows of one date.

Belongs here: the SQL from transactions to one row per customer with every window a feature names. Does not belong here:
the features themselves (``account``), or which customers and dates are asked for (``build``).

Two steps: rows become one state per (customer, segment), and states become windows (``spans``). Rows are read and typed
once for all dates, and aggregated as the last date sees them. A customer is irregular on a date that could not see one
of those rows yet, or saw another version of it, and is aggregated again for that date from what was known on it. Money
is integer cents, so nothing depends on the order of addition.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from tierline.features.calendar import Calendar, day_number
from tierline.features.measures import HORIZON
from tierline.features.spans import BALANCE_AT, Spans, make_spans
from tierline.features.state import Ints, nullable
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


LAST_BALANCE = """
SELECT no, arg_max(balance, transaction_id) AS balance_last, any_value(occurred) AS balance_at,
       max(transaction_id) AS balance_id, any_value(day)::INTEGER AS balance_day
FROM (SELECT no, day, occurred, transaction_id, balance FROM {source} WHERE balance IS NOT NULL AND {visible})
JOIN ({moments}) USING (no, occurred)
GROUP BY no
"""
_MOMENTS = "SELECT no, max(occurred) AS occurred FROM {source} WHERE balance IS NOT NULL AND {visible} GROUP BY no"


def last_balance_sql(source: str, visible: str, moments: str = _MOMENTS) -> str:
    """The last balance of each customer; of several at one moment, that of the last identifier.

    ``moments``: SQL of the moment of each (no, occurred), where it is known.
    """
    return LAST_BALANCE.format(source=source, visible=visible, moments=moments.format(source=source, visible=visible))


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


def make_account(connection: duckdb.DuckDBPyConnection, spans: Spans, calendar: Calendar, day: date) -> None:
    """Make ``account``: windows and last balance of each customer with a row in the horizon of ``day``.

    With several dates, ``asked``, ``irregular`` and ``again`` (rows of the irregular as the day sees them) must exist.
    """
    bands = calendar.bands(day)
    found = {"no": spans.numbers, **spans.windows_on(bands)}
    if len(calendar.dates) > 1:
        again = make_spans(connection, spans.windows, "again", spans.segments, spans.segments)
        anew = {"no": again.numbers, **again.windows_on(bands)}
        regular = np.isin(spans.numbers, _numbers(connection, "FROM asked ANTI JOIN irregular USING (no)"))
        found = {name: np.concatenate([values[regular], anew[name]]) for name, values in found.items()}
    here = found[f"rows_{HORIZON}d"] > 0
    columns = {"no": nullable(found.pop("no")[here]).cast(pa.int32())}
    account = pa.table(columns | {name: nullable(found.pop(name)[here]) for name in list(found)})
    visible = VISIBLE.format(today=day_number(day), horizon=HORIZON)
    connection.register("moment", account.select(["no", BALANCE_AT.name]))
    sql = last_balance_sql("tx", visible, f"SELECT no, {BALANCE_AT.name} AS occurred FROM moment")
    last = connection.sql(sql).to_arrow_table()
    connection.unregister("moment")
    connection.register("account", _with_balances(account.drop_columns([BALANCE_AT.name]), last))


def _with_balances(account: pa.Table, last: pa.Table) -> pa.Table:
    """``account`` with the columns of ``last`` brought to its customers; null where there is no balance."""
    number, found = account.column("no").to_numpy(), last.column("no").to_numpy()
    position = np.full(int(number.max(initial=0)) + 1, -1)
    position[found] = np.arange(len(found))
    index = position[number]
    brought = last.combine_chunks().take(pa.array(index, mask=index < 0))
    for name in last.column_names[1:]:
        account = account.append_column(name, brought.column(name))
    return account


def _numbers(connection: duckdb.DuckDBPyConnection, sql: str) -> Ints:
    found: Ints = connection.sql(sql).to_arrow_table().column("no").to_numpy()
    return found
