"""The first look into each file: can it be read, and does it have the contract's columns and types?

Belongs here: faults of a file as a whole. They are found before anything is written, all of them, and before any union
of files, because DuckDB takes types from the first file. Does not belong here: faults of rows (``ingest.rules``).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tierline.config import Settings
from tierline.errors import Fault
from tierline.ingest.casts import NAIVE_PATTERN, type_fault
from tierline.ingest.landing import DayFile
from tierline.schemas import LANDING, Kind, Table
from tierline.sql import quoted

Signature = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SourceFile:
    """A file that may be read: its rows and its columns in file order; ``schema`` is None for CSV."""

    file: DayFile
    rows: int
    columns: tuple[str, ...]
    schema: pa.Schema | None

    @property
    def signature(self) -> Signature:
        """Files with the same signature can be read by one query."""
        if self.schema is None:
            return tuple((name, "csv") for name in self.columns)
        return tuple(sorted((field.name, str(field.type)) for field in self.schema))


def inspect_files(
    connection: duckdb.DuckDBPyConnection, files: list[DayFile], settings: Settings
) -> tuple[list[SourceFile], list[Fault]]:
    """Open every file; return those that keep their contract, and the faults of the others and of empty days."""
    sources: list[SourceFile] = []
    faults: list[Fault] = []
    for file in files:
        found = _open_csv(connection, file) if file.path.suffix == ".csv" else _open_parquet(file)
        if isinstance(found, Fault):
            faults.append(found)
            continue
        faults += column_faults(found, settings)
        sources.append(found)
    if not faults:
        faults = _naive_csv(connection, sources) + _empty_days(sources, settings)
    return sources, faults


def _open_parquet(file: DayFile) -> SourceFile | Fault:
    if file.path.stat().st_size == 0:
        return Fault(file.name, "", "empty_file", "deliver it again: zero bytes is not even an empty table")
    try:
        metadata = pq.read_metadata(file.path)
        schema = metadata.schema.to_arrow_schema()
    except (pa.ArrowException, OSError) as error:
        return corrupt(file, error)
    return SourceFile(file, metadata.num_rows, tuple(schema.names), schema)


def _open_csv(connection: duckdb.DuckDBPyConnection, file: DayFile) -> SourceFile | Fault:
    if file.path.stat().st_size == 0:
        return Fault(file.name, "", "empty_file", "deliver it again: a CSV file has at least its header line")
    try:
        with file.path.open(encoding="utf-8-sig", newline="") as handle:
            columns = tuple(next(csv.reader(handle, strict=True), []))
        if len(set(columns)) < len(columns):
            return SourceFile(file, 0, columns, None)
        counted = connection.execute(f"SELECT count(*) FROM {csv_scan([file], columns)}").fetchone()
    except (UnicodeDecodeError, csv.Error, duckdb.Error) as error:
        return corrupt(file, error)
    return SourceFile(file, int(counted[0]) if counted else 0, columns, None)


def csv_scan(files: list[DayFile], columns: tuple[str, ...]) -> str:
    """SQL of CSV files with the same header, every column as text."""
    listed = ", ".join(quoted(file.path.as_posix()) for file in files)
    names = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in columns)
    return (
        f"read_csv([{listed}], columns = {{{names}}}, header = true, auto_detect = false, delim = ',',"
        " quote = '\"', escape = '\"', encoding = 'utf-8', hive_partitioning = false)"
    )


def corrupt(file: DayFile, error: Exception) -> Fault:
    """The fault of a file that cannot be read; the library's first line says where it broke."""
    rule = "unreadable_csv" if file.path.suffix == ".csv" else "corrupt_parquet"
    lines = str(error).splitlines() or [type(error).__name__]
    reason = lines[0].replace(str(file.path), "the file").rstrip(".")
    return Fault(file.name, "", rule, f"deliver it again ({reason})")


def column_faults(source: SourceFile, settings: Settings) -> list[Fault]:
    """Columns that are missing, extra, repeated or of another type."""
    contract, name = LANDING[source.file.table], source.file.name
    ignored = settings.ignored_columns.get(contract.name, [])
    faults: list[Fault] = []
    lowered = [column.lower() for column in source.columns]
    for column in sorted({column for column in source.columns if lowered.count(column.lower()) > 1}):
        faults.append(Fault(name, column, "duplicate_column", "name each column once, upper and lower case alike"))
    for column in contract.column_names:
        if column not in source.columns and not contract[column].optional:
            faults.append(Fault(name, column, "missing_column", "deliver the file with this column"))
    for column in source.columns:
        if column not in contract.column_names and column not in ignored:
            action = f"take it out, or name it in ignored_columns.{contract.name}"
            faults.append(Fault(name, column, "extra_column", action))
    return faults + _type_faults(source, contract)


def _type_faults(source: SourceFile, contract: Table) -> list[Fault]:
    if source.schema is None:
        return []
    faults = []
    for column in contract.columns:
        for index in source.schema.get_all_field_indices(column.name):
            found = type_fault(column, source.schema.field(index).type)
            if found is not None:
                faults.append(Fault(source.file.name, column.name, *found))
    return faults


def _naive_csv(connection: duckdb.DuckDBPyConnection, sources: list[SourceFile]) -> list[Fault]:
    faults = []
    for source in (item for item in sources if item.schema is None):
        for column in LANDING[source.file.table].columns:
            if column.kind is not Kind.TIMESTAMP:
                continue
            scan = csv_scan([source.file], source.columns)
            condition = f"regexp_full_match(\"{column.name}\", '{NAIVE_PATTERN}')"
            found = connection.execute(f"SELECT count(*) FROM {scan} WHERE {condition}").fetchone()
            if found and found[0]:
                action = f"{found[0]} values without an offset: write ISO 8601 with one, such as 2026-01-31T08:00:00Z"
                faults.append(Fault(source.file.name, column.name, "naive_timestamp", action))
    return faults


def _empty_days(sources: list[SourceFile], settings: Settings) -> list[Fault]:
    rows: dict[tuple[str, date], int] = {}
    for source in sources:
        partition = (source.file.table, source.file.day)
        rows[partition] = rows.get(partition, 0) + source.rows
    faults = []
    for (table, day), count in rows.items():
        least = LANDING[table].min_rows_per_day
        if count < least and day not in settings.waived_days.get(table, []):
            action = f"{count} rows, at least {least} expected: deliver the day, or name it in waived_days.{table}"
            faults.append(Fault(f"{table}/date={day.isoformat()}", "", "empty_day", action))
    return faults
