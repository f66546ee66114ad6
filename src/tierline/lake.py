"""Reading the lake: which files belong to a table, and what was known of it at the end of a day.

Belongs here: load manifests, file lists and the bitemporal selection in SQL. Does not belong here: filling the lake
(``ingest``).

Layout: ``<table>/load=<first>_<last>/bucket=NNN.parquet`` for customer tables, ``.../all.parquet`` for the others;
``loads/<first>_<last>.json`` is written last: a load without it does not exist for a reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tierline.errors import IntegrityError
from tierline.schemas import LAKE, Kind
from tierline.schemas.contract import Table
from tierline.schemas.lake import CUSTOMER_TABLES

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

    @property
    def name(self) -> str:
        """``<first>_<last>``; part of every path of the load."""
        return f"{self.first_day.isoformat()}_{self.last_day.isoformat()}"


@dataclass(frozen=True)
class Lake:
    """Read access to the lake below ``root``."""

    root: Path

    def loads(self) -> list[LoadManifest]:
        """Every complete load, oldest first."""
        paths = sorted((self.root / "loads").glob("*.json"))
        return [_read_manifest(path) for path in paths]

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

        A version is the one known at the end of day d if ``known_on <= d AND d < known_until``. Only keys with several
        versions pass through a window, so that a table without corrections costs one grouping.
        """
        contract = LAKE[table]
        files = self.files(table, bucket)
        if not files:
            return f"SELECT *, DATE '9999-12-31' AS known_until FROM ({_empty_sql(contract)})"
        listed = ", ".join(f"'{path.as_posix()}'" for path in files)
        columns = ", ".join(contract.column_names)
        key = ", ".join(contract.key)
        base = f"(SELECT {columns} FROM read_parquet([{listed}], hive_partitioning = false))"
        repeated = f"(SELECT {key} FROM {base} GROUP BY {key} HAVING count(*) > 1)"
        return (
            f"SELECT {columns}, coalesce(replaced_on, DATE '9999-12-31') AS known_until FROM ("
            f" SELECT *, NULL::DATE AS replaced_on FROM {base} ANTI JOIN {repeated} USING ({key})"
            f" UNION ALL BY NAME"
            f" SELECT *, lead(known_on) OVER (PARTITION BY {key} ORDER BY {contract.knowledge_time}) AS replaced_on"
            f" FROM {base} SEMI JOIN {repeated} USING ({key}))"
        )

    def known_sql(self, table: str, as_of: date, bucket: int | None = None) -> str:
        """SQL of the versions of ``table`` known at the end of ``as_of``, without the bookkeeping columns."""
        columns = ", ".join(LAKE[table].column_names)
        day = f"DATE '{as_of.isoformat()}'"
        return (
            f"SELECT {columns} FROM ({self.versions_sql(table, bucket)})"
            f" WHERE known_on <= {day} AND {day} < known_until"
        )


def _read_manifest(path: Path) -> LoadManifest:
    try:
        return LoadManifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise IntegrityError(f"{path}: damaged: remove it and run the night again, the load is made anew") from error


def _empty_sql(contract: Table) -> str:
    fields = ", ".join(f"NULL::{SQL_TYPES[column.kind]} AS {column.name}" for column in contract.columns)
    return f"SELECT {fields} WHERE false"
