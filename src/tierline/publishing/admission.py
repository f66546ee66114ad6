"""What a staged table must be to be published.

Belongs here: presence, readability, exact schema, rows, one as_of, unique keys, and the figures the manifest records.
Does not belong here: whether the values are right (``validation``, ``audit``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tierline.errors import BlockedError
from tierline.publishing.disk import sha256_file
from tierline.publishing.manifest import TableEntry
from tierline.schemas import PUBLISHED
from tierline.schemas.contract import Table

# A night may watch nobody; a night that grants nothing funds nothing, and one that offers nothing discloses nothing.
MAY_BE_EMPTY = frozenset({"watch_list", "funding_allocation", "disclosures"})


@dataclass(frozen=True)
class TableFigures:
    """What was measured on an admitted table; ``sha256`` is of the file as it was judged."""

    rows: int
    sha256: str
    schema_hash: str
    cents: dict[str, int]

    def entry(self, file: str, size: int) -> TableEntry:
        """The manifest's entry for the table once it stands as ``file`` with ``size`` bytes."""
        return TableEntry(
            file=file, rows=self.rows, bytes=size, sha256=self.sha256, schema_hash=self.schema_hash, cents=self.cents
        )


def admit(tables: Mapping[str, Path], as_of: date) -> dict[str, TableFigures]:
    """Judge every staged table; all contract tables must be there and no other.

    Raises ``BlockedError`` with the first fault found, tables in alphabetical order.
    """
    unknown = sorted(set(tables) - set(PUBLISHED))
    if unknown:
        raise BlockedError(f"{unknown[0]}: not a published table: declare it in schemas/published.py")
    missing = sorted(set(PUBLISHED) - set(tables))
    if missing:
        raise BlockedError(f"{', '.join(missing)}: not staged: every published table must be there")
    return {name: _admit_table(PUBLISHED[name], tables[name], as_of) for name in sorted(PUBLISHED)}


def _admit_table(contract: Table, path: Path, as_of: date) -> TableFigures:
    try:
        digest = sha256_file(path)
        _check_schema(contract, path, pq.read_schema(path))
        # All of it, with page checksums: what cannot be read here would be published as unreadable.
        data = pq.read_table(path, partitioning=None, page_checksum_verification=True)
    except OSError as error:  # pyarrow's read errors are OSError too
        raise BlockedError(f"{path}: cannot be read ({error}): stage {contract.name} again") from error
    except pa.ArrowInvalid as error:
        raise BlockedError(f"{path}: not a readable Parquet file ({error}): stage {contract.name} again") from error
    _check_rows(contract, path, data, as_of)
    cents = {name: _cents(data.column(name)) for name in contract.money_columns}
    return TableFigures(data.num_rows, digest, contract.schema_hash, cents)


def _check_schema(contract: Table, path: Path, found: pa.Schema) -> None:
    expected = contract.arrow_schema
    if found.names != expected.names:
        raise BlockedError(f"{path}: {contract.name} has columns {found.names}, the contract says {expected.names}")
    for want, have in zip(expected, found, strict=True):
        # A required column is REQUIRED in the file, so that a null is impossible rather than unlikely.
        if not have.equals(want):
            raise BlockedError(
                f"{path}: column {want.name}: is {have.type}{'' if have.nullable else ' not null'}, the contract says "
                f"{want.type}{'' if want.nullable else ' not null'}: write it with tierline.parquet.write_contract"
            )


def _check_rows(contract: Table, path: Path, data: pa.Table, as_of: date) -> None:
    if not data.num_rows:
        if contract.name in MAY_BE_EMPTY:
            return
        raise BlockedError(f"{path}: {contract.name} has no rows: nothing to publish")
    days = pc.unique(data.column("as_of")).to_pylist()
    if days != [as_of]:
        other = sorted(str(day) for day in days if day != as_of)
        raise BlockedError(f"{path}: column as_of: holds {', '.join(other[:3])} in the night of {as_of}")
    if data.select(list(contract.key)).group_by(list(contract.key)).aggregate([]).num_rows != data.num_rows:
        raise BlockedError(f"{path}: {contract.name}: key {', '.join(contract.key)} is not unique")


def _cents(column: pa.ChunkedArray) -> int:
    total = pc.sum(column.cast(pa.decimal128(38, 2))).as_py()
    return int(total * 100) if total is not None else 0
