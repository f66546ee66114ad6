"""Writing what was judged: bucket files of accepted rows, the quarantine file, and the totals that must reconcile.

Belongs here: lake columns from landing columns, order of rows, reconciliation. Does not belong here: any verdict
(``ingest.judge``), or where the files finally stand (``ingest.load``).

Rows of customer tables are sorted by customer, event time, key and knowledge time, so that one customer's history is
read from one place; the others by key and knowledge time. The order is total, so the bytes do not depend on the order
of the input.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa

from tierline.errors import IntegrityError
from tierline.ingest.judge import owner_join
from tierline.ingest.rules import business_day
from tierline.lake import SQL_TYPES, TableTotals, scan
from tierline.parquet import described_schema, write_arrow
from tierline.schemas import LAKE, Column, Table
from tierline.schemas.lake import CUSTOMER_TABLES, PSEUDONYMISED

BATCH_ROWS = 100_000
PASS_ROWS = 1_500_000
EVENT_DAYS = {"occurred_on": "occurred_at", "paid_on": "paid_at"}


def write_accepted(
    connection: duckdb.DuckDBPyConnection, contract: Table, directory: Path, timezone: str, buckets: int
) -> list[Path]:
    """Write the accepted rows of ``staged`` below ``directory``; return the files made, none for no rows."""
    schema = described_schema(LAKE[contract.name])
    split = contract.name in CUSTOMER_TABLES
    written = []
    for condition in _passes(connection, buckets) if split else [""]:
        reader = connection.sql(_accepted_sql(contract, timezone, condition)).to_arrow_reader(BATCH_ROWS)
        for bucket, data in _by_bucket(reader):
            path = directory / (f"bucket={bucket:03d}.parquet" if split else "all.parquet")
            write_arrow(path, data.cast(schema))
            written.append(path)
    for path in written:
        _flush(path)
    return written


def write_quarantine(connection: duckdb.DuckDBPyConnection, contract: Table, path: Path, timezone: str) -> bool:
    """Write the rejected rows of ``staged`` with source file and failed rules; False where there are none.

    Identifiers stand as pseudonyms and other personal columns are dropped, as in the lake. A value that could not be
    read, or is not a word of its vocabulary, is null: shifted columns could put a name there.
    """
    lake = LAKE[contract.name]
    columns = ", ".join(_quarantine_column(contract, column, timezone) for column in lake.columns)
    order = ", ".join(f"{name} NULLS FIRST" for name in ("source_file", *lake.column_names, "failed_rules"))
    result = connection.sql(
        f"SELECT * FROM (SELECT {columns}, source_file, failed_rules FROM staged"
        f" JOIN rejected ON rejected.row = staged.rowid JOIN source_files USING (file_id)"
        f" {owner_join(contract)} {_other_joins(contract)}) ORDER BY {order}"
    )
    data = result.to_arrow_table()
    if data.num_rows:
        fields = [column.arrow_field.with_nullable(True) for column in lake.columns]
        fields += [pa.field("source_file", pa.string()), pa.field("failed_rules", pa.list_(pa.string()))]
        write_arrow(path, data.cast(pa.schema(fields)).combine_chunks())
        _flush(path)
    return bool(data.num_rows)


def reconcile(
    connection: duckdb.DuckDBPyConnection, contract: Table, accepted: list[Path], quarantine: Path
) -> TableTotals:
    """Totals of ``staged`` against the files written; ``IntegrityError`` where in ≠ used + duplicate + quarantined."""
    rows_in, cents_in = _totals(connection, contract, "staged")
    rows_used, cents_used = _totals(connection, contract, scan(accepted) if accepted else "")
    held = scan([quarantine]) if quarantine.exists() else ""
    rows_quarantined, cents_quarantined = _totals(connection, contract, held)
    repeated = "staged SEMI JOIN duplicates ON duplicates.row = staged.rowid"
    rows_duplicate, cents_duplicate = _totals(connection, contract, repeated)
    if rows_in != rows_used + rows_duplicate + rows_quarantined:
        raise IntegrityError(
            f"{contract.name}: {rows_in} rows in, but {rows_used} used + {rows_duplicate} duplicate"
            f" + {rows_quarantined} quarantined"
        )
    if cents_in != cents_used + cents_duplicate + cents_quarantined:
        raise IntegrityError(
            f"{contract.name}: {cents_in} cents in, but {cents_used} used + {cents_duplicate} duplicate"
            f" + {cents_quarantined} quarantined"
        )
    return TableTotals(
        rows_in=rows_in,
        rows_used=rows_used,
        rows_duplicate=rows_duplicate,
        rows_quarantined=rows_quarantined,
        cents_in=cents_in,
        cents_used=cents_used,
        cents_duplicate=cents_duplicate,
        cents_quarantined=cents_quarantined,
        cents_unreadable_rows=_unreadable_money(connection, contract),
    )


def _passes(connection: duckdb.DuckDBPyConnection, buckets: int) -> list[str]:
    """Conditions that cut the buckets into passes of about ``PASS_ROWS`` rows: what is sorted at once is bounded."""
    rows = int(connection.execute("SELECT count(*) FROM staged").fetchall()[0][0])
    passes = max(1, min(buckets, -(-rows // PASS_ROWS)))
    edges = [number * buckets // passes for number in range(passes + 1)]
    return [f"WHERE owner.bucket >= {low} AND owner.bucket < {high}" for low, high in pairwise(edges)]


def _accepted_sql(contract: Table, timezone: str, condition: str) -> str:
    lake = LAKE[contract.name]
    split = contract.name in CUSTOMER_TABLES
    columns = ", ".join(f"{_lake_value(contract, column, timezone)} AS {column.name}" for column in lake.columns)
    bucket = "owner.bucket" if split else "0"
    order = [*(["bucket"] if split else []), *lake_order(lake)]
    return (
        f"SELECT {bucket} AS bucket, {columns} FROM staged"
        f" ANTI JOIN (SELECT row FROM rejected UNION ALL SELECT row FROM duplicates) AS excluded"
        f" ON excluded.row = staged.rowid {owner_join(contract)} {_other_joins(contract)}"
        f" {condition} ORDER BY {', '.join(order)}"
    )


def lake_order(lake: Table) -> list[str]:
    """Columns that lake files are sorted by: a total order."""
    order = ["customer_key", str(lake.event_time)] if lake.name in CUSTOMER_TABLES else []
    return order + [name for name in (*lake.key, str(lake.knowledge_time)) if name not in order]


def _lake_value(contract: Table, column: Column, timezone: str) -> str:
    name = column.name
    if name == "customer_key":
        return "owner.customer_key"
    if name in PSEUDONYMISED.values():
        return f"{name}s.customer_key"
    if name == "birth_year":
        return "year(staged.birth_date)::INTEGER"
    if name == "known_on":
        return business_day(f"staged.{contract.knowledge_time}", timezone)
    if name in EVENT_DAYS:
        return business_day(f"staged.{EVENT_DAYS[name]}", timezone)
    return f"staged.{name}::{SQL_TYPES[column.kind]}"


def _quarantine_column(contract: Table, column: Column, timezone: str) -> str:
    value = _lake_value(contract, column, timezone)
    if column.allowed:
        words = ", ".join(f"'{word}'" for word in column.allowed)
        value = f"CASE WHEN {value} IN ({words}) THEN {value} END"
    # A rejected count or year may not fit its lake type.
    return f"TRY({value}) AS {column.name}"


def _other_joins(contract: Table) -> str:
    """SQL that joins ``staged`` to the pseudonyms of others than the customer, one alias for each."""
    there = {name: f"{key}s" for name, key in PSEUDONYMISED.items() if name in contract.column_names}
    return " ".join(f"LEFT JOIN pseudonyms AS {alias} ON {alias}.id = staged.{name}" for name, alias in there.items())


def _by_bucket(reader: pa.RecordBatchReader) -> Iterator[tuple[int, pa.Table]]:
    """Cut a stream sorted by ``bucket`` into one Arrow table per bucket: memory is bounded by the largest."""
    pending: list[pa.RecordBatch] = []
    current = -1
    for batch in (part for part in reader if part.num_rows):
        start = 0
        for end in [*_changes(batch), batch.num_rows]:
            bucket = batch.column("bucket")[start].as_py()
            if pending and bucket != current:
                yield current, _drain(pending)
            current = bucket
            pending.append(batch.slice(start, end - start))
            start = end
    if pending:
        yield current, _drain(pending)


def _drain(pending: list[pa.RecordBatch]) -> pa.Table:
    """One table in one chunk, so that how DuckDB cuts its batches does not show in the bytes; lets go of the parts."""
    table = pa.Table.from_batches(pending).drop_columns(["bucket"]).combine_chunks()
    pending.clear()
    return table


def _changes(batch: pa.RecordBatch) -> list[int]:
    values = batch.column("bucket").to_numpy()
    return [int(index) + 1 for index in (values[1:] != values[:-1]).nonzero()[0]]


def _totals(connection: duckdb.DuckDBPyConnection, contract: Table, source: str) -> tuple[int, int]:
    """Rows and cents of all money columns; summed as integers, so exactly."""
    if not source:
        return 0, 0
    cents_of = " + ".join(f"coalesce(sum(({name} * 100)::BIGINT), 0)" for name in contract.money_columns) or "0"
    rows, cents = connection.execute(f"SELECT count(*), {cents_of} FROM {source}").fetchall()[0]
    return int(rows), int(cents)


def _unreadable_money(connection: duckdb.DuckDBPyConnection, contract: Table) -> int:
    words = ", ".join(f"'unparseable:{name}'" for name in contract.money_columns)
    if not words:
        return 0
    counted = connection.execute(f"SELECT count(*) FROM rejected WHERE list_has_any(failed_rules, [{words}])")
    return int(counted.fetchall()[0][0])


def _flush(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())
