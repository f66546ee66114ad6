"""What a snapshot says of itself: ``MANIFEST.json``.

Belongs here: its fields, its exact bytes and the snapshot name made from them. Does not belong here: writing it.

Nothing in it depends on the moment or the place of the run, so that the same inputs, code and configuration give the
same bytes and hence the same name.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tierline.errors import BlockedError

MANIFEST_FILE = "MANIFEST.json"
PART_FILE = "part-0.parquet"
HASH_DIGITS = 16
# Without "as_of=": a key=value directory is a Hive partition to DuckDB, which then silently replaces the tables'
# own as_of column (DATE) by the directory's text.
SNAPSHOT_NAME = re.compile(rf"(\d{{4}}-\d{{2}}-\d{{2}})-[0-9a-f]{{{HASH_DIGITS}}}")


class SnapshotFacts(BaseModel):
    """What a night says about how its tables came to be; the publisher adds what it can see for itself.

    ``previous_snapshot`` is the release whose limits this night built on: ``previous_snapshot(home, as_of)``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date
    source: str
    model: dict[str, JsonValue]
    policy_id: str
    feature_set: str
    code_version: str
    input_hashes: dict[str, str]
    control_totals: dict[str, JsonValue]
    previous_snapshot: str | None = None
    notes: list[str] = Field(default_factory=list)


class TableEntry(BaseModel):
    """One published table: its only file, relative to the snapshot, and what it must hold.

    ``cents`` is the sum of each money column in integer cents (null counts as 0).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    rows: int
    bytes: int
    sha256: str
    schema_hash: str
    cents: dict[str, int]


class Manifest(SnapshotFacts):
    """The facts of the night and its tables."""

    tables: dict[str, TableEntry]

    def to_bytes(self) -> bytes:
        """The one spelling of this manifest: sorted keys, UTF-8, final newline."""
        try:
            text = json.dumps(
                self.model_dump(mode="json"), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False
            )
        except ValueError as error:
            raise BlockedError(
                f"{MANIFEST_FILE}: a fact of the night is not a finite number: mend the facts"
            ) from error
        return (text + "\n").encode()

    @property
    def name(self) -> str:
        """Name of the snapshot directory: the date and the first digits of the manifest's SHA-256."""
        return snapshot_name(self.as_of, self.to_bytes())


def snapshot_name(as_of: date, manifest: bytes) -> str:
    """``YYYY-MM-DD-<first 16 digits of the SHA-256 of the manifest>``."""
    return f"{as_of.isoformat()}-{hashlib.sha256(manifest).hexdigest()[:HASH_DIGITS]}"
