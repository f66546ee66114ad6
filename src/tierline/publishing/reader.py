"""Reading a published night.

Belongs here: resolving ``CURRENT`` once and reading tables of that one snapshot, checked. Does not belong here:
anything that writes.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tierline.errors import ConfigurationError, IntegrityError
from tierline.home import Home
from tierline.publishing.disk import sha256_file
from tierline.publishing.manifest import Manifest, TableEntry
from tierline.publishing.pointer import current_name, read_manifest, releases

PUBLISHED_VARIABLE = "TIERLINE_PUBLISHED"
DEFAULT_PUBLISHED = Path("data/published")


@dataclass(frozen=True)
class Snapshot:
    """One published night; stays readable while later nights are published.

    With ``verify`` every table is checked against the manifest's SHA-256 before it is handed out.
    """

    published: Path
    name: str
    manifest: Manifest
    verify: bool = True
    _verified: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    @property
    def as_of(self) -> date:
        """The business day whose end the snapshot stands for."""
        return self.manifest.as_of

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables, sorted."""
        return tuple(sorted(self.manifest.tables))

    def path(self, table: str) -> Path:
        """The Parquet file of ``table``, for DuckDB, pandas, polars or Spark.

        Raises ``IntegrityError`` if the file is missing or is not what the manifest promises, ``KeyError`` for a table
        that is not part of the snapshot.
        """
        path = self._file(table)
        if self.verify and table not in self._verified:
            try:
                self._check(table, sha256_file(path))
            except OSError as error:
                raise self._unreadable(path, error) from error
        return path

    def read(self, table: str) -> pa.Table:
        """The whole table. The bytes that are checked are the bytes that are read. Errors as ``path``."""
        path = self._file(table)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise self._unreadable(path, error) from error
        if self.verify and table not in self._verified:
            self._check(table, hashlib.sha256(content).hexdigest())
        return pq.read_table(pa.BufferReader(content))

    def to_pandas(self, table: str) -> pd.DataFrame:
        """The whole table as pandas; money arrives as ``decimal.Decimal``, dates as ``datetime.date``."""
        frame: pd.DataFrame = self.read(table).to_pandas()
        return frame

    def _entry(self, table: str) -> TableEntry:
        if table not in self.manifest.tables:
            raise KeyError(f"{self.name} has no table {table}; it has {', '.join(self.tables)}")
        return self.manifest.tables[table]

    def _file(self, table: str) -> Path:
        return self.published / self.name / self._entry(table).file

    def _check(self, table: str, digest: str) -> None:
        if digest != self._entry(table).sha256:
            raise IntegrityError(f"{self._file(table)}: content is not what the manifest promises: publish again")
        self._verified.add(table)

    def _unreadable(self, path: Path, error: OSError) -> IntegrityError:
        return IntegrityError(f"{path}: cannot be read ({error.strerror}): publish the night again")


def open_snapshot(published: Path | str | None = None, as_of: date | None = None, *, verify: bool = True) -> Snapshot:
    """Open the live release, or the one that was live for ``as_of``; ``CURRENT`` is read once.

    ``published`` defaults to ``TIERLINE_PUBLISHED``, else ``data/published`` below the working directory. For ``as_of``
    the chain of releases decides; a night that was stored but never live is opened if it is the only one of its date.
    Raises ``ConfigurationError`` where there is nothing to open, ``IntegrityError`` where there is but it is damaged.
    """
    directory = Path(published or os.environ.get(PUBLISHED_VARIABLE) or DEFAULT_PUBLISHED).absolute()
    if as_of is not None:
        name, manifest = _of_date(directory, as_of)
        return Snapshot(directory, name, manifest, verify)
    live = current_name(directory)
    if live is None:
        raise ConfigurationError(
            f"{directory}: nothing is published here: run a night, or set {PUBLISHED_VARIABLE} to the right directory"
        )
    return Snapshot(directory, live, read_manifest(directory, live), verify)


def _of_date(directory: Path, as_of: date) -> tuple[str, Manifest]:
    for name, manifest in releases(directory):
        if manifest.as_of == as_of:
            return name, manifest
        if manifest.as_of < as_of:
            break
    stored = sorted(path.name for path in directory.glob(f"{as_of.isoformat()}-*") if path.is_dir())
    if len(stored) == 1:
        return stored[0], read_manifest(directory, stored[0])
    found = f"{len(stored)} nights that were never live: open one by its path" if stored else "no night"
    raise ConfigurationError(f"{directory}: {as_of.isoformat()}: found {found}")


def previous_snapshot(home: Home, as_of: date) -> Snapshot | None:
    """The release that was live before the night of ``as_of``; None if there was none.

    It does not depend on whether ``as_of`` or later nights are already published, so that running a date again starts
    from the same limits and gives the same snapshot name.
    """
    for name, manifest in releases(home.published):
        if manifest.as_of < as_of:
            return Snapshot(home.published, name, manifest)
    return None
