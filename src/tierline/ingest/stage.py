"""Typed rows of one table, with the rules each breaks by itself: the table ``staged`` of a DuckDB session.

Belongs here: reading groups of files of the same shape in one query each. Does not belong here: rules that look at
other rows (``ingest.judge``).
"""

from __future__ import annotations

from itertools import groupby

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tierline.errors import Fault, InputError, IntegrityError
from tierline.ingest.casts import STAGED_TYPES, Cast, csv_cast, parquet_cast
from tierline.ingest.files import SourceFile, corrupt, csv_scan
from tierline.ingest.rules import Rule, row_rules
from tierline.schemas import Table
from tierline.sql import quoted


def stage_table(
    connection: duckdb.DuckDBPyConnection, contract: Table, sources: list[SourceFile], timezone: str
) -> int:
    """Make ``staged`` (landing columns, ``file_id``, ``rules``) and ``source_files``; return the number of rows.

    ``rules`` is NULL for a row without fault. Raises ``InputError`` naming the file whose pages cannot be read, and
    ``IntegrityError`` if the rows read are not those the files declare.
    """
    ordered = sorted(sources, key=lambda source: (source.signature, source.columns, source.file.name))
    _register_files(connection, ordered)
    parts, start = [], 0
    for _, group in groupby(ordered, key=lambda source: (source.signature, source.columns)):
        members = list(group)
        parts.append(_group_sql(contract, members, start, timezone))
        start += len(members)
    body = " UNION ALL ".join(parts) if parts else _nothing_sql(contract)
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE staged AS {body}")
    except duckdb.Error as error:
        raise _locate(ordered, error) from error
    rows = int(connection.execute("SELECT count(*) FROM staged").fetchall()[0][0])
    declared = sum(source.rows for source in ordered)
    if rows != declared:
        raise IntegrityError(f"{contract.name}: {rows} rows read, but the landing files hold {declared}")
    return rows


def _register_files(connection: duckdb.DuckDBPyConnection, ordered: list[SourceFile]) -> None:
    listed = pa.table(
        {
            "file_id": pa.array(range(len(ordered)), pa.int32()),
            "partition_day": pa.array([source.file.day for source in ordered], pa.date32()),
            "source_file": pa.array([source.file.name for source in ordered], pa.string()),
        }
    )
    connection.register("listed_files", listed)
    connection.execute("CREATE OR REPLACE TEMP TABLE source_files AS SELECT * FROM listed_files")
    connection.unregister("listed_files")


def _group_sql(contract: Table, members: list[SourceFile], start: int, timezone: str) -> str:
    casts = {column.name: _cast(contract, column.name, members[0]) for column in contract.columns}
    # An unreadable value is judged beside the raw column; the flag carries the verdict to the outer query.
    flags = {name: f"{name}__unreadable" for name, cast in casts.items() if cast.unreadable}
    rules = row_rules(contract, flags, timezone)
    typed = [f"{cast.value} AS {name}" for name, cast in casts.items()]
    typed += [f"coalesce({casts[name].unreadable}, false) AS {flag}" for name, flag in flags.items()]
    inner = f"SELECT (file_index + {start})::INTEGER AS file_id, {', '.join(typed)} FROM {_scan(members)}"
    columns = ", ".join(contract.column_names)
    return (
        f"SELECT file_id, {columns}, {_verdict(rules)} AS rules"
        f" FROM ({inner}) AS typed JOIN source_files USING (file_id)"
    )


def _cast(contract: Table, name: str, source: SourceFile) -> Cast:
    if name not in source.columns:  # optional, or the file would have been refused
        return Cast(f"NULL::{STAGED_TYPES[contract[name].kind]}")
    if source.schema is None:
        return csv_cast(contract[name])
    return parquet_cast(contract[name], source.schema.field(name).type)


def _scan(members: list[SourceFile]) -> str:
    if members[0].schema is None:
        return csv_scan([source.file for source in members], members[0].columns)
    listed = ", ".join(quoted(source.file.path.as_posix()) for source in members)
    return f"read_parquet([{listed}], hive_partitioning = false)"


def _verdict(rules: list[Rule]) -> str:
    """One cheap test for every row; the list of words is made only for rows that fail it."""
    broken = " OR ".join(f"({rule.broken})" for rule in rules)
    words = ", ".join(f"CASE WHEN {rule.broken} THEN '{rule.word}' END" for rule in rules)
    return f"CASE WHEN {broken} THEN list_filter([{words}], lambda word: word IS NOT NULL) END"


def _nothing_sql(contract: Table) -> str:
    columns = ", ".join(f"NULL::{STAGED_TYPES[column.kind]} AS {column.name}" for column in contract.columns)
    return f"SELECT NULL::INTEGER AS file_id, {columns}, NULL::VARCHAR[] AS rules WHERE false"


def _locate(sources: list[SourceFile], error: duckdb.Error) -> Exception:
    """The fault of the first file that cannot be read to its end; DuckDB does not always name it."""
    for source in sources:
        if source.schema is None:
            continue
        try:
            pq.read_table(source.file.path, partitioning=None)
        except (pa.ArrowException, OSError) as broken:
            return InputError([corrupt(source.file, broken)])
    lines = str(error).splitlines()
    table = sources[0].file.table if sources else "landing"
    return InputError([Fault(table, "", "unreadable", f"deliver its files again ({lines[0]})")])
