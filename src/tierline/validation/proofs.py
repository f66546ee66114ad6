"""Cheap proofs that no row of some Parquet files breaks a rule, for the rules that are dear to count.

Belongs here: proofs that are sufficient, never guesses. Does not belong here: counting what is broken: where a proof
fails, the rule's own SQL counts (``validation.metrics``), so that a verdict never rests on a hash.

A pattern per row and a grouping by a string key were four fifths of the time of a suite over ten million rows. Equal
keys have equal hashes, so only rows whose hash repeats are looked at; that every byte of a column is a hex digit is
seen on its Arrow buffer without looking at rows; and a column that Parquet calls required has no place for a null.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

PASS_ROWS = 16_000_000
"""Hashes held at once: 128 MB, and 128 MB of slots, however many rows there are."""
SUSPECTS = 1_000
"""So many repeated hashes, or one in twenty rows, are looked at; beyond that counting everything is no dearer."""
BLOCK_ROWS = 65_536
BATCH_ROWS = 16_384  # half a megabyte of pseudonyms: what a pass of numpy finds in the processor's cache
BLOCK_BYTES = 262_144


class Proof(Protocol):
    """Shows for some files that what it names holds of every row; hashable, so that rules can share one."""

    def holds(self, connection: duckdb.DuckDBPyConnection, files: tuple[Path, ...]) -> bool:
        """True only if it holds; False says nothing."""


@dataclass(frozen=True)
class NoNulls:
    """None of ``columns`` is null anywhere."""

    columns: tuple[str, ...]

    def holds(self, connection: duckdb.DuckDBPyConnection, files: tuple[Path, ...]) -> bool:  # noqa: ARG002
        """Each file's schema has them as required: without definition levels no page can hold a null."""
        return all(self._required(pq.read_metadata(file).schema) for file in files)

    def _required(self, schema: pq.ParquetSchema) -> bool:
        levels = {schema.column(place).path: schema.column(place).max_definition_level for place in range(len(schema))}
        return all(levels.get(column) == 0 for column in self.columns)


