"""Reading a mapping's files into DuckDB, and then shutting the door.

Belongs here: opening, typing and hashing the mapped files, and the locked session the SELECTs run in. Does not belong
here: the SELECTs and what they give (``check``).

Files are read once, into tables named by their alias, before any SELECT runs; then file access is switched off and the
configuration locked, so that a mapping can read nothing but the files it declares. One thread, so that the same files
give the same rows in the same order, sums of DOUBLE included.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from tierline.engine import session
from tierline.errors import Fault
from tierline.sources.mapping.casts import sql_name, sql_text, strict_cast
from tierline.sources.mapping.spec import Mapping, SourceFile

FileFaults = dict[str, list[Fault]]
_QUOTED = re.compile(r"'[^']*'")


@contextmanager
def mapped_session(mapping: Mapping, data: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, FileFaults]]:
    """A locked session with one table per readable file; faults by alias for the others."""
    with session() as connection:
        connection.execute("SET threads = 1")
        faults = {alias: _load(connection, alias, file, data) for alias, file in mapping.files.items()}
        connection.execute("CREATE SCHEMA mapped")
        for statement in (
            "python_enable_replacements = false",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            connection.execute(f"SET {statement}")
        yield connection, faults


def first_line(error: duckdb.Error) -> str:
    """DuckDB's message in one line with every quoted text masked: it may be a value, and a value may be personal."""
    return _QUOTED.sub("'…'", str(error).splitlines()[0])


def _load(connection: duckdb.DuckDBPyConnection, alias: str, file: SourceFile, data: Path) -> list[Fault]:
    path = data / file.file
    if not path.is_file():
        return [Fault(file.file, "", "missing_file", f"put it into the data folder, or correct files.{alias}.file")]
    if path.stat().st_size == 0:
        return [Fault(file.file, "", "empty_file", "deliver it again: it holds no bytes")]
    try:
        header = _csv_header(path, file) if file.format == "csv" else None
        scan = f"read_parquet({sql_text(path.as_posix())}, hive_partitioning = false)"
        connection.execute(
            f"CREATE TABLE {sql_name(alias)} AS FROM {scan if header is None else _csv_scan(path, file, header)}"
        )
    except (UnicodeDecodeError, csv.Error) as error:
        return [
            Fault(
                file.file, "", "unreadable_csv", f"check files.{alias}.encoding and delimiter ({type(error).__name__})"
            )
        ]
    except duckdb.Error as error:
        action = f"deliver it again, or correct files.{alias} ({_reason(error)})"
        return [Fault(file.file, "", f"unreadable_{file.format}", action)]
    return _apply_types(connection, alias, file)


def _csv_header(path: Path, file: SourceFile) -> list[str]:
    encoding = "utf-8-sig" if file.encoding == "utf-8" else file.encoding
    with path.open(encoding=encoding, newline="") as handle:
        header = next(csv.reader(handle, delimiter=file.delimiter, quotechar=file.quote, strict=True), [""])
    lowered = [name.lower() for name in header]
    if not header or len(set(lowered)) < len(lowered) or "" in lowered:
        raise csv.Error("a column name is empty or stands twice")
    return header


def _csv_scan(path: Path, file: SourceFile, header: list[str]) -> str:
    columns = ", ".join(f"{sql_text(name)}: 'VARCHAR'" for name in header)
    nulls = ", ".join(sql_text(value) for value in dict.fromkeys(["", *file.null_values]))
    return (
        f"read_csv({sql_text(path.as_posix())}, columns = {{{columns}}}, header = true, auto_detect = false,"
        f" delim = {sql_text(file.delimiter)}, quote = {sql_text(file.quote)}, escape = {sql_text(file.quote)},"
        f" nullstr = [{nulls}], encoding = '{file.encoding}', hive_partitioning = false)"
    )


def _reason(error: duckdb.Error) -> str:
    """Line number and column counts of a CSV error; its other lines quote the data."""
    kept = [line for line in str(error).splitlines() if re.match(r"Expected Number|CSV Error on Line", line)]
    return ", ".join(kept) or first_line(error)


def _apply_types(connection: duckdb.DuckDBPyConnection, alias: str, file: SourceFile) -> list[Fault]:
    table = sql_name(alias)
    described = connection.execute(f"DESCRIBE {table}").fetchall()
    present = {str(name): str(sql_type) for name, sql_type, *_ in described}
    faults = []
    for column, sql_type in file.types.items():
        if column not in present:
            action = f"files.{alias}.types names it, the file has {', '.join(present)}"
            faults.append(Fault(file.file, column, "missing_column", action))
            continue
        name = sql_name(column)
        value = strict_cast(name, present[column], sql_type)
        bad = count(connection, f"SELECT count(*) FROM {table} WHERE {name} IS NOT NULL AND ({value}) IS NULL")
        if bad:
            action = f"{bad} values cannot be read as {sql_type}: mend the file, files.{alias}.types or null_values"
            faults.append(Fault(file.file, column, "unparseable", action))
        connection.execute(f"ALTER TABLE {table} ALTER {name} TYPE {sql_type} USING {value}")
    if not faults and not count(connection, f"SELECT count(*) FROM {table}"):
        faults.append(Fault(file.file, "", "empty_file", "it holds a header but no rows"))
    return faults


def count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    """The single integer a query gives."""
    # fetchall, not fetchone: DuckDB refuses other work on a connection with an unfinished result.
    return int(connection.execute(query).fetchall()[0][0])
