"""The state of a bucket: its accounts and loans of one night as arrays, kept for the next night.

Belongs here: the arrays, and writing, checking and reading them. Does not belong here: how they are carried on
(``increment``), or when (``nightly``).

``state/as_of=<day>/bucket=NNN/<part>.arrow``, and ``bucket=NNN.json`` beside the directory, written last, with the
SHA-256 of each file and a hash of everything the state was made of. State is derived: removing it costs one full
recompute.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, ValidationError

from tierline.home import FILE_MODE, make_directory, replace_file

Ints = npt.NDArray[np.int64]
ABSENT = np.iinfo(np.int64).min
"""Stands for null in an array of integers."""
NARROWER = (np.dtype(np.int16), np.dtype(np.int32))
"""What integers and days are kept as where every value fits: what is written, hashed and read is a third less."""
KEPT_AS = b"tierline.was"
FORMAT = 2
"""Of the files: state written in another is not used."""
PARTS = ("customer", "seen", "stairs", "loans", "schedule")


@dataclass
class AccountState:
    """One bucket's accounts and loans. Row i of every array in ``columns`` is the customer with number i + 1.

    ``columns``: windows of sums and counts, latest days, last balance, and ``income_<month>`` / ``rows_<month>``;
    ``balance_id``: the transaction the last balance is of; ``seen`` and ``stairs``: tables keyed by ``no``; ``loans``
    and ``schedule``: the visible loans, and each instalment of them as paid.
    """

    keys: pa.Array
    columns: dict[str, Ints]
    balance_id: npt.NDArray[np.object_]
    seen: pa.Table
    stairs: pa.Table
    loans: pa.Table
    schedule: pa.Table

    def parts(self) -> dict[str, pa.Table]:
        """As tables, one per file."""
        listed = {"customer_key": self.keys, "balance_id": pa.array(self.balance_id, pa.string())}
        listed |= {name: pa.array(_narrow(values)) for name, values in self.columns.items()}
        return {"customer": pa.table(listed), **{part: _narrowed(getattr(self, part)) for part in PARTS[1:]}}


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

    def _file(self, as_of: date, bucket: int, part: str) -> Path:
        return self._night(as_of) / f"bucket={bucket:03d}" / f"{part}.arrow"

    def _manifest(self, as_of: date, bucket: int) -> Path:
        return self._night(as_of) / f"bucket={bucket:03d}.json"

    def read(self, as_of: date, bucket: int, made_of: str) -> AccountState | str:
        """The state of a night, or as text why it cannot be carried on."""
        path = self._manifest(as_of, bucket)
        if not path.exists():
            return f"there is no state of {as_of}"
        try:
            manifest = StateManifest.model_validate_json(path.read_bytes())
        except ValidationError:
            return f"the state of {as_of} is damaged ({path.name})"
        if manifest.made_of != made_of or manifest.as_of != as_of:
            return f"the state of {as_of} was made of another lake, code or configuration"
        parts = {}
        for part in PARTS:
            file = self._file(as_of, bucket, part)
            content = _mapped(file)
            if hashlib.sha256(content).hexdigest() != manifest.sha256.get(part):
                return f"the state of {as_of} is damaged ({file.parent.name}/{file.name})"
            parts[part] = pa.ipc.open_file(content).read_all()
        return _from_parts(parts)

    def write(self, state: AccountState, as_of: date, bucket: int, made_of: str) -> None:
        """Keep a state; the manifest comes last, so that a crash leaves no state or a whole one."""
        manifest = self._manifest(as_of, bucket)
        manifest.unlink(missing_ok=True)
        digests = {}
        for part, table in state.parts().items():
            file = self._file(as_of, bucket, part)
            make_directory(file.parent)
            digests[part] = _write(file, table)
        kept = StateManifest(as_of=as_of, made_of=made_of, sha256=digests)
        replace_file(manifest, kept.model_dump_json(indent=1).encode())

    def keep_only(self, nights: set[date]) -> None:
        """Remove the state of every other night."""
        kept = {self._night(day) for day in nights}
        for path in sorted(self.root.glob("as_of=*")):
            if path not in kept:
                shutil.rmtree(path)


def _from_parts(parts: dict[str, pa.Table]) -> AccountState:
    customer = parts["customer"].combine_chunks()
    columns = {
        name: _wide(customer.column(name).to_numpy())
        for name in customer.column_names
        if name not in ("customer_key", "balance_id")
    }
    keys = customer.column("customer_key").combine_chunks()
    ids = np.array(customer.column("balance_id").to_pylist(), dtype=object)
    return AccountState(keys, columns, ids, **{part: _widened(parts[part]) for part in PARTS[1:]})


def _mapped(file: Path) -> pa.Buffer:
    """The bytes of a file, as the page cache holds them; none where there is no such file."""
    if not file.exists() or not file.stat().st_size:  # nothing cannot be mapped
        return pa.py_buffer(b"")
    with pa.memory_map(str(file)) as source:
        return source.read_buffer()


class _Hashed:
    """A file that hashes what is written to it: the whole never stands in memory."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.sha256 = file, hashlib.sha256()

    def write(self, data: memoryview) -> int:
        self.sha256.update(data)
        return self.file.write(data)

    def close(self) -> None:
        """Nothing: who opened the file closes it."""


