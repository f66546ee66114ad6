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

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, ValidationError

from tierline.home import FILE_MODE, make_directory, replace_file

Ints = npt.NDArray[np.int64]
ABSENT = np.iinfo(np.int64).min
"""Stands for null in an array of integers."""
WIDE = frozenset({"value", "due_cents", "principal_cents", "paid_cents", "punctual_cents"})
"""Columns of the tables that hold cents."""
NARROW = np.iinfo(np.int32)
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
            content = file.read_bytes() if file.exists() else b""
            if hashlib.sha256(content).hexdigest() != manifest.sha256.get(part):
                return f"the state of {as_of} is damaged ({file.parent.name}/{file.name})"
            parts[part] = pa.ipc.open_file(pa.BufferReader(content)).read_all()
        return _from_parts(parts)

    def write(self, state: AccountState, as_of: date, bucket: int, made_of: str) -> None:
        """Keep a state; the manifest comes last, so that a crash leaves no state or a whole one."""
        manifest = self._manifest(as_of, bucket)
        manifest.unlink(missing_ok=True)
        digests = {}
        for part, table in state.parts().items():
            sink = pa.BufferOutputStream()
            with pa.ipc.new_file(sink, table.schema) as writer:  # compressing would take longer than all else here
                writer.write_table(table)
            content = sink.getvalue()
            file = self._file(as_of, bucket, part)
            make_directory(file.parent)
            file.write_bytes(content)
            file.chmod(FILE_MODE)
            digests[part] = hashlib.sha256(content).hexdigest()
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


def _narrow(values: Ints) -> npt.NDArray[np.int32] | Ints:
    """As 32-bit integers where every value fits; ``ABSENT`` becomes the least of them."""
    absent = values == ABSENT
    low = values.min(initial=0, where=~absent)
    if low <= NARROW.min or values.max(initial=0) > NARROW.max:
        return values
    return np.where(absent, NARROW.min, values).astype(np.int32)


def _wide(values: npt.NDArray[np.int32] | Ints) -> Ints:
    if values.dtype == np.int64:
        return np.array(values)
    wide: Ints = values.astype(np.int64)
    wide[values == NARROW.min] = ABSENT
    return wide


def _narrowed(table: pa.Table) -> pa.Table:
    """The same with 32 bits for the columns of ``WIDE`` whose every value fits."""
    for index, name in enumerate(table.column_names):
        if name in WIDE:
            least, most = pc.min_max(table.column(name)).values()
            if (least.as_py() or 0) >= NARROW.min and (most.as_py() or 0) <= NARROW.max:
                table = table.set_column(index, name, table.column(name).cast(pa.int32()))
    return table


def _widened(table: pa.Table) -> pa.Table:
    for index, name in enumerate(table.column_names):
        if name in WIDE:
            table = table.set_column(index, name, table.column(name).cast(pa.int64()))
    return table


def fingerprint(parts: dict[str, object]) -> str:
    """First 16 digits of the SHA-256 of what something was made of."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]
