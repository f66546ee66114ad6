"""How a value of a SELECT becomes a contract value, losing nothing.

Belongs here: which SQL types may stand for each kind, and the SQL that types a value. Does not belong here: what a
typed value must be (``rules``).

A SELECT may give text for anything: it is read strictly (no rounding, no half-read dates). Beyond that, the type must
say what is meant: a DATE is no point in time and a TIMESTAMP no day, an integer no truth value; and a number is refused
where the contract's type would cut digits.
"""

from __future__ import annotations

import re

from tierline.lake import SQL_TYPES
from tierline.schemas import Column, Kind

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_NUMBERS = _INTEGERS | {"FLOAT", "DOUBLE", "DECIMAL"}
_NULL = '"NULL"'
_NAIVE = {"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
_ACCEPTED = {
    Kind.STRING: _INTEGERS | {"VARCHAR", "UUID", "ENUM"},
    Kind.TIMESTAMP: _NAIVE | {"VARCHAR", "TIMESTAMP WITH TIME ZONE"},
    Kind.DATE: {"VARCHAR", "DATE"},
    Kind.MONEY: _NUMBERS | {"VARCHAR"},
    Kind.RATE: _NUMBERS | {"VARCHAR"},
    Kind.COUNT: _NUMBERS | {"VARCHAR"},
    Kind.BOOLEAN: {"VARCHAR", "BOOLEAN"},
}
_ADVICE = {
    Kind.STRING: "cast it to VARCHAR in the SELECT",
    Kind.TIMESTAMP: "give a TIMESTAMP or TIMESTAMPTZ",
    Kind.DATE: "give a DATE: cast it in the SELECT, in the calendar that is meant",
    Kind.MONEY: "give a DECIMAL",
    Kind.RATE: "give a number",
    Kind.COUNT: "give a whole number",
    Kind.BOOLEAN: "give a BOOLEAN, such as (column = 'Bad')",
}
_DATE = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"\d{2}:\d{2}(:\d{2}(\.\d{1,6}0*)?)?"
_OFFSET = r"\s?([Zz]|[+-]\d{2}(:?\d{2})?)"
# The float noise that arithmetic leaves on an amount in cents; anything larger is a digit that would be cut.
_CENT_NOISE = "0.000001"


def sql_text(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def sql_name(value: str) -> str:
    """A quoted SQL identifier."""
    return '"' + value.replace('"', '""') + '"'


def strict_cast(name: str, found: str, sql_type: str) -> str:
    """SQL that casts ``name`` to ``sql_type``; null where text cannot be read without losing something."""
    cast = f"TRY_CAST({name} AS {sql_type})"
    if found != "VARCHAR" or sql_type == "VARCHAR":
        return cast
    if sql_type == "DATE":
        return f"CASE WHEN regexp_full_match({name}, '{_DATE}') THEN {cast} END"
    if sql_type.startswith("TIMESTAMP"):
        pattern = f"{_DATE}[T ]{_CLOCK}{'' if sql_type == 'TIMESTAMP' else _OFFSET}"
        return f"CASE WHEN regexp_full_match({name}, '{pattern}') THEN {cast} END"
    if sql_type == "BOOLEAN":
        return f"CASE WHEN lower({name}) IN ('true', 'false') THEN {cast} END"
    if sql_type == "DOUBLE":
        return f"CASE WHEN isfinite({cast}) THEN {cast} END"
    return f"CASE WHEN TRY_CAST({name} AS DECIMAL(38,18)) = {cast} THEN {cast} END"


def type_fault(column: Column, found: str, timezone: str | None) -> tuple[str, str] | None:
    """Rule and action if a SELECT's column of SQL type ``found`` cannot stand for ``column``; None if it can."""
    base = _base(found)
    if base not in _ACCEPTED[column.kind] and base != _NULL:
        return "wrong_type", f"is {found}: {_ADVICE[column.kind]}"
    if base in _NAIVE and timezone is None and column.kind is Kind.TIMESTAMP:
        return "naive_timestamp", "names no instant: state timezone: in the mapping"
    return None


def contract_cast(column: Column, found: str, timezone: str | None) -> str:
    """SQL of the typed value of an accepted column; null where the value does not fit."""
    name, target, base = sql_name(column.name), SQL_TYPES[column.kind], _base(found)
    if base == _NULL:
        return f"NULL::{target}"
    if column.kind is Kind.TIMESTAMP:
        return _timestamp(name, base, timezone)
    if base == "VARCHAR" or column.kind in (Kind.STRING, Kind.DATE, Kind.BOOLEAN):
        return _finite(column.kind, strict_cast(name, base, target))
    cast = f"TRY_CAST({name} AS {target})"
    if column.kind is Kind.RATE:
        return f"CASE WHEN isfinite({cast}) THEN {cast} END"
    noise = _CENT_NOISE if column.kind is Kind.MONEY and base in ("DOUBLE", "FLOAT") else "0"
    return f"CASE WHEN abs({name} - {cast}) <= {noise} THEN {cast} END"


def _timestamp(name: str, base: str, timezone: str | None) -> str:
    zoned = "TIMESTAMPTZ"
    local = f"AT TIME ZONE {sql_text(timezone)}" if timezone else None
    if base == "VARCHAR":
        naive = f"({strict_cast(name, base, 'TIMESTAMP')}) {local}" if local else "NULL"
        value = f"coalesce({strict_cast(name, base, zoned)}, {naive})"
    elif base in _NAIVE and local:
        value = f"{name}::TIMESTAMP {local}"
    else:
        value = f"{name}::{zoned}"
    return _finite(Kind.TIMESTAMP, value)


def _finite(kind: Kind, value: str) -> str:
    if kind not in (Kind.DATE, Kind.TIMESTAMP):
        return value
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def _base(found: str) -> str:
    return "ENUM" if found.startswith("ENUM") else re.sub(r"\(.*", "", found)