def _write(path: Path, table: pa.Table) -> str:
    """Write a table, not compressed: that would take longer than all else here. Returns the SHA-256 of the file."""
    with path.open("wb") as file:
        path.chmod(FILE_MODE)
        sink = _Hashed(file)
        with pa.PythonFile(sink, "w") as stream, pa.ipc.new_file(stream, table.schema) as writer:
            writer.write_table(table)
    return sink.sha256.hexdigest()


def _narrow(values: Ints) -> npt.NDArray[Any]:
    """As the narrowest integers that hold every value; ``ABSENT`` becomes the least of them."""
    absent = values == ABSENT
    low, high = values.min(initial=0, where=~absent), values.max(initial=0)
    for kind in NARROWER:
        if np.iinfo(kind).min < low and high <= np.iinfo(kind).max:
            return np.where(absent, np.iinfo(kind).min, values).astype(kind)
    return values


def nullable(values: Ints) -> pa.Array:
    """The same with nulls for ``ABSENT``."""
    absent = values == ABSENT
    return pa.array(values, mask=absent) if absent.any() else pa.array(values)


def _wide(values: npt.NDArray[Any]) -> Ints:
    wide: Ints = np.array(values, np.int64)
    if values.dtype != np.int64:
        wide[values == np.iinfo(values.dtype).min] = ABSENT
    return wide


def _narrowed(table: pa.Table) -> pa.Table:
    """The same with days and signed integers as narrow as their values allow; each such field says what it was."""
    for index, field in enumerate(table.schema):
        if pa.types.is_date32(field.type) or pa.types.is_signed_integer(field.type):
            integers = table.column(index).cast(pa.int64() if field.type == pa.int64() else pa.int32())
            kind = _narrowest(integers)
            if kind != field.type:
                kept = pa.field(field.name, kind, metadata={KEPT_AS: str(field.type)})
                table = table.set_column(index, kept, integers.cast(kind))
    return table


def _narrowest(integers: pa.ChunkedArray) -> pa.DataType:
    least, most = (value.as_py() or 0 for value in pc.min_max(integers).values())
    for kind in NARROWER:
        if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
            return pa.from_numpy_dtype(kind)
    return integers.type


def _widened(table: pa.Table) -> pa.Table:
    for index, field in enumerate(table.schema):
        was = (field.metadata or {}).get(KEPT_AS, b"").decode()
        if was:
            column = table.column(index)
            if was.startswith("date32"):
                column = column.cast(pa.int32())
            table = table.set_column(index, field.name, column.cast(pa.type_for_alias(was)))
    return table


def fingerprint(parts: dict[str, object]) -> str:
    """First 16 digits of the SHA-256 of what something was made of."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]
