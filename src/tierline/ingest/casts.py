"""How a delivered column becomes its contract type, losing nothing.

Belongs here: which source types are accepted for each kind, and the SQL that types a value. Does not belong here: the
rules a typed value must keep (``ingest.rules``).

Accepted in Parquet, beside the exact type: strings in any Arrow layout; timestamps with a time zone in any unit (finer
than a microsecond only if nothing is cut); date64; decimals with at most two decimals; any integer for a count. An
all-null column of no type is accepted where nulls are. Everything else is refused: floats for money lose cents, a
float32 rate is not the rate that was meant, and a naive timestamp names no instant. An empty string is a null, so that
CSV and Parquet make the same lake.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from pyarrow import types

from tierline.lake import SQL_TYPES
from tierline.schemas import Column, Kind

_INTEGER_DIGITS = 16  # of decimal(18,2)
CSV_SOURCE = "text"
_DATE = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"\d{2}:\d{2}(:\d{2}(\.\d{1,6}0*)?)?"
NAIVE_PATTERN = rf"{_DATE}([T ]{_CLOCK})?"
"""ISO 8601 without an offset: readable, but no instant."""

_PATTERNS = {
    Kind.TIMESTAMP: rf"{_DATE}[T ]{_CLOCK} ?(Z|z|[+-]\d{{2}}(:?\d{{2}})?)",
    Kind.DATE: _DATE,
    Kind.MONEY: rf"[+-]?\d{{1,{_INTEGER_DIGITS}}}(\.\d{{1,2}}0*)?",
    Kind.RATE: r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(?i:nan|inf|infinity)",
    Kind.COUNT: r"[+-]?\d{1,18}",
    Kind.BOOLEAN: r"(?i:true|false)",
}
STAGED_TYPES = {**SQL_TYPES, Kind.COUNT: "BIGINT"}
"""SQL types while rows are judged: a count is wide until its range has been checked."""


@dataclass(frozen=True)
class Cast:
    """SQL of a typed value, and of "there was something that could not be read"; empty where that cannot be."""

    value: str
    unreadable: str = ""


def type_fault(column: Column, found: pa.DataType) -> tuple[str, str] | None:
    """Rule and action if a Parquet column of type ``found`` cannot stand for ``column``; None if it can."""
    expected = column.arrow_field.type
    if types.is_null(found) and column.nullable:
        return None
    if column.kind is Kind.TIMESTAMP and types.is_timestamp(found) and found.tz is None:
        return "naive_timestamp", f"is {found}: write {expected}, a time without a zone names no instant"
    if _ACCEPTS[column.kind](found):
        return None
    return "wrong_type", f"is {found}: write {expected}"


def parquet_cast(column: Column, found: pa.DataType) -> Cast:
    """The cast of a Parquet column of an accepted type."""
    name, target = f'"{column.name}"', STAGED_TYPES[column.kind]
    if types.is_null(found):
        return Cast(f"NULL::{target}")
    if column.kind is Kind.STRING:
        return Cast(f"nullif({name}, '')")
    if column.kind is Kind.TIMESTAMP and found.unit == "ns":
        whole = f"epoch_ns({name}) % 1000 = 0"
        return Cast(f"CASE WHEN {whole} THEN {name}::{target} END", f"{name} IS NOT NULL AND NOT ({whole})")
    if _may_overflow(column.kind, found):
        return _tried(f"TRY_CAST({name} AS {target})", name)
    return Cast(f"{name}::{target}")


def csv_cast(column: Column) -> Cast:
    """The cast of a CSV column; an empty field is a null."""
    name = f'"{column.name}"'
    raw = f"nullif({name}, '')"
    if column.kind is Kind.STRING:
        return Cast(raw)
    matches = f"regexp_full_match({raw}, '{_PATTERNS[column.kind]}')"
    return _tried(f"CASE WHEN {matches} THEN TRY_CAST({raw} AS {STAGED_TYPES[column.kind]}) END", raw)


def _tried(value: str, raw: str) -> Cast:
    return Cast(value, f"{raw} IS NOT NULL AND ({value}) IS NULL")


def _may_overflow(kind: Kind, found: pa.DataType) -> bool:
    if kind is Kind.MONEY:
        return bool(found.precision - found.scale > _INTEGER_DIGITS)
    return kind is Kind.COUNT and bool(types.is_uint64(found))


def _is_text(found: pa.DataType) -> bool:
    plain = found.value_type if types.is_dictionary(found) else found
    return bool(types.is_string(plain) or types.is_large_string(plain) or types.is_string_view(plain))


def _is_money(found: pa.DataType) -> bool:
    return bool(types.is_decimal(found)) and 0 <= found.scale <= 2 and found.precision <= 38


_ACCEPTS = {
    Kind.STRING: _is_text,
    Kind.TIMESTAMP: types.is_timestamp,
    Kind.DATE: types.is_date,
    Kind.MONEY: _is_money,
    Kind.RATE: types.is_float64,
    Kind.COUNT: types.is_integer,
    Kind.BOOLEAN: types.is_boolean,
}
