"""Reading the lake: which files belong to a table, and what was known of it at the end of a day.

Belongs here: load manifests, file lists and the bitemporal selection in SQL. Does not belong here: filling the lake
(``ingest``).

Layout: ``<table>/load=<first>_<last>/bucket=NNN.parquet`` for customer tables, ``.../all.parquet`` for the others;
``loads/<first>_<last>.json`` is written last: a load without it does not exist for a reader, and a load that a manifest
names in ``replaces`` does not exist any more.

``revisions/<table>/`` (same file names) is an index of the versions that a later one replaces, and
``revisions/made_of.json`` names the loads it covers. It saves grouping all keys; where it does not cover the present
loads, it is not used.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tierline.errors import IntegrityError
from tierline.schemas import LAKE, Kind
from tierline.schemas.contract import Table
from tierline.schemas.lake import CUSTOMER_TABLES
from tierline.sql import quoted

SQL_TYPES = {
    Kind.STRING: "VARCHAR",
    Kind.TIMESTAMP: "TIMESTAMPTZ",
    Kind.DATE: "DATE",
    Kind.MONEY: "DECIMAL(18,2)",
    Kind.RATE: "DOUBLE",
    Kind.COUNT: "INTEGER",
    Kind.BOOLEAN: "BOOLEAN",
}


class LandingFile(BaseModel):
    """One landing file as it was when ingested; ``path`` is relative to the landing zone."""

    model_config = ConfigDict(frozen=True)

    path: str
    sha256: str
    rows: int


class TableTotals(BaseModel):
    """Rows and cents of one table in one load: in = used + duplicate + quarantined."""

    model_config = ConfigDict(frozen=True)

    rows_in: int = 0
    rows_used: int = 0
    rows_duplicate: int = 0
    rows_quarantined: int = 0
    cents_in: int = 0
    cents_used: int = 0
    cents_duplicate: int = 0
    cents_quarantined: int = 0
    cents_unreadable_rows: int = 0  # quarantined rows whose money could not be read as a number


class LoadManifest(BaseModel):
    """What one ingest run put into the lake: landing days ``first_day`` … ``last_day``, both included."""

    model_config = ConfigDict(frozen=True)

    first_day: date
    last_day: date
    buckets: int
    files: list[LandingFile]
    totals: dict[str, TableTotals]
    replaces: list[str] = []  # loads that were merged into this one

    @property
    def name(self) -> str:
        """``<first>_<last>``; part of every path of the load."""
        return f"{self.first_day.isoformat()}_{self.last_day.isoformat()}"


def sum_totals(loads: list[LoadManifest]) -> dict[str, TableTotals]:
    """Totals per table over some loads, in the order of the contracts."""
    sums: dict[str, TableTotals] = {}
    for load in loads:
        for table, totals in load.totals.items():
            before = sums.get(table, TableTotals())
            sums[table] = TableTotals(
                **{name: getattr(before, name) + getattr(totals, name) for name in TableTotals.model_fields}
            )
    return {name: sums[name] for name in LAKE if name in sums}


@dataclass(frozen=True)
class Lake:
    """Read access to the lake below ``root``."""

    root: Path

    def loads(self) -> list[LoadManifest]:
        """Every complete load, oldest first."""
        found = [_manifest(path) for path in sorted((self.root / "loads").glob("*.json"))]
        merged = {name for manifest in found for name in manifest.replaces}
        return [manifest for manifest in found if manifest.name not in merged]

    def contents(self) -> dict[str, str]:
        """SHA-256 of the manifest of every complete load, by name."""
        return {load.name: _sha256(self.root / "loads" / f"{load.name}.json") for load in self.loads()}

    def digest(self, through: date) -> str:
        """First 16 digits of a hash of what the lake holds of days up to ``through``; merging loads keeps it."""
        loads = self.loads()
        files = {(file.path, file.sha256) for load in loads for file in load.files if landing_day(file) <= through}
        used: dict[str, list[int]] = {}
        for load in loads:
            if load.last_day <= through:
                for table, total in load.totals.items():
                    rows, cents = used.get(table, [0, 0])
                    used[table] = [rows + total.rows_used, cents + total.cents_used]
        text = json.dumps([sorted(files), used], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def buckets(self) -> int:
        """Number of customer buckets the lake was made with; 0 when it is empty."""
        loads = self.loads()
        return loads[0].buckets if loads else 0

    def has(self, table: str) -> bool:
        """True if the lake holds any file of ``table``."""
        return bool(self.files(table))

    def files(self, table: str, bucket: int | None = None) -> list[Path]:
        """Files of ``table`` in complete loads, of one bucket or of all."""
        pattern = "*.parquet" if bucket is None or table not in CUSTOMER_TABLES else f"bucket={bucket:03d}.parquet"
        return [
            path for load in self.loads() for path in sorted((self.root / table / f"load={load.name}").glob(pattern))
        ]

    def versions_sql(self, table: str, bucket: int | None = None) -> str:
        """SQL of all versions of ``table`` with ``known_until``: the day from which a later version replaces it.

        A version is the one known at the end of day d if ``known_on <= d AND d < known_until``.
        """
        contract = LAKE[table]
        files = self.files(table, bucket)
        if not files:
            return f"SELECT *, DATE '9999-12-31' AS known_until FROM ({_empty_sql(contract)})"
        columns = ", ".join(contract.column_names)
        base = f"(SELECT {columns} FROM {rows_of(contract, files)})"
        revisions = self._revision_files(table, bucket)
        if revisions is None:
            return _grouped_sql(contract, base)
        if not revisions:
            return f"SELECT {columns}, DATE '9999-12-31' AS known_until FROM {base}"
        version = ", ".join((*contract.key, str(contract.knowledge_time)))
        return (
            f"SELECT {columns}, coalesce(replaced_on, DATE '9999-12-31') AS known_until FROM {base}"
            f" LEFT JOIN (SELECT {version}, replaced_on FROM {scan(revisions)}) USING ({version})"
        )

    def rows_sql(self, table: str, bucket: int | None = None) -> str:
        """SQL of all versions of ``table`` without ``known_until``: what that costs is two columns and a join."""
        contract = LAKE[table]
        files = self.files(table, bucket)
        columns = ", ".join(contract.column_names)
        return f"SELECT {columns} FROM {rows_of(contract, files)}" if files else _empty_sql(contract)

    def revisions_sql(self, table: str, bucket: int | None = None) -> str | None:
        """SQL of the versions that a later one replaces: the version, ``replaced_on``, and for customer tables
        ``customer_key`` and ``event_on`` of the version replaced. None where there is no index of the present loads.
        """
        files = self._revision_files(table, bucket)
        if files is None:
            return None
        if files:
            return f"SELECT * FROM {scan(files)}"
        contract = LAKE[table]
        kinds = {column.name: SQL_TYPES[column.kind] for column in contract.columns}
        names = [name for name in (*contract.key, str(contract.knowledge_time)) if name != "customer_key"]
        version = ", ".join(f"NULL::{kinds[name]} AS {name}" for name in names)
        empty = f"SELECT {version}, NULL::DATE AS replaced_on, NULL::VARCHAR AS customer_key, NULL::DATE AS event_on"
        return f"{empty} WHERE false"

    def _revision_files(self, table: str, bucket: int | None) -> list[Path] | None:
        path = self.root / "revisions" / "made_of.json"
        if not path.exists() or _json(path) != self.contents():
            return None
        pattern = "*.parquet" if bucket is None or table not in CUSTOMER_TABLES else f"bucket={bucket:03d}.parquet"
        return sorted((self.root / "revisions" / table).glob(pattern))

    def known_sql(self, table: str, as_of: date, bucket: int | None = None) -> str:
        """SQL of the versions of ``table`` known at the end of ``as_of``, without the bookkeeping columns."""
        columns = ", ".join(LAKE[table].column_names)
        day = f"DATE '{as_of.isoformat()}'"
        return (
            f"SELECT {columns} FROM ({self.versions_sql(table, bucket)})"
            f" WHERE known_on <= {day} AND {day} < known_until"
        )


def landing_day(file: LandingFile) -> date:
    """The landing day of a file in a manifest, from its path ``<table>/date=YYYY-MM-DD/<file>``."""
    return date.fromisoformat(file.path.split("/")[1].removeprefix("date="))


def scan(files: list[Path]) -> str:
    """SQL of lake files, which all have the contract's types."""
    return f"read_parquet([{', '.join(quoted(path.as_posix()) for path in files)}], hive_partitioning = false)"


