"""From a table to the matrix a booster reads, and back to a refusal where that is impossible.

Belongs here: the order of columns, levels of categories, missing and infinite values. Does not belong here: which
columns a model uses (``training``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tierline.errors import TierlineError

Floats = npt.NDArray[np.float64]
NO_CATEGORIES: Mapping[str, list[str]] = {}


def feature_matrix(
    frame: pa.Table | pd.DataFrame,
    names: Sequence[str],
    categories: Mapping[str, list[str]] = NO_CATEGORIES,
    order: Literal["C", "F"] = "C",
) -> Floats:
    """Columns by name, whatever their order in ``frame``, as a float64 matrix; missing becomes NaN.

    The matrix is row-major, or column-major (``order="F"``), which is made in less time and which LightGBM reads
    in more.

    A category becomes the position of its level in ``categories``; a level never seen in training is missing. Raises
    ``TierlineError`` for a column that is absent, infinite, or not a number (a category: neither text nor code).
    """
    found = set(frame.columns if isinstance(frame, pd.DataFrame) else frame.column_names)
    absent = [name for name in names if name not in found]
    if absent:
        raise TierlineError(f"features: column {absent[0]} is missing but the model needs it: rebuild the features")
    if order == "F" and isinstance(frame, pa.Table) and not categories:
        matrix = _as_they_are(frame.select(list(names)))
        if matrix is not None:
            return matrix
    matrix = np.empty((len(frame), len(names)), order=order)
    for index, name in enumerate(names):
        column = as_array(frame, name)
        matrix[:, index] = levels_of(column, categories[name]) if name in categories else numbers_of(column, name)
    return matrix


def _as_they_are(table: pa.Table) -> Floats | None:
    """All columns at once; None where they are not all finite float64, so that each has to be looked at."""
    if not len(table) or any(kind != pa.float64() for kind in table.schema.types):
        return None
    (batch,) = table.combine_chunks().to_batches()
    matrix: Floats = batch.to_tensor(null_to_nan=True, row_major=False).to_numpy()
    return None if np.isinf(matrix).any() else matrix


def as_array(frame: pa.Table | pd.DataFrame, name: str) -> pa.Array:
    """One column as one Arrow array; NaN of a frame is null."""
    if isinstance(frame, pd.DataFrame):
        try:
            made = pa.Array.from_pandas(frame[name])
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise TierlineError(f"column {name}: values of mixed kinds: make them all numbers or all text") from error
    else:
        made = frame.column(name)
    return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made


def numbers_of(column: pa.Array, name: str) -> Floats:
    """A numeric or boolean column as float64; null becomes NaN."""
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    if not is_number(column.type):
        raise TierlineError(
            f"column {name}: {column.type} is not a number: convert it, or leave it out of the features"
        )
    values: Floats = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    if np.isinf(values).any():
        row = int(np.flatnonzero(np.isinf(values))[0])
        raise TierlineError(f"column {name}: {int(np.isinf(values).sum())} values are infinite, first in row {row}")
    return values


def is_number(kind: pa.DataType) -> bool:
    """Numbers, decimals and booleans."""
    return any(
        test(kind) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    )


def is_text(kind: pa.DataType) -> bool:
    """Text, and categories of text or numbers."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type) or is_number(kind.value_type)
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def as_text(column: pa.Array) -> pa.Array:
    """A category column as text."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string())


def levels_of(column: pa.Array, levels: Sequence[str]) -> Floats:
    """Position of each value among ``levels``; NaN where missing or not among them."""
    found = pc.index_in(as_text(column), value_set=pa.array(list(levels), pa.string()), skip_nulls=True)
    positions: Floats = found.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return positions
