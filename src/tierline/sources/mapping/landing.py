"""Writing a landing zone from a mapping: the same files as any feed.

Belongs here: partition days, the files, and replacing a landing zone as a whole. Does not belong here: the SELECTs
(``check``), reading the landing zone (``ingest``).
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from tierline.errors import ConfigurationError, InputError
from tierline.home import FILE_MODE, make_directory, replace_file
from tierline.parquet import write_contract
from tierline.schemas import LANDING, Feed, Table
from tierline.sources.info import SourceInfo, read_info, write_info
from tierline.sources.mapping.casts import sql_name
from tierline.sources.mapping.check import TableCheck, mapped_tables
from tierline.sources.mapping.rules import known_on_sql
from tierline.sources.mapping.spec import Mapping

ORIGIN_FILE = "_mapping.json"
WRITER_VERSION = 1  # raise when the same mapping and data would give other files
PART = "part-0.parquet"
_LOG = logging.getLogger("tierline")


class Origin(BaseModel):
    """What a landing zone was made from; equal origins give equal bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    writer: int
    mapping: str
    business_timezone: str
    contracts: dict[str, str]
    files: dict[str, str]


class Record(BaseModel):
    """The content of ``_mapping.json``: where the landing zone came from, and a digest of its files' names and sizes.

    Thousands of small files are not flushed to the disk one by one; after a power cut a file that lost its content has
    another size, and the landing zone is made again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: Origin
    listing: str


@dataclass(frozen=True)
class _Plan:
    """Where rows go: the zone of the business day, and the first and last day of the daily feeds."""

    zone: str
    first: date
    last: date


def write_landing(mapping: Mapping, data: Path, landing: Path, business_timezone: str = "UTC") -> SourceInfo:
    """Make ``landing`` hold exactly what ``mapping`` gives over the folder ``data``; return its declaration.

    Nothing is done when the landing zone came from the same mapping, data files, contracts and business time zone, and
    no file of it is missing or of another size.
    Otherwise a new one is written beside it and takes its place whole; a kill leaves the old one or the new one.
    ``business_timezone`` is the configured one; a mapping that states its own wins.

    Raises ``InputError`` if the check finds a problem, ``ConfigurationError`` if ``landing`` holds something that no
    mapping wrote.
    """
    landing = landing.absolute()
    aside = landing.with_name(f".{landing.name}.replaced")
    _recover(landing, aside)
    origin = _origin(mapping, data, business_timezone)
    if _same_origin(landing, origin):
        return read_info(landing)
    building = landing.with_name(f".{landing.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    with mapped_tables(mapping, data, business_timezone) as (connection, checks):
        faults = [fault for check in checks for fault in check.problems]
        if faults:
            raise InputError(faults)
        plan = _plan(connection, mapping, origin.business_timezone)
        make_directory(building)
        for name in mapping.delivered:
            _write_table(connection, LANDING[name], plan, building)
    info = _info(mapping, plan, checks)
    write_info(building, info)
    record = Record(origin=origin, listing=_listing(building))
    replace_file(building / ORIGIN_FILE, (record.model_dump_json(indent=2) + "\n").encode())
    _swap(building, landing, aside)
    return info


def _origin(mapping: Mapping, data: Path, business_timezone: str) -> Origin:
    files = {}
    for file in mapping.files.values():
        path = data / file.file
        if path.is_file():  # the check names those that are not
            with path.open("rb") as handle:
                files[file.file] = hashlib.file_digest(handle, "sha256").hexdigest()
    return Origin(
        writer=WRITER_VERSION,
        mapping=mapping.fingerprint,
        business_timezone=mapping.business_timezone or business_timezone,
        contracts={name: LANDING[name].schema_hash for name in mapping.delivered},
        files=dict(sorted(files.items())),
    )


def _same_origin(landing: Path, origin: Origin) -> bool:
    path = landing / ORIGIN_FILE
    if not path.exists():
        if landing.exists() and any(landing.iterdir()):
            raise ConfigurationError(
                f"{landing}: holds a landing zone that no mapping wrote: name another data directory, or move it away"
            )
        return False
    try:
        record = Record.model_validate_json(path.read_bytes())
    except ValidationError:
        return False  # damaged, or written by an older version: made anew
    return record.origin == origin and record.listing == _listing(landing)


def _listing(landing: Path) -> str:
    """SHA-256 over the sorted names and sizes of the files of the tables and of ``_source.json``."""
    paths = [path for path in landing.rglob("*") if path.is_file() and path.name != ORIGIN_FILE]
    sizes = sorted((path.relative_to(landing).as_posix(), path.stat().st_size) for path in paths)
    return hashlib.sha256(repr(sizes).encode()).hexdigest()


def _plan(connection: duckdb.DuckDBPyConnection, mapping: Mapping, zone: str) -> _Plan:
    daily = [LANDING[name] for name in mapping.delivered if LANDING[name].feed is Feed.DAILY]
    days = " UNION ALL ".join(f"SELECT {known_on_sql(table, zone)} AS day FROM mapped.{table.name}" for table in daily)
    earliest, latest = connection.execute(f"SELECT min(day), max(day) FROM ({days})").fetchall()[0]
    return _Plan(zone, mapping.first_day or earliest, max(latest, mapping.as_of))


def _write_table(connection: duckdb.DuckDBPyConnection, table: Table, plan: _Plan, root: Path) -> None:
    """One file for each day with rows and, in a daily feed, one with zero rows for each other day from its first on."""
    directory = make_directory(root / table.name)
    delivered: set[date] = set()
    for day, rows in _by_day(connection, table, plan):
        write_contract(directory / f"date={day.isoformat()}" / PART, rows, table)
        delivered.add(day)
    _LOG.info("%s: %d days with rows", table.name, len(delivered))
    if table.feed is Feed.DAILY:
        _write_empty(directory, table, [day for day in _days(plan.first, plan.last) if day not in delivered])


def _by_day(connection: duckdb.DuckDBPyConnection, table: Table, plan: _Plan) -> Iterator[tuple[date, pa.Table]]:
    """Rows by the business day on which they became known."""
    day = known_on_sql(table, plan.zone)
    names = ", ".join(sql_name(name) for name in table.column_names)
    order = ", ".join(sql_name(name) for name in (*table.key, table.knowledge_time))
    query = f"SELECT {names}, {day} AS landing_day FROM mapped.{table.name} ORDER BY landing_day, {order}"
    rows: pa.Table = connection.sql(query).to_arrow_table()
    days = rows.column("landing_day").to_numpy().astype("datetime64[D]")
    starts = np.flatnonzero(np.append(True, days[1:] != days[:-1]))
    for start, end in zip(starts, [*starts[1:], len(days)], strict=True):
        yield days[start].astype(object), rows.slice(start, end - start).drop_columns(["landing_day"])


def _write_empty(directory: Path, table: Table, days: list[date]) -> None:
    if not days:
        return
    first = directory / f"date={days[0].isoformat()}" / PART
    write_contract(first, table.arrow_schema.empty_table(), table)
    content = first.read_bytes()
    for day in days[1:]:
        path = make_directory(directory / f"date={day.isoformat()}") / PART
        path.write_bytes(content)
        path.chmod(FILE_MODE)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=offset) for offset in range((last - first).days + 1))


def _info(mapping: Mapping, plan: _Plan, checks: list[TableCheck]) -> SourceInfo:
    assumed = [f"knowledge is assumed: {mapping.assumption}"] if mapping.assumption else []
    noted = [f"{check.table}: {note}" for check in checks for note in check.notes]
    return SourceInfo(
        name=mapping.name,
        tables=mapping.delivered,
        first_day=plan.first,
        as_of=mapping.as_of,
        knowledge=mapping.knowledge,
        observation=mapping.observation,
        label=mapping.label,
        pseudonym_key=mapping.pseudonym_key,
        vocabulary=mapping.vocabulary,
        policy=mapping.policy,
        business_timezone=mapping.business_timezone,
        notes=[*mapping.notes, *assumed, *noted],
    )


def _recover(landing: Path, aside: Path) -> None:
    """After a kill between the two renames the old landing zone lies aside: it goes back to its place."""
    if aside.exists() and not landing.exists():
        aside.replace(landing)
    shutil.rmtree(aside, ignore_errors=True)


def _swap(building: Path, landing: Path, aside: Path) -> None:
    make_directory(landing.parent)
    if landing.exists():
        landing.replace(aside)
    building.replace(landing)
    shutil.rmtree(aside, ignore_errors=True)
