"""What the rows of a mapped table must keep before they may land.

Belongs here: counts of rows that break the contract, per table and across tables. Does not belong here: types
(``casts``), files (``files``); what ingest does with a bad row, since here one is enough to stop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import duckdb

from tierline.errors import Fault
from tierline.schemas import LANDING, Column, Feed, Kind, Table
from tierline.schemas.lake import VIA_LOAN
from tierline.sources.mapping.casts import sql_name, sql_text
from tierline.sources.mapping.files import count, counts_where

MAX_DAYS = 20 * 366  # of one feed; beyond it a date is mistaken or history wants one load
_MAY_LIE_AHEAD = ("instalments",)  # a due date is known before it comes


@dataclass(frozen=True)
class Rule:
    """One rule as SQL: ``broken`` is true of a row that breaks it, or a FROM clause that gives those rows."""

    column: str
    name: str
    broken: str
    action: str


def row_faults(connection: duckdb.DuckDBPyConnection, table: Table, business_timezone: str) -> list[Fault]:
    """Faults of a typed table on its own: nulls, ranges, vocabularies, repeated keys, events after their knowledge."""
    rules = [rule for column in table.columns for rule in _column_rules(column)]
    rules += [_key_rule(table), *_time_rules(table, business_timezone)]
    return _judge(connection, table.name, rules)


def link_faults(connection: duckdb.DuckDBPyConnection, table: Table, present: list[str]) -> list[Fault]:
    """Faults of a typed table against the others in ``present``: unknown customers, loans and instalments."""
    return _judge(connection, table.name, list(_link_rules(table, present)))


def known_on_sql(table: Table, business_timezone: str) -> str:
    """SQL of the business day on which a row became known: its partition in the landing zone."""
    return f"CAST({table.knowledge_time} AT TIME ZONE {sql_text(business_timezone)} AS DATE)"


def feed_faults(
    connection: duckdb.DuckDBPyConnection, table: Table, known_on: str, as_of: date, first_day: date | None
) -> list[Fault]:
    """Faults of a table as a daily feed that runs from its first known row (or ``first_day``) to ``as_of``."""
    found = connection.execute(f"SELECT min({known_on}), max({known_on}) FROM mapped.{table.name}").fetchall()
    earliest, latest = found[0]
    if table.feed is not Feed.DAILY or earliest is None:
        return []
    first, last = first_day or earliest, max(latest, as_of)
    if earliest > as_of:
        action = f"the first row becomes known on {earliest}, as_of is {as_of}: mend as_of or {table.knowledge_time}"
        return [Fault(table.name, table.knowledge_time, "after_as_of", action)]
    if (last - first).days >= MAX_DAYS:
        action = f"the feed would run from {first} to {last}: mend the dates, or set first_day"
        return [Fault(table.name, table.knowledge_time, "too_many_days", action)]
    return []


def _judge(connection: duckdb.DuckDBPyConnection, table: str, rules: list[Rule]) -> list[Fault]:
    judged = [rule for rule in rules if not rule.broken.startswith("FROM")]
    counted = dict(
        zip(judged, counts_where(connection, f"mapped.{table}", [rule.broken for rule in judged]), strict=True)
    )
    faults = []
    for rule in rules:
        rows = counted[rule] if rule in counted else count(connection, f"SELECT count(*) {rule.broken}")
        if rows:
            faults.append(Fault(table, rule.column, rule.name, f"{rows} rows {rule.action}"))
    return faults


def _column_rules(column: Column) -> Iterator[Rule]:
    name = sql_name(column.name)
    if not column.nullable:
        action = "hold null: fill it in the SELECT, filter the rows, or give it under constants"
        yield Rule(column.name, "required", f"{name} IS NULL", action)
    if column.kind in (Kind.DATE, Kind.TIMESTAMP):
        yield Rule(column.name, "minimum", f"{name} < DATE '1900-01-01'", "are before 1900: mend the date's format")
    if column.minimum is not None:
        yield Rule(column.name, "minimum", f"{name} < {column.minimum}", f"are below {column.minimum:g}")
    if column.maximum is not None:
        yield Rule(column.name, "maximum", f"{name} > {column.maximum}", f"are above {column.maximum:g}")
    if column.allowed:
        listed = ", ".join(sql_text(value) for value in column.allowed)
        action = f"hold another word: translate it in the SELECT to one of {', '.join(column.allowed)}"
        yield Rule(column.name, "allowed", f"{name} NOT IN ({listed})", action)


def _key_rule(table: Table) -> Rule:
    key = ", ".join((*table.key, table.knowledge_time))
    return Rule(
        ", ".join(table.key),
        "duplicate_key",
        f"FROM (SELECT 1 FROM mapped.{table.name} QUALIFY row_number() OVER (PARTITION BY {key}) > 1)",
        f"repeat ({key}): use SELECT DISTINCT, or choose one with QUALIFY",
    )


def _time_rules(table: Table, business_timezone: str) -> Iterator[Rule]:
    if not table.event_time or table.name in _MAY_LIE_AHEAD:
        return
    event, known = table.event_time, table.knowledge_time
    if str(table[event].arrow_field.type).startswith("timestamp"):
        broken = f"{event} > {known}"
    else:
        broken = f"{event} > {known_on_sql(table, business_timezone)}"
    yield Rule(event, "after_knowledge", broken, f"happen after {known}: mend the lag that {known} assumes")


def _link_rules(table: Table, present: list[str]) -> Iterator[Rule]:
    links: list[tuple[str, tuple[str, ...]]] = []
    if table.name != "customers" and "customer_id" in table.column_names:
        links.append(("customers", ("customer_id",)))
    if table.name in VIA_LOAN:
        links.append(("loans", ("loan_id",)))
    if table.name == "repayments" and "instalments" in present:
        links.append(("instalments", ("loan_id", "instalment_no")))
    for parent, key in links:
        yield from _known_in_time(table, LANDING[parent], key, present)


def _known_in_time(table: Table, parent: Table, key: tuple[str, ...], present: list[str]) -> Iterator[Rule]:
    if parent.name not in present:
        return
    columns, rule = ", ".join(key), f"unknown_{parent.name.removesuffix('s')}"
    first = (
        f"(SELECT {columns}, min({parent.knowledge_time}) AS first_known FROM mapped.{parent.name} GROUP BY {columns})"
    )
    child = f"FROM mapped.{table.name} AS child"
    yield Rule(
        key[-1],
        rule,
        f"{child} ANTI JOIN {first} AS parent USING ({columns})",
        f"are not in {parent.name}: add them there, or filter these rows",
    )
    yield Rule(
        key[-1],
        f"{rule}_yet",
        f"{child} JOIN {first} AS parent USING ({columns}) WHERE child.{table.knowledge_time} < parent.first_known",
        f"become known before their row of {parent.name}: mend {table.knowledge_time} in one of the two",
    )
