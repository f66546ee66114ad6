"""Merging small loads, so that the number of files stays bounded however long the lender has been fed.

Belongs here: which loads are merged, and doing it so that a reader sees the old loads or the merged one, never both or
neither. Does not belong here: making a load from landing files (``ingest.load``).

A closed month becomes one load; within the month, seven loads of a day become one. The newest load is left alone. The
merged load is written aside and moved into place; then its manifest appears, which names the loads it replaces: from
that moment they do not exist for a reader, and their files are removed.
"""

from __future__ import annotations

import logging
import shutil
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa

from tierline.home import make_directory, replace_file
from tierline.ingest.revisions import rename_loads
from tierline.ingest.write import lake_order
from tierline.lake import Lake, LoadManifest, rows_of, sum_totals
from tierline.months import month_end
from tierline.parquet import described_schema, read_arrow, write_arrow
from tierline.schemas import LAKE, LANDING

WEEK = 7
LOGGER = logging.getLogger("tierline")


def compact(connection: duckdb.DuckDBPyConnection, lake: Lake, staging: Path) -> list[str]:
    """Merge what is due; returns the names of the merged loads."""
    merged = []
    for group in due(lake.loads()):
        covered = lake.contents()
        manifest = _merge(connection, lake, staging, group)
        rename_loads(lake, covered)
        remove_replaced(lake)
        LOGGER.info("ingest: %d loads merged into %s", len(group), manifest.name)
        merged.append(manifest.name)
    return merged


def due(loads: list[LoadManifest]) -> list[list[LoadManifest]]:
    """Groups of adjoining loads to merge: those of a closed month, or seven days of one month."""
    if not loads:
        return []
    newest = loads[-1].last_day
    months: dict[tuple[int, int], list[LoadManifest]] = {}
    for load in loads[:-1]:
        if (load.first_day.year, load.first_day.month) == (load.last_day.year, load.last_day.month):
            months.setdefault((load.first_day.year, load.first_day.month), []).append(load)
    groups = []
    for members in months.values():
        whole = members[0].first_day.day == 1 and members[-1].last_day == month_end(members[-1].last_day) < newest
        days = [load for load in members if load.first_day == load.last_day]
        if whole and len(members) > 1 and _adjoining(members):
            groups.append(members)
        elif len(days) >= WEEK and _adjoining(days[:WEEK]):
            groups.append(days[:WEEK])
    return groups


def _adjoining(loads: list[LoadManifest]) -> bool:
    return all(late.first_day == early.last_day + timedelta(days=1) for early, late in pairwise(loads))


def _merge(connection: duckdb.DuckDBPyConnection, lake: Lake, staging: Path, group: list[LoadManifest]) -> LoadManifest:
    manifest = LoadManifest(
        first_day=group[0].first_day,
        last_day=group[-1].last_day,
        buckets=group[0].buckets,
        files=sorted((file for load in group for file in load.files), key=lambda file: file.path),
        totals=sum_totals(group),
        replaces=[load.name for load in group],
    )
    aside = staging / manifest.name
    if aside.exists():
        shutil.rmtree(aside)
    for table in LANDING:
        _merge_table(connection, lake, table, group, aside)
        _merge_quarantine(lake, table, group, aside)
    for table in LANDING:
        _place(aside / table, lake.root / table / f"load={manifest.name}")
        _place(aside / f"{table}.quarantine", lake.root / "quarantine" / table / f"load={manifest.name}.parquet")
    replace_file(lake.root / "loads" / f"{manifest.name}.json", (manifest.model_dump_json(indent=1) + "\n").encode())
    return manifest


def _merge_table(
    connection: duckdb.DuckDBPyConnection, lake: Lake, table: str, group: list[LoadManifest], aside: Path
) -> None:
    """One file at a time: all rows of a bucket, in the order ingest writes."""
    directories = [lake.root / table / f"load={load.name}" for load in group]
    names = sorted({path.name for directory in directories for path in directory.glob("*.parquet")})
    contract = LAKE[table]
    for name in names:
        files = [directory / name for directory in directories if (directory / name).exists()]
        order = ", ".join(lake_order(contract))
        columns = ", ".join(contract.column_names)
        rows = connection.sql(f"SELECT {columns} FROM {rows_of(contract, files)} ORDER BY {order}").to_arrow_table()
        write_arrow(aside / table / name, rows.cast(described_schema(contract)).combine_chunks())


def _merge_quarantine(lake: Lake, table: str, group: list[LoadManifest], aside: Path) -> None:
    paths = [lake.root / "quarantine" / table / f"load={load.name}.parquet" for load in group]
    parts = [read_arrow(path) for path in paths if path.exists()]
    if parts:
        write_arrow(aside / f"{table}.quarantine", pa.concat_tables(parts, promote_options="default").combine_chunks())


def _place(staged: Path, target: Path) -> None:
    """Put a staged file or directory where a crash may have left an earlier try."""
    if target.is_dir():
        shutil.rmtree(target)
    if staged.exists():
        make_directory(target.parent)
        staged.replace(target)


def remove_replaced(lake: Lake) -> None:
    """Remove manifests and files of loads that a merged load has replaced; their manifests go first."""
    present = {path.stem: path for path in sorted((lake.root / "loads").glob("*.json"))}
    gone = set(present) - {load.name for load in lake.loads()}
    for name in sorted(gone):
        present[name].unlink()
    for name in sorted(gone):
        for table in LANDING:
            directory = lake.root / table / f"load={name}"
            if directory.exists():
                shutil.rmtree(directory)
            (lake.root / "quarantine" / table / f"load={name}.parquet").unlink(missing_ok=True)
