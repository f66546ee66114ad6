"""Numbers and codes as Arrow columns of the contract's types, without a loop over rows.

Belongs here: conversions. Does not belong here: which columns a table has (``tierline.schemas``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.schemas.contract import ARROW_TYPES, Kind, Table
from tierline.sources.simulated.timeline import Ints


def money(cents: Ints) -> pa.Array:
    """Cents as decimal(18,2): the 128-bit two's complement of the cents is the value itself."""
    words = np.empty((len(cents), 2), dtype="<i8")
    words[:, 0] = cents
    words[:, 1] = cents >> 63
    return pa.Array.from_buffers(ARROW_TYPES[Kind.MONEY], len(cents), [None, pa.py_buffer(words)])


def instants(seconds: Ints) -> pa.Array:
    """Seconds since 1970 as UTC timestamps."""
    return pa.array(seconds * 1_000_000, type=pa.int64()).cast(ARROW_TYPES[Kind.TIMESTAMP])


def dates(days: Ints) -> pa.Array:
    """Days since 1970 as dates."""
    return pa.array(days.astype(np.int32), type=pa.int32()).cast(pa.date32())


def counts(values: npt.NDArray[np.integer]) -> pa.Array:
    """Whole numbers as int32."""
    return pa.array(values.astype(np.int32), type=pa.int32())


def words(codes: npt.NDArray[np.integer], vocabulary: Sequence[str] | pa.Array) -> pa.Array:
    """Words by code; a negative code is null."""
    source = vocabulary if isinstance(vocabulary, pa.Array) else pa.array(vocabulary, type=pa.string())
    missing = codes < 0
    return source.take(pa.array(np.where(missing, 0, codes), mask=missing if missing.any() else None))


def numbered(prefix: str, numbers: npt.NDArray[np.integer], width: int = 9) -> pa.Array:
    """Identifiers: prefix and number, filled with zeros to ``width`` digits."""
    digits = pc.utf8_lpad(pa.array(numbers.astype(np.int64)).cast(pa.string()), width=width, padding="0")
    return pc.binary_join_element_wise(pa.scalar(prefix), digits, "")


def table_of(contract: Table, columns: dict[str, pa.Array]) -> pa.Table:
    """The columns as a table with exactly the contract's schema."""
    return pa.table([columns[name] for name in contract.column_names], schema=contract.arrow_schema)
