"""Building every contract table from a mapping, and saying what is wrong with it, table by table.

Belongs here: running the SELECTs and collecting faults and counts. Does not belong here: the rules themselves
(``rules``), writing anything (``landing``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import duckdb

from tierline.errors import Fault
from tierline.lake import SQL_TYPES
from tierline.schemas import LANDING, Feed, Kind, Table
from tierline.sources.mapping.casts import contract_cast, sql_name, sql_text, type_fault
from tierline.sources.mapping.files import FileFaults, about_data, count, counts_where, mapped_session, told
from tierline.sources.mapping.rules import feed_faults, known_on_sql, link_faults, row_faults
from tierline.sources.mapping.spec import Constant, Mapping, TableMapping

Status = Literal["ok", "left_out", "missing", "mistyped", "empty", "error"]
_MISSING = {"missing_file", "missing_column"}
_MISTYPED = {"wrong_type", "naive_timestamp", "unparseable"}
_EMPTY = {"empty_file", "empty"}


@dataclass(frozen=True)
class TableCheck:
    """What a mapping gives for one contract table.

    ``status``: left_out (the mapping has no such table), missing (a file or column), mistyped (a type or a value that
    cannot be read), empty (no rows), error (a SELECT that fails, or rows that break a rule), ok. ``notes`` do not stop
    anything.
    """

    table: str
    status: Status
    rows: int = 0
    problems: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


def check_mapping(mapping: Mapping, data: Path, business_timezone: str = "UTC") -> list[TableCheck]:
    """Say what is missing, mistyped or empty in every contract table, in the contract's order; changes nothing.

    ``business_timezone`` is the configured one; a mapping that states its own wins.
    """
    with mapped_tables(mapping, data, business_timezone) as (_, checks):
        return checks


@contextmanager
def mapped_tables(
    mapping: Mapping, data: Path, business_timezone: str
) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[TableCheck]]]:
    """A session with a typed table ``mapped.<table>`` for every delivered table that could be built, and the checks."""
    zone = mapping.business_timezone or business_timezone
    with mapped_session(mapping, data) as (connection, file_faults):
        checks = [_build(connection, mapping, LANDING[name], file_faults) for name in LANDING]
        present = [check.table for check in checks if check.status == "ok"]
        yield connection, [_judged(connection, mapping, check, present, zone) for check in checks]


def _build(
    connection: duckdb.DuckDBPyConnection, mapping: Mapping, table: Table, file_faults: FileFaults
) -> TableCheck:
    part = mapping.tables.get(table.name)
    if part is None:
        return TableCheck(table.name, "left_out")
    faults = [fault for alias, found in file_faults.items() if part.uses(alias) for fault in found]
    if faults:
        return _checked(table.name, 0, faults)
    try:
        query = _selected_sql(part)
        # Described before it is stored: a stored column of nulls alone would pass for an integer.
        described = [(str(name), str(kind)) for name, kind, *_ in connection.execute(f"DESCRIBE {query}").fetchall()]
        connection.execute(f"CREATE TEMP TABLE selected AS {query}")
        rows = count(connection, "SELECT count(*) FROM selected")
        faults = _type_selected(connection, mapping, table, described)
    except duckdb.Error as error:
        return _checked(table.name, 0, [_failed_select(table.name, error)])
    finally:
        connection.execute("DROP TABLE IF EXISTS selected")
    if not rows and not faults:
        faults = [Fault(table.name, "", "empty", "the SELECT gives no rows: mend its filter, or leave the table out")]
    return _checked(table.name, rows, faults)


def _judged(
    connection: duckdb.DuckDBPyConnection, mapping: Mapping, check: TableCheck, present: list[str], zone: str
) -> TableCheck:
    if check.status != "ok":
        return check
    table = LANDING[check.table]
    known_on = known_on_sql(table, zone)
    faults = row_faults(connection, table, zone) + link_faults(connection, table, present)
    faults += feed_faults(connection, table, known_on, mapping.as_of, mapping.first_day)
    notes = _notes(connection, mapping, table, known_on)
    return replace(_checked(check.table, check.rows, faults), notes=tuple(notes))


def _checked(table: str, rows: int, faults: list[Fault]) -> TableCheck:
    rules = {fault.rule for fault in faults}
    status: Status = "error" if rules else "ok"
    for words, name in ((_EMPTY, "empty"), (_MISTYPED, "mistyped"), (_MISSING, "missing")):
        if rules & words:
            status = name  # type: ignore[assignment]
    return TableCheck(table, status, rows, tuple(faults))


def _selected_sql(part: TableMapping) -> str:
    """The SELECT, or the literal rows as one; constants stand beside its columns."""
    source = part.select
    if part.rows is not None:
        names = ", ".join(sql_name(name) for name in part.rows[0])
        values = ", ".join("(" + ", ".join(_literal(row[name]) for name in part.rows[0]) + ")" for row in part.rows)
        source = f"SELECT * FROM (VALUES {values}) AS literal({names})"
    constants = "".join(f", {_literal(value)} AS {sql_name(name)}" for name, value in part.constants.items())
    return f"SELECT chosen.*{constants} FROM (\n{source}\n) AS chosen"


def _literal(value: Constant) -> str:
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    return sql_text(value if isinstance(value, str) else value.isoformat())


def _type_selected(
    connection: duckdb.DuckDBPyConnection, mapping: Mapping, table: Table, described: list[tuple[str, str]]
) -> list[Fault]:
    """Type ``selected`` into ``mapped.<table>``; on any fault the table is not made."""
    found = dict(described)
    faults = _column_faults(table, [name for name, _ in described])
    for column in table.columns:
        if column.name in found and (wrong := type_fault(column, found[column.name], mapping.timezone)):
            faults.append(Fault(table.name, column.name, *wrong))
    if faults:
        return faults
    there = [column for column in table.columns if column.name in found]
    casts = {column.name: contract_cast(column, found[column.name], mapping.timezone) for column in there}
    failed = [f"{sql_name(name)} IS NOT NULL AND ({cast}) IS NULL" for name, cast in casts.items()]
    for name, bad in zip(casts, counts_where(connection, "selected", failed), strict=True):
        if bad:
            kind = table[name].kind
            zone = ", or state timezone:" if kind is Kind.TIMESTAMP and mapping.timezone is None else ""
            action = f"{bad} values are not a {kind.value}: mend them in the SELECT{zone}"
            faults.append(Fault(table.name, name, "unparseable", action))
    if not faults:
        nulls = {column.name: f"NULL::{SQL_TYPES[column.kind]}" for column in table.columns}  # of optional ones
        typed = ", ".join(f"{cast} AS {sql_name(name)}" for name, cast in (nulls | casts).items())
        connection.execute(f"CREATE TABLE mapped.{table.name} AS SELECT {typed} FROM selected")
    return faults


def _column_faults(table: Table, found: list[str]) -> list[Fault]:
    faults = []
    for column in table.columns:
        if column.name not in found and not column.optional:
            null = " (null is allowed)" if column.nullable else ""
            action = f"give it in the SELECT, or under tables.{table.name}.constants{null}"
            faults.append(Fault(table.name, column.name, "missing_column", action))
    for name in sorted({name for name in found if found.count(name) > 1}):
        faults.append(Fault(table.name, name, "given_twice", "take it out of the SELECT or of the constants"))
    for name in found:
        if name not in table.column_names:
            faults.append(Fault(table.name, name, "extra_column", "take it out of the SELECT"))
    return faults


def _failed_select(table: str, error: duckdb.Error) -> Fault:
    """The fault of a SELECT that does not run."""
    absent = re.search(r'Referenced column "([^"]*)"', str(error))
    if isinstance(error, duckdb.BinderException) and absent:
        return Fault(table, absent.group(1), "missing_column", f"the SELECT reads it, no file has it ({told(error)})")
    if about_data(error):
        action = f"a value cannot be computed with: type the column under files, or use TRY_CAST ({told(error)})"
        return Fault(table, "", "failed_select", action)
    return Fault(table, "", "failed_select", f"correct the SELECT ({told(error)})")


def _notes(connection: duckdb.DuckDBPyConnection, mapping: Mapping, table: Table, known_on: str) -> Iterator[str]:
    source, as_of = f"mapped.{table.name}", f"DATE '{mapping.as_of}'"
    late = count(connection, f"SELECT count(*) FROM {source} WHERE {known_on} > {as_of}")
    if late:
        yield f"{late} rows become known after as_of {mapping.as_of}: later nights read them"
    if table.feed is Feed.DAILY and table.min_rows_per_day:
        first = f"DATE '{mapping.first_day}'" if mapping.first_day else f"(SELECT min({known_on}) FROM {source})"
        busy = f"SELECT count(DISTINCT {known_on}) FROM {source} WHERE {known_on} BETWEEN {first} AND {as_of}"
        quiet = count(connection, f"SELECT {as_of} - {first} + 1") - count(connection, busy)
        if quiet > 0:
            yield f"{quiet} days of the feed have no rows: ingest stops at them; set a later first_day, or waive them"
