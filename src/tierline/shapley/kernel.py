"""The compiled loop behind exact contributions: rows through trees, in blocks that stay in the processor's cache.

Belongs here: loops over rows. Does not belong here: the arrays they run on (``program.py``).

Compiled by numba at the first call of a process. Nothing is cached on disk: numba's cache is made of pickles in a
directory that others may be able to write to. Each row is summed in the order of the trees, so a result depends on no
other row, block or thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from tierline.shapley.program import CATEGORICAL, NUMERIC, ZERO_LEFT, Program

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Function = TypeVar("Function", bound=Callable[..., Any])
BLOCK = 256
"""Rows at a time: what a tree needs of them fits in the second-level cache."""


def compiled(function: Function) -> Function:
    """Compile for the machine at hand, and run outside Python's lock."""
    return cast(Function, numba.njit(nogil=True)(function))


@compiled
def answer(threshold: float, nan_left: int, values: Floats, left: Bytes) -> None:
    """Whether each value goes left at a numeric split."""
    if nan_left:
        for row in range(BLOCK):
            left[row] = not values[row] > threshold
    else:
        for row in range(BLOCK):
            left[row] = values[row] <= threshold


@compiled
def answer_rarely(kind: int, zero: float, codes: Bytes, values: Floats, left: Bytes) -> None:
    """The same at a categorical split; or 0 put right where it counts as missing."""
    for row in range(BLOCK):
        if kind == CATEGORICAL:
            known = -1 < values[row] < len(codes)  # false for NaN: unknown categories go right
            left[row] = codes[int(values[row])] if known else 0
        elif abs(values[row]) <= zero:
            left[row] = kind == ZERO_LEFT


@compiled
def meets(nodes: Ints, wanted: Bytes, left: Bytes, given: Bytes) -> None:
    """Whether each row gives all of the answers of a bit."""
    given.fill(1)
    for place in range(len(nodes)):
        flip = 1 - wanted[place]
        for row in range(BLOCK):
            given[row] &= left[nodes[place], row] ^ flip


@compiled
def look_up(table: Floats, columns: Ints, given: Bytes, total: Floats) -> None:
    """Add the contributions of a branch; ``table`` is flat (columns, 2 ** bits)."""
    pattern = np.zeros(BLOCK, np.uint16)
    for bit in range(len(given)):
        for row in range(BLOCK):
            pattern[row] |= np.uint16(given[bit, row]) << np.uint16(bit)
    size = 1 << len(given)
    for place in range(len(columns)):
        values, column = table[place * size : (place + 1) * size], total[columns[place]]
        for row in range(BLOCK):
            column[row] += values[pattern[row]]


@compiled
def integrate(given: Bytes, shares: Floats, points: Floats, weights: Floats, integral: Floats) -> None:
    """Shapley values of a deep leaf of value 1, by the quadrature of ``tables.shapley``."""
    count = len(given)
    mixed, before = np.empty((count, BLOCK)), np.empty((count, BLOCK))
    integral.fill(0.0)
    for point in range(len(points)):
        t = points[point]
        before[0].fill(weights[point])
        for place in range(count):
            for row in range(BLOCK):
                mixed[place, row] = (1 - t) * shares[place] + t * given[place, row]
        for place in range(1, count):
            for row in range(BLOCK):
                before[place, row] = before[place - 1, row] * mixed[place - 1, row]
        for place in range(count - 1, -1, -1):  # mixed becomes the product of all factors from its place on
            for row in range(BLOCK):
                after = mixed[place + 1, row] if place + 1 < count else 1.0
                integral[place, row] += before[place, row] * after
                mixed[place, row] *= after
    for place in range(count):
        for row in range(BLOCK):
            integral[place, row] *= given[place, row] - shares[place]


@compiled
def explain_tree(model: Program, tree: int, values: Floats, total: Floats) -> None:
    """Add one tree's contributions; ``values`` (features, BLOCK), ``total`` (columns, BLOCK)."""
    base, end = model.nodes_from[tree], model.nodes_from[tree + 1]
    left = np.empty((end - base, BLOCK), np.uint8)
    for node in range(base, end):
        column = values[model.feature[node]]
        answer(model.threshold[node], model.nan_left[node], column, left[node - base])
        if model.kind[node] != NUMERIC:
            codes = model.codes[model.codes_from[node] : model.codes_from[node + 1]]
            answer_rarely(model.kind[node], model.zero, codes, column, left[node - base])
    for part in range(model.parts_from[tree], model.parts_from[tree + 1]):
        first, last = model.bits_from[part], model.bits_from[part + 1]
        given = np.empty((last - first, BLOCK), np.uint8)
        for bit in range(first, last):
            start, stop = model.answers_from[bit], model.answers_from[bit + 1]
            meets(model.answer_node[start:stop], model.answer_left[start:stop], left, given[bit - first])
        start, stop = model.columns_from[part], model.columns_from[part + 1]
        if model.table[part] >= 0:
            look_up(model.tables[model.table[part] :], model.column[start:stop], given, total)
        else:
            order = (last - first + 1) // 2
            rule = slice(model.gauss_from[order], model.gauss_from[order + 1])
            found = np.empty((last - first, BLOCK))
            integrate(given, model.share[start:stop], model.gauss_node[rule], model.gauss_weight[rule], found)
            for place in range(last - first):
                for row in range(BLOCK):
                    total[model.column[start + place], row] += found[place, row] * model.leaf[part]


@compiled
def explain(model: Program, matrix: Floats, result: Floats, start: int, stop: int) -> None:
    """Write the contributions of rows ``start`` to ``stop`` of ``matrix`` to the same rows of ``result``.

    Blocks are always whole: what stands in the places beyond the last row is computed and thrown away.
    """
    values, total = np.zeros((model.features, BLOCK)), np.empty((model.columns, BLOCK))
    for first in range(start, stop, BLOCK):
        rows = min(BLOCK, stop - first)
        for row in range(rows):
            for feature in range(model.features):
                values[feature, row] = matrix[first + row, feature]
        total.fill(0.0)
        for tree in range(len(model.nodes_from) - 1):
            explain_tree(model, tree, values, total)
        for row in range(rows):
            for column in range(model.columns):
                result[first + row, column] = total[column, row]
