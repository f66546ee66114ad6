"""Ingest up to a day: compare the landing zone with the lake and make the loads that are missing or stale.

Belongs here: what the other stages call. Does not belong here: any step of the work itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from tierline.config import Settings
from tierline.engine import session
from tierline.errors import ConfigurationError, InputError
from tierline.home import Home, make_directory, replace_file
from tierline.ingest.compact import compact, remove_replaced
from tierline.ingest.files import SourceFile, inspect_files
from tierline.ingest.landing import find_files, missing_days, undeclared
from tierline.ingest.load import STAGING, LoadJob, clean_up, make_load
from tierline.ingest.plan import PlannedLoad, plan_loads
from tierline.ingest.pseudonyms import load_key, pseudonymise
from tierline.ingest.revisions import update_revisions
from tierline.lake import Lake, LoadManifest, TableTotals, landing_day, sum_totals
from tierline.schemas import LAKE, LANDING, Table
from tierline.schemas.lake import VIA_LOAN
from tierline.sources.info import SourceInfo, read_info
from tierline.sql import quoted

MADE_WITH = "made_with.json"

log = logging.getLogger("tierline")


@dataclass(frozen=True)
class IngestReport:
    """What the lake holds for a night, and what this run added.

    ``loads`` are the complete loads with days up to ``as_of``; ``new`` names those made now, ``merged`` those that
    smaller ones were merged into; ``totals`` sums rows and cents per table over ``loads``; ``warnings`` are lines for
    the reader of the run; ``left_out`` are landing tables the source does not deliver.
    """

    loads: list[LoadManifest]
    new: list[str]
    merged: list[str]
    totals: dict[str, TableTotals]
    warnings: list[str]
    left_out: list[str]


def ingest_through(home: Home, settings: Settings, as_of: date) -> IngestReport:
    """Bring the lake of ``home`` up to the end of ``as_of``; landing days after it are not read.

    Unchanged loads are left alone. Raises ``InputError`` with every fault of a file, before anything is written;
    ``BlockedError`` where too many rows of a table are quarantined; ``ConfigurationError`` where the lake was made with
    another key, time zone, number of buckets or contract; ``IntegrityError`` where rows or cents do not reconcile.
    After any of them the lake holds what it held before.
    """
    info = read_info(home.landing)
    _check_declaration(info, as_of)
    with _exclusive(home.lake):
        key = load_key(home, info)
        made_with = _made_with(settings, key)
        _check_lake(home.lake, settings, made_with)
        remove_replaced(Lake(home.lake))
        clean_up(home.lake)
        with _workshop(home.lake) as connection:
            planned, sources = _survey(connection, home, settings, info, as_of)
            replace_file(home.lake / MADE_WITH, made_with)
            warnings = _undeclared(home, info)
            for load in planned:
                log.info("ingest: load %s: %s", load.name, load.reason)
                members = [source for source in sources if load.holds(source.file.day)]
                warnings += make_load(connection, LoadJob(home, settings, load, key, info.vocabulary), members)
            update_revisions(connection, Lake(home.lake))
            merged = compact(connection, Lake(home.lake), home.lake / STAGING)
    loads = _loads(home, as_of)
    return IngestReport(loads, [load.name for load in planned], merged, sum_totals(loads), warnings, info.left_out)


def input_hashes(home: Home, as_of: date) -> dict[str, str]:
    """Per table, SHA-256 over the sorted (path, sha256) of the ingested landing files with a date up to ``as_of``.

    Depends on the files alone, not on how their days were grouped into loads.
    """
    listed = sorted(
        (file.path, file.sha256)
        for load in Lake(home.lake).loads()
        for file in load.files
        if landing_day(file) <= as_of
    )
    tables: dict[str, list[tuple[str, str]]] = {}
    for path, sha256 in listed:
        tables.setdefault(path.split("/")[0], []).append((path, sha256))
    return {name: hashlib.sha256(json.dumps(tables[name]).encode()).hexdigest() for name in sorted(tables)}


def _loads(home: Home, as_of: date) -> list[LoadManifest]:
    return [load for load in Lake(home.lake).loads() if load.first_day <= as_of]


def _check_declaration(info: SourceInfo, as_of: date) -> None:
    unknown = [table for table in info.tables if table not in LANDING]
    if unknown:
        raise ConfigurationError(f"_source.json: tables: {unknown[0]} is not a contract table: {', '.join(LANDING)}")
    if "customers" not in info.tables:
        raise ConfigurationError("_source.json: tables: customers is missing: every other table refers to it")
    if "loans" not in info.tables and any(table in info.tables for table in VIA_LOAN):
        raise ConfigurationError("_source.json: tables: loans is missing: instalments and repayments refer to it")
    if as_of < info.first_day:
        raise ConfigurationError(f"as_of {as_of} is before the source's first day {info.first_day}")


def _made_with(settings: Settings, key: bytes) -> bytes:
    """What must not change during the life of a lake, as the content of a small file."""
    described = {
        "buckets": settings.buckets,
        "business_timezone": settings.business_timezone,
        "pseudonym_key": pseudonymise("fingerprint of the key", key),
        "contracts": hashlib.sha256(
            repr([(name, table.key, str(_always_there(table))) for name, table in LAKE.items()]).encode()
        ).hexdigest(),
    }
    return (json.dumps(described, indent=1) + "\n").encode()


def _always_there(table: Table) -> pa.Schema:
    """The columns every file of a lake table has: one that may be missing may also come later."""
    return pa.schema([column.arrow_field for column in table.columns if not column.optional])


def _check_lake(lake: Path, settings: Settings, made_with: bytes) -> None:
    held = Lake(lake).buckets
    if held and held != settings.buckets:
        raise ConfigurationError(
            f"buckets is {settings.buckets}, but the lake was made with {held}: set it back, or remove {lake}"
        )
    path = lake / MADE_WITH
    if held and path.exists():
        then, now = json.loads(path.read_bytes()), json.loads(made_with)
        changed = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
        if changed:
            raise ConfigurationError(
                f"the lake was made with another {changed[0]}: set it back, or remove {lake} to ingest anew"
            )


def _survey(
    connection: duckdb.DuckDBPyConnection, home: Home, settings: Settings, info: SourceInfo, as_of: date
) -> tuple[list[PlannedLoad], list[SourceFile]]:
    """Loads to make and their readable files; every fault of the landing zone is raised at once."""
    files, faults = find_files(home.landing, info.tables, as_of)
    faults += missing_days(info, settings, files, as_of)
    planned = plan_loads(_loads(home, as_of), files, info.first_day, as_of)
    beyond = max((load.last_day for load in planned), default=as_of)
    if beyond > as_of:  # a load that reaches beyond as_of is made again as a whole
        files, named = find_files(home.landing, info.tables, beyond)
        faults = list(dict.fromkeys([*faults, *named]))
    needed = [file for file in files if any(load.holds(file.day) for load in planned)]
    sources, broken = inspect_files(connection, needed, settings)
    if faults or broken:
        raise InputError(faults + broken)
    return planned, sources


def _undeclared(home: Home, info: SourceInfo) -> list[str]:
    return [f"landing/{name}: not declared by the source: not read" for name in undeclared(home.landing, info.tables)]


@contextmanager
def _workshop(lake: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session that may spill below the lake.

    What spills holds personal data in clear, like the landing zone beside it: only the owner may read it, and it goes
    with the session, or with the next run after a crash. (DuckDB's own encryption of it needs a network extension.)
    """
    spill = make_directory(lake / STAGING / "spill")
    spill.chmod(0o700)
    try:
        with session() as connection:
            connection.execute(f"SET temp_directory = {quoted(spill.as_posix())}")
            yield connection
    finally:
        shutil.rmtree(lake / STAGING)


@contextmanager
def _exclusive(lake: Path) -> Iterator[None]:
    """Let one ingest at a time fill a lake; the lock goes with the process, however it ends."""
    make_directory(lake)
    descriptor = os.open(lake / ".lock", os.O_RDWR | os.O_CREAT, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ConfigurationError(f"{lake}: another run is ingesting into it: wait for it to end") from error
    finally:
        os.close(descriptor)
