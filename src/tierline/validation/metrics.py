"""One query per table: what a suite must know about it, as one row.

Belongs here: the metrics and the SQL that computes them. Does not belong here: what is expected of them
(``validation.suite``).

A metric is a count of what must not be, so that one number serves both for the verdict and for the message; ``rows``
is the exception. Non-finite values are counted by themselves: NaN and infinity pass a minimum.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from tierline.schemas import Column, Kind, Table
from tierline.schemas.lake import PSEUDONYMISED
from tierline.sql import named
from tierline.validation.proofs import HexDigits, NoNulls, Proof, UniqueRows

KEY_DIGITS = 32
KEY_PATTERN = f"[0-9a-f]{{{KEY_DIGITS}}}"
PROVERS = 4
"""Proofs under way beside the query; more only raise the memory."""
PSEUDONYMS = ("customer_key", *PSEUDONYMISED.values())


@dataclass(frozen=True)
class Metric:
    """A count over a table: its name in the metrics frame, its SQL, and what it says, with ``{n}`` for the count.

    The SQL is an aggregate over the table, or a scalar query over ``{source}``. ``proof``, where there is one, shows
    cheaply that the count is zero; only if it cannot is the SQL run.
    """

    name: str
    sql: str
    text: str
    proof: Proof | None = None


@dataclass(frozen=True)
class Source:
    """A table as SQL, with its Arrow schema and, if it stands in files, those."""

    sql: str
    schema: pa.Schema
    files: tuple[Path, ...] = ()


def schema_faults(contract: Table, schema: pa.Schema) -> list[str]:
    """Columns that are missing, extra or of another type, one line each."""
    faults = []
    for column in contract.columns:
        index = schema.get_field_index(column.name)
        expected = column.arrow_field.type
        if index < 0 and column.optional:
            continue
        if index < 0:
            faults.append(f"{contract.name}.{column.name}: expect the column: it is missing")
        elif schema.field(index).type != expected:
            faults.append(f"{contract.name}.{column.name}: expect {expected}: it is {schema.field(index).type}")
    extra = [name for name in schema.names if name not in contract.column_names]
    return faults + [f"{contract.name}.{name}: expect only the contract's columns: it is extra" for name in extra]


def contract_metrics(contract: Table, schema: pa.Schema) -> list[Metric]:
    """Metrics of the columns that are there with their type, and of the key."""
    key = list(dict.fromkeys([*contract.key, *([contract.knowledge_time] if contract.knowledge_time else [])]))
    whole = all(name in schema.names for name in key)
    metrics: list[Metric] = []
    there = [
        column
        for column in contract.columns
        if column.name in schema.names and schema.field(column.name).type == column.arrow_field.type
    ]
    no_nulls = NoNulls(tuple(column.name for column in there if not column.nullable))
    for column in there:
        metrics += _column_metrics(contract, column, no_nulls)
    if whole:
        columns = ", ".join(key)
        grouping = ", ".join(named(name) for name in key)
        grouped = f"SELECT count(*) - 1 AS again FROM {{source}} GROUP BY {grouping} HAVING count(*) > 1"
        distinct = f"(SELECT coalesce(sum(again), 0) FROM ({grouped}))"
        text = f"{contract.name}: expect unique ({columns}): {{n}} rows repeat one"
        metrics.append(Metric("repeated_keys", distinct, text, UniqueRows(tuple(key), contract.key)))
    return metrics


def count_where(name: str, broken: str, text: str, proof: Proof | None = None) -> Metric:
    """The number of rows for which ``broken`` is true."""
    return Metric(name, f"count(*) FILTER (WHERE {broken})", f"{text}: {{n}} rows", proof)


def measure(connection: duckdb.DuckDBPyConnection, source: Source, metrics: list[Metric]) -> dict[str, int]:
    """Rows of ``source`` and every metric: proofs of zero and one query side by side, then one for what was not proven.

    Proofs need files; a table in memory is counted at once.
    """
    proofs = dict.fromkeys(metric.proof for metric in reversed(metrics) if metric.proof and source.files)
    with ThreadPoolExecutor(PROVERS) as pool:
        held = {proof: pool.submit(proof.holds, connection.cursor(), source.files) for proof in proofs if proof}
        counted = _count(connection, source, [metric for metric in metrics if metric.proof not in held])
        zero = {proof for proof, result in held.items() if result.result()}
    unproven = [metric for metric in metrics if metric.proof in held and metric.proof not in zero]
    counted |= _count(connection, source, unproven) if unproven else {}
    return {name: counted.get(name, 0) for name in ["rows", *(metric.name for metric in metrics)]}


def _count(connection: duckdb.DuckDBPyConnection, source: Source, metrics: list[Metric]) -> dict[str, int]:
    select = ", ".join(["count(*)", *(metric.sql.replace("{source}", source.sql) for metric in metrics)])
    values = connection.execute(f"SELECT {select} FROM {source.sql}").fetchall()[0]
    return dict(zip(["rows", *(metric.name for metric in metrics)], map(int, values), strict=True))


def _column_metrics(contract: Table, column: Column, no_nulls: Proof) -> list[Metric]:
    name, where, sql = column.name, f"{contract.name}.{column.name}", named(column.name)
    metrics = []
    if not column.nullable:
        metrics.append(count_where(f"{name}__null", f"{sql} IS NULL", f"{where}: expect a value", no_nulls))
    if column.kind is Kind.RATE:
        metrics.append(count_where(f"{name}__not_finite", f"NOT isfinite({sql})", f"{where}: expect a finite number"))
    bounds = _outside(column)
    if bounds:
        metrics.append(count_where(f"{name}__outside", bounds, f"{where}: expect values {_range(column)}"))
    if column.allowed:
        words = ", ".join(f"'{word}'" for word in column.allowed)
        text = f"{where}: expect one of {', '.join(column.allowed)}"
        metrics.append(count_where(f"{name}__not_allowed", f"{sql} NOT IN ({words})", text))
    if name in PSEUDONYMS:
        clear = f"NOT regexp_full_match({sql}, '{KEY_PATTERN}')"
        text = f"{where}: expect a pseudonym of {KEY_DIGITS} hex digits"
        metrics.append(count_where(f"{name}__clear", clear, text, HexDigits(name, KEY_DIGITS)))
    return metrics


def _outside(column: Column) -> str:
    sql = named(column.name)
    bounds = [f"{sql} < {column.minimum!r}"] if column.minimum is not None else []
    bounds += [f"{sql} > {column.maximum!r}"] if column.maximum is not None else []
    broken = " OR ".join(bounds)
    return f"({broken}) AND isfinite({sql})" if broken and column.kind is Kind.RATE else broken


def _range(column: Column) -> str:
    if column.maximum is None:
        return f"of at least {column.minimum:g}"
    if column.minimum is None:
        return f"of at most {column.maximum:g}"
    return f"between {column.minimum:g} and {column.maximum:g}"