def rows_of(contract: Table, files: list[Path]) -> str:
    """SQL of lake files of one table, of which some may lack an optional column: null there."""
    if not contract.optional_columns:
        return scan(files)
    listed = ", ".join(quoted(path.as_posix()) for path in files)
    nulls = ", ".join(f"NULL::{SQL_TYPES[column.kind]} AS {column.name}" for column in contract.optional_columns)
    return (
        f"(SELECT * FROM read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"
        f" UNION ALL BY NAME SELECT {nulls} WHERE false)"
    )


def _grouped_sql(contract: Table, base: str) -> str:
    """Versions without an index: only keys with several pass through a window."""
    columns, key = ", ".join(contract.column_names), ", ".join(contract.key)
    repeated = f"(SELECT {key} FROM {base} GROUP BY {key} HAVING count(*) > 1)"
    return (
        f"SELECT {columns}, coalesce(replaced_on, DATE '9999-12-31') AS known_until FROM ("
        f" SELECT *, NULL::DATE AS replaced_on FROM {base} ANTI JOIN {repeated} USING ({key})"
        f" UNION ALL BY NAME"
        f" SELECT *, lead(known_on) OVER (PARTITION BY {key} ORDER BY {contract.knowledge_time}) AS replaced_on"
        f" FROM {base} SEMI JOIN {repeated} USING ({key}))"
    )


def _manifest(path: Path) -> LoadManifest:
    try:
        return _parsed(path, *_stamp(path))
    except ValidationError as error:
        raise IntegrityError(f"{path}: damaged: remove it and run the night again, the load is made anew") from error


def _stamp(path: Path) -> tuple[int, int, int]:
    """What changes when a file is replaced: files of the lake are replaced whole, never edited."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


@lru_cache(maxsize=4096)
def _parsed(path: Path, *_stamp: int) -> LoadManifest:
    return LoadManifest.model_validate_json(path.read_bytes())


def _sha256(path: Path) -> str:
    return _hashed(path, *_stamp(path))


@lru_cache(maxsize=4096)
def _hashed(path: Path, *_stamp: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None


def _empty_sql(contract: Table) -> str:
    fields = ", ".join(f"NULL::{SQL_TYPES[column.kind]} AS {column.name}" for column in contract.columns)
    return f"SELECT {fields} WHERE false"
