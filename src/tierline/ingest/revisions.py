"""The index of replaced versions: what spares every reader the grouping of all keys.

Belongs here: making and keeping up ``revisions/``. Does not belong here: reading it (``tierline.lake``).

The index is derived: it names the loads it covers, and where those are not the present ones a reader does without it.
Work is by bucket, so that the keys of one bucket at a time are in memory.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tierline.home import FILE_MODE, make_directory, replace_file
from tierline.lake import Lake, scan
from tierline.schemas import LAKE, Table
from tierline.schemas.lake import CUSTOMER_TABLES
from tierline.sql import quoted

EVENT_ON = {
    "customers": "registered_on",
    "transactions": "occurred_on",
    "loans": "originated_on",
    "instalments": "due_on",
    "repayments": "paid_on",
    "outcomes": "observed_on",
}


@dataclass(frozen=True)
class _Part:
    """One file of the index."""

    table: str
    bucket: int | None
    path: Path


def update_revisions(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Bring the index up to the present loads: from the keys of the new loads if all older ones stand as they were."""
    made_of = lake.root / "revisions" / "made_of.json"
    present = lake.contents()
    covered = _covered(made_of)
    if covered == present:
        return
    last = max((load.last_day for load in lake.loads() if load.name in covered), default=None)
    new = [load for load in lake.loads() if load.name not in covered]
    onward = bool(covered) and covered.items() <= present.items() and last is not None
    onward = onward and all(load.first_day > last for load in new if last is not None)
    made_of.unlink(missing_ok=True)
    for part in _parts(lake):
        files = lake.files(part.table, part.bucket)
        fresh = [path for path in files if path.parent.name.removeprefix("load=") not in covered]
        if not onward:
            _write(connection, part, _revisions_sql(LAKE[part.table], files, files))
        elif fresh:
            _write(connection, part, _renewed_sql(LAKE[part.table], part.path, files, fresh))
    replace_file(made_of, json.dumps(present, indent=1, sort_keys=True).encode())


def rename_loads(lake: Lake, covered: dict[str, str]) -> None:
    """Let an index that covered the loads ``covered`` stand for the present ones, which hold the same rows."""
    made_of = lake.root / "revisions" / "made_of.json"
    if _covered(made_of) == covered:
        replace_file(made_of, json.dumps(lake.contents(), indent=1, sort_keys=True).encode())


def _covered(made_of: Path) -> dict[str, str]:
    try:
        found = json.loads(made_of.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _parts(lake: Lake) -> list[_Part]:
    parts = []
    for table in LAKE:
        directory = lake.root / "revisions" / table
        for bucket in range(lake.buckets) if table in CUSTOMER_TABLES else [None]:
            name = "all.parquet" if bucket is None else f"bucket={bucket:03d}.parquet"
            parts.append(_Part(table, bucket, directory / name))
    return parts


def _revisions_sql(contract: Table, files: list[Path], fresh: list[Path]) -> str:
    """Replaced versions of the keys in ``fresh``, each with the day its successor became known."""
    if not files:
        return ""
    key, knowledge = ", ".join(contract.key), contract.knowledge_time
    names = [*contract.key, str(knowledge)]
    more = []
    if contract.name in CUSTOMER_TABLES:
        more = [
            *(["customer_key"] if "customer_key" not in contract.key else []),
            f"{EVENT_ON[contract.name]} AS event_on",
        ]
    known = f"(SELECT {', '.join([*names, 'known_on', *more])} FROM {scan(files)})"
    within = "" if fresh == files else f"SEMI JOIN (SELECT {key} FROM {scan(fresh)}) USING ({key})"
    repeated = f"(SELECT {key} FROM {known} {within} GROUP BY {key} HAVING count(*) > 1)"
    listed = ", ".join([*names, "replaced_on", *(item.split(" AS ")[-1] for item in more)])
    return (
        f"SELECT {listed} FROM (SELECT *, lead(known_on) OVER (PARTITION BY {key} ORDER BY {knowledge}) AS replaced_on"
        f" FROM {known} SEMI JOIN {repeated} USING ({key})) WHERE replaced_on IS NOT NULL"
        f" ORDER BY {key}, {knowledge}"
    )


def _renewed_sql(contract: Table, held: Path, files: list[Path], fresh: list[Path]) -> str:
    """What the index held, with the keys of ``fresh`` made anew."""
    sql = _revisions_sql(contract, files, fresh)
    if not held.exists():
        return sql
    key = ", ".join(contract.key)
    return (
        f"SELECT * FROM (SELECT * FROM {scan([held])} ANTI JOIN (SELECT {key} FROM {scan(fresh)}) USING ({key})"
        f" UNION ALL BY NAME ({sql})) ORDER BY {key}, {contract.knowledge_time}"
    )


def _write(connection: duckdb.DuckDBPyConnection, part: _Part, sql: str) -> None:
    """Write one file of the index; none where nothing was replaced."""
    partial = part.path.with_name(f".{part.path.name}.partial")
    rows = 0
    if sql:
        make_directory(part.path.parent)
        rows = connection.execute(f"COPY ({sql}) TO {quoted(partial.as_posix())} (FORMAT parquet)").fetchall()[0][0]
    if rows:
        partial.chmod(FILE_MODE)
        partial.replace(part.path)
    else:
        partial.unlink(missing_ok=True)
        part.path.unlink(missing_ok=True)
