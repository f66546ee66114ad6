"""The compiled loop behind exact contributions: rows through trees, in blocks that stay in the processor's cache.

Belongs here: loops over rows. Does not belong here: the arrays they run on (``program.py``).

Compiled by numba at the first call of a process. Nothing is cached on disk: numba's cache is made of pickles in a
directory that others may be able to write to. So what is here is written to compile quickly: no function but the last
can be called from Python, none makes an array, and there is one form of each argument. Each row is summed in the order
of the trees, so a result depends on no other row, block or thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from tierline.shapley.program import BLOCK, CATEGORICAL, NUMERIC, ZERO_LEFT, Program, Workspace

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
NJIT: Any = numba.njit  # its types do not name the options below
Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile for the machine at hand, to be called by what is compiled."""
    return cast(Function, NJIT(no_cfunc_wrapper=True, no_cpython_wrapper=True)(function))


def compiled_for_python(function: Function) -> Function:
    """Compile for the machine at hand, to be called by Python and run outside its lock."""
    return cast(Function, NJIT(no_cfunc_wrapper=True, nogil=True)(function))


@compiled
def answer(model: Program, node: int, values: Floats, left: Bytes) -> None:
    """Whether each value goes left at a split."""
    threshold, kind = model.threshold[node], model.nodes[node, 2]
    if model.nodes[node, 1]:  # NaN goes left
        for row in range(BLOCK):
            left[row] = not values[row] > threshold
    else:
        for row in range(BLOCK):
            left[row] = values[row] <= threshold
    if kind == CATEGORICAL:
        start = model.nodes[node, 3]
        codes = model.nodes[node + 1, 3] - start
        for row in range(BLOCK):
            known = -1 < values[row] < codes  # false for NaN: unknown categories go right
            left[row] = model.codes[start + int(values[row])] if known else 0
    elif kind != NUMERIC:
        for row in range(BLOCK):
            if abs(values[row]) <= model.zero:  # 0 counts as missing
                left[row] = kind == ZERO_LEFT


@compiled
def meet(model: Program, part: int, work: Workspace) -> None:
    """Whether each row gives all of the answers of each bit of a part."""
    first, given = model.parts[part, 1], work.given
    for bit in range(first, model.parts[part + 1, 1]):
        for row in range(BLOCK):
            given[bit - first, row] = 1
        for place in range(model.answers_from[bit], model.answers_from[bit + 1]):
            node, flip = model.answers[place, 0], np.uint8(1 - model.answers[place, 1])
            for row in range(BLOCK):
                given[bit - first, row] &= work.left[node, row] ^ flip


@compiled
def look_up(model: Program, part: int, work: Workspace, total: Floats) -> None:
    """Add the contributions of a branch; its table is flat (columns, 2 ** bits)."""
    bits, pattern = model.parts[part + 1, 1] - model.parts[part, 1], work.pattern
    for row in range(BLOCK):
        pattern[row] = 0
    for bit in range(bits):
        for row in range(BLOCK):
            pattern[row] |= np.uint16(work.given[bit, row]) << np.uint16(bit)
    at = np.uint64(model.parts[part, 0])  # without a sign: numba would ask of each place whether it is negative
    for place in range(model.parts[part, 2], model.parts[part + 1, 2]):
        column = total[model.column[place]]
        for row in range(BLOCK):
            column[row] += model.tables[at + pattern[row]]
        at += np.uint64(1 << bits)


@compiled
def add_point(t: float, weight: float, given: Bytes, shares: Floats, work: Workspace) -> None:
    """Add one point of the quadrature of ``tables.shapley`` to the integrals of a deep leaf's features."""
    mixed, before, product = work.mixed, work.before, work.product
    for row in range(BLOCK):
        product[row] = weight
    for place in range(len(given)):
        for row in range(BLOCK):
            mixed[place, row] = (1 - t) * shares[place] + t * given[place, row]
            before[place, row] = product[row]
            product[row] *= mixed[place, row]
    for row in range(BLOCK):
        product[row] = 1.0
    for place in range(len(given) - 1, -1, -1):
        for row in range(BLOCK):
            work.integral[place, row] += before[place, row] * product[row]
            product[row] *= mixed[place, row]


@compiled
def add_deep_leaf(model: Program, part: int, work: Workspace, total: Floats) -> None:
    """Add the contributions of a deep leaf and, where a column of the margin follows them, its value."""
    bits, start = model.parts[part + 1, 1] - model.parts[part, 1], model.parts[part, 2]
    given, shares, integral = work.given[:bits], model.share[start : start + bits], work.integral
    for place in range(bits):
        for row in range(BLOCK):
            integral[place, row] = 0.0
    order = (bits + 1) // 2
    for point in range(order):
        add_point(model.points[order, point], model.weights[order, point], given, shares, work)
    for place in range(bits):
        for row in range(BLOCK):
            total[model.column[start + place], row] += (
                integral[place, row] * (given[place, row] - shares[place]) * model.leaf[part]
            )
    for place in range(start + bits, model.parts[part + 1, 2]):
        for row in range(BLOCK):
            reached = given[0, row]
            for bit in range(1, bits):
                reached &= given[bit, row]
            total[model.column[place], row] += reached * model.leaf[part]


@compiled_for_python
def explain(model: Program, work: Workspace, values: Floats, total: Floats) -> None:
    """Write the contributions of one block: ``values`` (features, BLOCK), ``total`` (columns, BLOCK)."""
    for column in range(len(total)):
        for row in range(BLOCK):
            total[column, row] = 0.0
    for tree in range(len(model.trees) - 1):
        base = model.trees[tree, 0]
        for node in range(base, model.trees[tree + 1, 0]):
            answer(model, node, values[model.nodes[node, 0]], work.left[node - base])
        for part in range(model.trees[tree, 1], model.trees[tree + 1, 1]):
            meet(model, part, work)
            if model.parts[part, 0] >= 0:
                look_up(model, part, work, total)
            else:
                add_deep_leaf(model, part, work, total)
