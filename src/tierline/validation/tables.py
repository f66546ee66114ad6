"""Verdicts on lake tables and on published tables, against their contracts.

Belongs here: what is validated and what is expected beyond the contract's columns. Does not belong here: repairing or
dropping rows (``ingest``), or the independent check of the decisions (``audit``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tierline.config import Settings
from tierline.engine import session
from tierline.home import Home
from tierline.lake import LoadManifest
from tierline.schemas import LAKE, Table
from tierline.schemas.lake import CUSTOMER_TABLES
from tierline.validation.metrics import Metric, Source, contract_metrics, count_where, measure, schema_faults
from tierline.validation.suite import Expected, judge, none_of

MAY_BE_EMPTY = ("funding_allocation", "watch_list")
"""Published tables that are rightly empty on some nights; any other must have a row, since no check fails on none."""


@dataclass(frozen=True)
class TableVerdict:
    """What validation found of one table: ``failed`` holds one line per expectation that was not kept."""

    table: str
    success: bool
    rows: int
    expectations: int
    failed: tuple[str, ...]
    load: str = ""
    results: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """All that Great Expectations found: counts and bounds, no value of the table."""


def validate_lake(home: Home, settings: Settings, load: LoadManifest) -> list[TableVerdict]:
    """Validate every table of one load, as written: contract, keys, load days, buckets, and the manifest's totals."""
    verdicts = []
    with session() as connection:
        for table in load.totals:
            verdict = _lake_table(connection, home, load, LAKE[table], settings.business_timezone)
            verdicts.append(replace(verdict, load=load.name))
    return verdicts


def validate_published(table: Path | pa.Table, contract: Table) -> TableVerdict:
    """Validate a table about to be published: a Parquet file, a directory of them, or an Arrow table."""
    with session() as connection:
        if isinstance(table, pa.Table):
            connection.register("candidate", table)
            return _verdict(connection, contract, Source("candidate", table.schema), _least_rows(contract), [])
        files = [table] if table.is_file() else sorted(table.glob("*.parquet"))
        if not files:
            text = f"{contract.name}: expect a Parquet file in {table.name}: none found"
            return _judged(contract.name, {"files": 0}, [Expected("files", 1, None, text)])
        return _of_files(connection, contract, files, _least_rows(contract))


def _least_rows(contract: Table) -> list[Expected]:
    least = 0 if contract.name in MAY_BE_EMPTY else 1
    return [Expected("rows", least, None, f"{contract.name}: expect at least {least} rows: {{n}} rows")]


def _lake_table(
    connection: duckdb.DuckDBPyConnection, home: Home, load: LoadManifest, contract: Table, timezone: str
) -> TableVerdict:
    totals, name = load.totals[contract.name], contract.name
    files = sorted((home.lake / name / f"load={load.name}").glob("*.parquet"))
    text = f"{name}: expect the {totals.rows_used} rows of the manifest: {{n}} rows"
    rows = Expected("rows", totals.rows_used, totals.rows_used, text)
    if not files:
        return _judged(name, {"rows": 0}, [rows])
    return _of_files(connection, contract, files, [rows], _lake_metrics(contract, load, timezone))


def _lake_metrics(contract: Table, load: LoadManifest, timezone: str) -> list[Metric]:
    name = contract.name
    outside = f"known_on NOT BETWEEN DATE '{load.first_day}' AND DATE '{load.last_day}'"
    day = f"known_on <> ({contract.knowledge_time} AT TIME ZONE '{timezone}')::DATE"
    metrics = [
        count_where("outside_load", outside, f"{name}.known_on: expect days of load {load.name}"),
        count_where("known_on__wrong", day, f"{name}.known_on: expect the business day of {contract.knowledge_time}"),
    ]
    if name in CUSTOMER_TABLES:
        bucket = f"('0x' || left(customer_key, 8))::BIGINT % {load.buckets}"
        wrong = f"{bucket} <> regexp_extract(filename, 'bucket=(\\d+)\\.parquet$', 1)::BIGINT"
        metrics.append(count_where("wrong_bucket", wrong, f"{name}.customer_key: expect the bucket of its file"))
    if contract.money_columns:
        cents = " + ".join(f"coalesce(sum(({column} * 100)::BIGINT), 0)" for column in contract.money_columns)
        sql = f"{cents} - {load.totals[name].cents_used}"
        metrics.append(Metric("cents_off", sql, f"{name}: expect the cents of the manifest: off by {{n}}"))
    return metrics


def _of_files(
    connection: duckdb.DuckDBPyConnection,
    contract: Table,
    files: list[Path],
    rows: list[Expected],
    extra: list[Metric] | None = None,
) -> TableVerdict:
    """Each file's schema is checked by itself, since DuckDB takes types from the first; then all are one table."""
    for file in files:
        schema = pq.read_schema(file)
        if schema_faults(contract, schema):
            return _verdict(connection, contract, Source(f"read_parquet('{file.as_posix()}')", schema), rows, [])
    listed = ", ".join(f"'{file.as_posix()}'" for file in files)
    source = Source(f"read_parquet([{listed}], hive_partitioning = false)", pq.read_schema(files[0]), tuple(files))
    return _verdict(connection, contract, source, rows, extra or [])


def _verdict(
    connection: duckdb.DuckDBPyConnection, contract: Table, source: Source, rows: list[Expected], extra: list[Metric]
) -> TableVerdict:
    faults = schema_faults(contract, source.schema)
    metrics = contract_metrics(contract, source.schema) + extra
    measured = measure(connection, source, metrics)
    shown = "; ".join(faults).replace("{", "{{").replace("}", "}}")
    rule = f"{contract.name}: expect exactly the {len(contract.columns)} columns of the contract, each with its type"
    columns = Expected("schema_faults", 0, 0, shown, f"{rule} ({shown})" if faults else rule)
    expected = [columns, *rows, *(none_of(metric) for metric in metrics)]
    return _judged(contract.name, measured | {"schema_faults": len(faults)}, expected)


def _judged(table: str, measured: dict[str, int], expected: list[Expected]) -> TableVerdict:
    judgement = judge(table, measured, expected)
    failed = judgement.failed
    return TableVerdict(table, not failed, measured.get("rows", 0), len(expected), failed, results=judgement.results)
