"""Cheap proofs that no row of some Parquet files breaks a rule, for the two rules that are dear to count.

Belongs here: proofs that are sufficient, never guesses. Does not belong here: counting what is broken: where a proof
fails, the rule's own SQL counts (``validation.metrics``), so that a verdict never rests on a hash.

A pattern per row and a grouping by a string key were four fifths of the time of a suite over ten million rows. Equal
keys have equal hashes, so hashes that all differ prove keys that all differ; and that every byte of a column is a hex
digit is seen on its Arrow buffer without looking at rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

PASS_ROWS = 20_000_000
"""Hashes sorted at once: 160 MB, however many rows there are."""
BATCH_ROWS = 65_536
BLOCK_BYTES = 262_144  # what a pass of numpy keeps in the processor's cache


class Proof(Protocol):
    """Shows for some files that what it names holds of every row; hashable, so that rules can share one."""

    def holds(self, connection: duckdb.DuckDBPyConnection, files: tuple[Path, ...]) -> bool:
        """True only if it holds; False says nothing."""


@dataclass(frozen=True)
class UniqueRows:
    """No two rows agree in ``columns``, and none of these is null anywhere."""

    columns: tuple[str, ...]

    def holds(self, connection: duckdb.DuckDBPyConnection, files: tuple[Path, ...]) -> bool:
        """Compare neighbours among the sorted hashes of the keys."""
        rows: int = sum(pq.read_metadata(file).num_rows for file in files)
        found = 0
        for hashed in _hashes(connection, files, self.columns, -(-rows // PASS_ROWS)):
            _sort(hashed)
            if np.any(hashed[1:] == hashed[:-1]):
                return False
            found += len(hashed)
        return bool(found == rows)


@dataclass(frozen=True)
class HexDigits:
    """Every value of ``column`` is ``length`` lower-case hex digits; every row has one unless ``nullable``."""

    column: str
    length: int
    nullable: bool

    def holds(self, connection: duckdb.DuckDBPyConnection, files: tuple[Path, ...]) -> bool:  # noqa: ARG002
        """Look at the lengths and at the bytes of each batch."""
        return all(self._holds(values) for values in _batches(files, self.column))

    def _holds(self, values: pa.Array) -> bool:
        if values.null_count and not self.nullable:
            return False
        _, offset_buffer, data = values.buffers()
        offsets = np.frombuffer(offset_buffer, np.int32)[values.offset : values.offset + len(values) + 1]
        wrong = np.diff(offsets) != self.length
        if values.null_count:
            wrong &= values.is_valid().to_numpy(zero_copy_only=False)
        if np.any(wrong):
            return False
        if data is None:
            return True
        read = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
        return all(_hex_bytes(read[start : start + BLOCK_BYTES]) for start in range(0, len(read), BLOCK_BYTES))


def _hashes(
    connection: duckdb.DuckDBPyConnection, files: tuple[Path, ...], columns: tuple[str, ...], passes: int
) -> Iterator[npt.NDArray[np.uint64]]:
    """Hashes of the rows without a null in ``columns``, equal ones in the same pass."""
    listed = ", ".join(f"'{file.as_posix()}'" for file in files)
    key = f"hash({', '.join(columns)})"
    there = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    for number in range(passes):
        part = f" AND {key} % {passes} = {number}" if passes > 1 else ""
        query = f"SELECT {key} AS hashed FROM read_parquet([{listed}], hive_partitioning = false) WHERE {there}{part}"
        yield connection.sql(query).fetchnumpy()["hashed"]


def _sort(values: npt.NDArray[np.uint64]) -> None:
    """In place, by two threads: cutting at the median costs a seventh of sorting."""
    middle = len(values) // 2
    if len(values):
        values.partition(middle)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(np.ndarray.sort, (values[:middle], values[middle:])))


def _batches(files: tuple[Path, ...], column: str) -> Iterator[pa.Array]:
    for file in files:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(BATCH_ROWS, columns=[column], use_threads=False):
                yield batch.column(0)


def _hex_bytes(block: npt.NDArray[np.uint8]) -> bool:
    """Unsigned subtraction wraps, so that one comparison tests a range."""
    letters = block - np.uint8(ord("a")) < 6
    digits = block - np.uint8(ord("0")) < 10
    return bool(np.all(letters | digits))
