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
from tempfile import TemporaryDirectory

import duckdb

from tierline.engine import session
from tierline.errors import Fault
from tierline.sources.mapping.casts import sql_name, sql_text, strict_cast
from tierline.sources.mapping.spec import Mapping, SourceFile

FileFaults = dict[str, list[Fault]]
_ABOUT_SQL = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.PermissionException)


@contextmanager
def mapped_session(mapping: Mapping, data: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, FileFaults]]:
    """A locked session with one table per readable file; faults by alias for the others."""
    with TemporaryDirectory(prefix="tierline-") as spill, session() as connection:
        connection.execute("SET threads = 1")
        # Spilled rows are in clear, as in the files and the landing zone; the folder is ours alone and goes at the end.
        connection.execute(f"SET temp_directory = {sql_text(spill)}")
        faults = {alias: _load(connection, alias, file, data) for alias, file in mapping.files.items()}
        connection.execute("CREATE SCHEMA mapped")
        for statement in (
            "python_enable_replacements = false",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            connection.execute(f"SET {statement}")
        yield connection, faults


def told(error: duckdb.Error) -> str:
    """What may be said of an error in one line: that of SQL whole; of one that quotes data only its kind."""
    return type(error).__name__ if about_data(error) else str(error).splitlines()[0]


def about_data(error: duckdb.Error) -> bool:
    """True unless the error speaks of the SQL alone; its message may then hold a value, which may be personal."""
    return not isinstance(error, _ABOUT_SQL)


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
    """Line number and what was expected there; the rest of a CSV error quotes the data."""
    pattern = r"Error on Line: \d+|Expected Number of Columns: \d+ Found: \d+|file is not [\w-]+ encoded"
    return ", ".join(dict.fromkeys(re.findall(pattern, str(error)))) or told(error)


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


def counts_where(connection: duckdb.DuckDBPyConnection, table: str, conditions: list[str]) -> list[int]:
    """For each condition the rows of ``table`` it is true of, in one pass."""
    if not conditions:
        return []
    counted = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions)
    return [int(value) for value in connection.execute(f"SELECT {counted} FROM {table}").fetchall()[0]]
