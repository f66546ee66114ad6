"""Money between its two forms: exact decimals in files, integer cents in arithmetic.

Belongs here: the conversion. Does not belong here: any rule about amounts.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Cents = npt.NDArray[np.int64]
MONEY = pa.decimal128(18, 2)


def to_money(cents: Cents, known: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Integer cents as decimal(18,2); null where ``known`` is false."""
    low = np.ascontiguousarray(cents, dtype="<i8")
    wide = np.column_stack([low, low >> 63])  # the upper half of a 128-bit integer is its sign
    array = pa.Array.from_buffers(MONEY, len(low), [None, pa.py_buffer(wide.tobytes())])
    return array if known is None else pc.if_else(pa.array(known), array, pa.scalar(None, MONEY))


def to_cents(column: pa.ChunkedArray | pa.Array, null_as: int = 0) -> Cents:
    """decimal(18,2) as integer cents; a null becomes ``null_as``."""
    cents = pc.multiply(column, pa.scalar(Decimal(100))).cast(pa.int64())
    return np.asarray(pc.fill_null(cents, null_as).to_numpy(zero_copy_only=False), dtype=np.int64)
