"""State files: a bucket's account tables of one night, kept for the next.

Belongs here: writing, checking and reading them. Does not belong here: what is in them (``increment``).

``state/as_of=<day>/bucket=NNN/<table>.parquet``, and ``bucket=NNN.json`` beside the directory, written last, with the
SHA-256 of each file and of everything the state was made of. State is derived: removing it costs one full recompute.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict, ValidationError

from tierline.features.increment import TABLES
from tierline.home import make_directory, replace_file
from tierline.sql import quoted

CUSTOMER = "customer"
FILES = (CUSTOMER, *TABLES)


class StateManifest(BaseModel):
    """What a bucket's state is of: ``made_of`` is a hash of lake, features and configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date
    made_of: str
    sha256: dict[str, str]


@dataclass(frozen=True)
class StateStore:
    """The state files below ``root``."""

    root: Path

    def _night(self, as_of: date) -> Path:
        return self.root / f"as_of={as_of.isoformat()}"

    def _files(self, as_of: date, bucket: int) -> dict[str, Path]:
        return {name: self._night(as_of) / f"bucket={bucket:03d}" / f"{name}.parquet" for name in FILES}

    def _manifest(self, as_of: date, bucket: int) -> Path:
        return self._night(as_of) / f"bucket={bucket:03d}.json"

    def fault(self, as_of: date, bucket: int, made_of: str) -> str:
        """Why the state of a night cannot be carried on; empty if it can."""
        path = self._manifest(as_of, bucket)
        if not path.exists():
            return f"there is no state of {as_of}"
        try:
            manifest = StateManifest.model_validate_json(path.read_bytes())
        except ValidationError:
            return f"the state of {as_of} is damaged ({path.name})"
        if manifest.made_of != made_of or manifest.as_of != as_of:
            return f"the state of {as_of} was made of another lake, code or configuration"
        for name, file in self._files(as_of, bucket).items():
            if not file.exists() or _digest(file) != manifest.sha256.get(name):
                return f"the state of {as_of} is damaged ({file.parent.name}/{file.name})"
        return ""

    def read(self, connection: duckdb.DuckDBPyConnection, as_of: date, bucket: int) -> None:
        """Make ``was_<table>`` of every file."""
        for name, file in self._files(as_of, bucket).items():
            connection.execute(f"CREATE OR REPLACE TEMP TABLE was_{name} AS {_decoded(connection, file)}")

    def write(self, connection: duckdb.DuckDBPyConnection, as_of: date, bucket: int, made_of: str) -> None:
        """Keep tonight's tables; the manifest comes last, so that a crash leaves no state or a whole one."""
        manifest = self._manifest(as_of, bucket)
        manifest.unlink(missing_ok=True)
        digests = {}
        for name, file in self._files(as_of, bucket).items():
            make_directory(file.parent)
            source = "customer_no" if name == CUSTOMER else name
            connection.execute(f"COPY ({_encoded(connection, source)}) TO {quoted(file.as_posix())} ({_FORMAT})")
            digests[name] = _digest(file)
        content = StateManifest(as_of=as_of, made_of=made_of, sha256=digests)
        replace_file(manifest, content.model_dump_json(indent=1).encode())

    def keep_only(self, nights: set[date]) -> None:
        """Remove the state of every other night."""
        kept = {self._night(day) for day in nights}
        for path in sorted(self.root.glob("as_of=*")):
            if path not in kept:
                shutil.rmtree(path)


_FORMAT = "FORMAT parquet, COMPRESSION snappy"


def _encoded(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """Parquet has no 128-bit integer: a decimal without fraction holds the same digits."""
    wide = _columns(connection, f"FROM {table}", "HUGEINT")
    return f"SELECT * REPLACE ({wide}) FROM {table}" if wide else f"FROM {table}"


def _columns(connection: duckdb.DuckDBPyConnection, query: str, kind: str) -> str:
    target = "DECIMAL(38,0)" if kind == "HUGEINT" else "HUGEINT"
    described = connection.execute(f"DESCRIBE {query}").fetchall()
    return ", ".join(f"{name}::{target} AS {name}" for name, found, *_ in described if found == kind)


def _decoded(connection: duckdb.DuckDBPyConnection, file: Path) -> str:
    scan = f"FROM read_parquet({quoted(file.as_posix())}, hive_partitioning = false)"
    wide = _columns(connection, scan, "DECIMAL(38,0)")
    return f"SELECT * REPLACE ({wide}) {scan}" if wide else scan


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def fingerprint(parts: dict[str, object]) -> str:
    """First 16 digits of the SHA-256 of what something was made of."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]