@dataclass(frozen=True)
class UniqueRows:
    """No two rows agree in ``columns``, where nulls agree with each other.

    Hashes are of ``hashed``, some or all of ``columns``: the fewest that all but tell rows apart.
    """

    columns: tuple[str, ...]
    hashed: tuple[str, ...]

    def holds(self, connection: duckdb.DuckDBPyConnection, files: tuple[Path, ...]) -> bool:
        """Group the rows whose hash is not theirs alone."""
        rows: int = sum(pq.read_metadata(file).num_rows for file in files)
        source, key = _rows_of(files), _key_hash(self.hashed)
        for hashes in _hashes(connection, source, key, -(-rows // PASS_ROWS)):
            suspects = repeated(hashes)
            del hashes  # before the grouping, and before the next pass
            if len(suspects) > max(SUSPECTS, rows // 20):
                return False
            if len(suspects) and self._repeats(connection, source, key, suspects):
                return False
        return True

    def _repeats(
        self, connection: duckdb.DuckDBPyConnection, source: str, key: str, suspects: npt.NDArray[np.uint64]
    ) -> bool:
        """Whether two rows among those with one of the hashes ``suspects`` agree in ``columns``."""
        connection.register("suspects", pa.table({"suspect": suspects}))
        listed = ", ".join(f'"{name}"' for name in self.columns)
        grouped = f"SELECT 1 FROM {source} SEMI JOIN suspects ON {key} = suspect GROUP BY {listed}"
        found = connection.execute(f"{grouped} HAVING count(*) > 1 LIMIT 1").fetchall()
        connection.unregister("suspects")
        return bool(found)


@dataclass(frozen=True)
class HexDigits:
    """Every value of ``column`` that is not null is ``length`` lower-case hex digits."""

    column: str
    length: int

    def holds(self, connection: duckdb.DuckDBPyConnection, files: tuple[Path, ...]) -> bool:  # noqa: ARG002
        """Look at the lengths and at the bytes of each batch."""
        hex_digits = _HexDigits()
        return all(
            self._lengths(values) and hex_digits.only(_bytes_of(values)) for values in _batches(files, self.column)
        )

    def _lengths(self, values: pa.Array) -> bool:
        wrong = np.diff(_offsets(values)) != self.length
        if values.null_count:
            wrong &= values.is_valid().to_numpy(zero_copy_only=False)
        return not np.any(wrong)


def repeated(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The values that stand in more than one place, sorted.

    Each place is written into the slot of its value's leading bits; the last one stays. Places that do not find
    themselves there, one in seven, are the only ones that may repeat a value: that of the place they find or that of
    another of them. This takes half the time of sorting.
    """
    bits = len(hashes).bit_length() + 1
    last = np.empty(1 << bits, np.uint32)
    for start, slots in _slots(hashes, bits):
        last[slots] = np.arange(start, start + len(slots), dtype=np.uint32)
    places, others = [np.empty(0, np.intp)], [np.empty(0, np.uint32)]
    for start, slots in _slots(hashes, bits):
        found = last.take(slots)
        lost = np.flatnonzero(found != np.arange(start, start + len(slots), dtype=np.uint32))
        places.append(lost + start)
        others.append(found[lost])
    del last
    values = hashes[np.concatenate(places)]
    same = values[values == hashes[np.concatenate(others)]]
    values.sort()
    return np.unique(np.concatenate([same, values[1:][values[1:] == values[:-1]]]))


def _slots(hashes: npt.NDArray[np.uint64], bits: int) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """First place and leading ``bits`` of the hashes, a block at a time."""
    for start in range(0, len(hashes), BLOCK_ROWS):
        yield start, (hashes[start : start + BLOCK_ROWS] >> np.uint64(64 - bits)).view(np.int64)


def _rows_of(files: tuple[Path, ...]) -> str:
    listed = ", ".join(f"'{file.as_posix()}'" for file in files)
    return f"read_parquet([{listed}], hive_partitioning = false)"


def _key_hash(columns: tuple[str, ...]) -> str:
    return "hash(" + ", ".join(f'"{name}"' for name in columns) + ")"


def _hashes(
    connection: duckdb.DuckDBPyConnection, source: str, key: str, passes: int
) -> Iterator[npt.NDArray[np.uint64]]:
    """``key`` of all rows, equal ones in the same pass."""
    for number in range(passes):
        part = f" WHERE {key} % {passes} = {number}" if passes > 1 else ""
        found = connection.sql(f"SELECT {key} AS hashed FROM {source}{part}").to_arrow_reader(BLOCK_ROWS)
        yield np.concatenate([np.empty(0, np.uint64), *(batch.column(0).to_numpy() for batch in found)])


def _batches(files: tuple[Path, ...], column: str) -> Iterator[pa.Array]:
    for file in files:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(BATCH_ROWS, columns=[column], use_threads=False):
                yield batch.column(0)


def _offsets(values: pa.Array) -> npt.NDArray[np.int32]:
    return np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values) + 1]


def _bytes_of(values: pa.Array) -> npt.NDArray[np.uint8]:
    offsets, data = _offsets(values), values.buffers()[2]
    return np.frombuffer(data or b"", np.uint8)[offsets[0] : offsets[-1]]


class _HexDigits:
    """Looks at bytes a block at a time, always in the same memory: fresh memory takes longer than the looking."""

    def __init__(self) -> None:
        self._shifted = np.empty(BLOCK_BYTES, np.uint8)
        self._letters, self._digits = np.empty(BLOCK_BYTES, np.bool_), np.empty(BLOCK_BYTES, np.bool_)

    def only(self, data: npt.NDArray[np.uint8]) -> bool:
        """Whether all bytes are lower-case hex digits."""
        return all(self._only(data[start : start + BLOCK_BYTES]) for start in range(0, len(data), BLOCK_BYTES))

    def _only(self, block: npt.NDArray[np.uint8]) -> bool:
        """Unsigned subtraction wraps, so that one comparison tests a range."""
        shifted, letters, digits = (memory[: len(block)] for memory in (self._shifted, self._letters, self._digits))
        np.less(np.subtract(block, np.uint8(ord("a")), out=shifted), 6, out=letters)
        np.less(np.subtract(block, np.uint8(ord("0")), out=shifted), 10, out=digits)
        return bool(np.logical_or(letters, digits, out=letters).all())
