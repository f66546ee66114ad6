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
Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile for the machine at hand, to be called by what is compiled."""
    return cast(Function, numba.njit(no_cfunc_wrapper=True, no_cpython_wrapper=True)(function))


def compiled_for_python(function: Function) -> Function:
    """Compile for the machine at hand, to be called by Python and run outside its lock."""
    return cast(Function, numba.njit(no_cfunc_wrapper=True, nogil=True)(function))


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
def meets(answers: Ints, start: int, stop: int, left: Bytes, given: Bytes) -> None:
    """Whether each row gives all of the answers of a bit."""
    for row in range(BLOCK):
        given[row] = 1
    for place in range(start, stop):
        node, flip = answers[place, 0], np.uint8(1 - answers[place, 1])
        for row in range(BLOCK):
            given[row] &= left[node, row] ^ flip


@compiled
def look_up(model: Program, part: int, work: Workspace, total: Floats) -> None:
    """Add the contributions of a branch; its table is flat (columns, 2 ** bits)."""
    bits, pattern = model.parts[part + 1, 1] - model.parts[part, 1], work.pattern
    for row in range(BLOCK):
        pattern[row] = 0
    for bit in range(bits):
        for row in range(BLOCK):
            pattern[row] |= np.uint16(work.given[bit, row]) << np.uint16(bit)
    at = model.parts[part, 0]
    for place in range(model.parts[part, 2], model.parts[part + 1, 2]):
        column = total[model.column[place]]
        for row in range(BLOCK):
            column[row] += model.tables[at + pattern[row]]
        at += 1 << bits


@compiled
def integrate(given: Bytes, shares: Floats, points: Floats, weights: Floats, work: Workspace) -> None:
    """Shapley values of a deep leaf of value 1 as ``work.integral``, by the quadrature of ``tables.shapley``."""
    mixed, before, integral, count = work.mixed, work.before, work.integral, len(given)
    for place in range(count):
        for row in range(BLOCK):
            integral[place, row] = 0.0
    for point in range((count + 1) // 2):
        t = points[point]
        for row in range(BLOCK):
            before[0, row] = weights[point]
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
def add_deep_leaf(model: Program, part: int, work: Workspace, total: Floats) -> None:
    """Add the contributions of a deep leaf and, where a column of the margin follows them, its value."""
    bits, start = model.parts[part + 1, 1] - model.parts[part, 1], model.parts[part, 2]
    order = (bits + 1) // 2
    given = work.given[:bits]
    integrate(given, model.share[start : start + bits], model.points[order], model.weights[order], work)
    for place in range(bits):
        for row in range(BLOCK):
            total[model.column[start + place], row] += work.integral[place, row] * model.leaf[part]
    for place in range(start + bits, model.parts[part + 1, 2]):
        for bit in range(1, bits):
            for row in range(BLOCK):
                given[0, row] &= given[bit, row]
        for row in range(BLOCK):
            total[model.column[place], row] += given[0, row] * model.leaf[part]


@compiled
def explain_tree(model: Program, tree: int, work: Workspace, values: Floats, total: Floats) -> None:
    """Add one tree's contributions; ``values`` (features, BLOCK), ``total`` (columns, BLOCK)."""
    base = model.trees[tree, 0]
    for node in range(base, model.trees[tree + 1, 0]):
        column, left, kind = values[model.nodes[node, 0]], work.left[node - base], model.nodes[node, 2]
        answer(model.threshold[node], model.nodes[node, 1], column, left)
        if kind != NUMERIC:
            codes = model.codes[model.nodes[node, 3] : model.nodes[node + 1, 3]]
            answer_rarely(kind, model.zero, codes, column, left)
    for part in range(model.trees[tree, 1], model.trees[tree + 1, 1]):
        first = model.parts[part, 1]
        for bit in range(first, model.parts[part + 1, 1]):
            start, stop = model.answers_from[bit], model.answers_from[bit + 1]
            meets(model.answers, start, stop, work.left, work.given[bit - first])
        if model.parts[part, 0] >= 0:
            look_up(model, part, work, total)
        else:
            add_deep_leaf(model, part, work, total)


@compiled_for_python
def explain(model: Program, work: Workspace, values: Floats, total: Floats) -> None:
    """Write the contributions of one block: ``values`` (features, BLOCK), ``total`` (columns, BLOCK)."""
    for column in range(len(total)):
        for row in range(BLOCK):
            total[column, row] = 0.0
    for tree in range(len(model.trees) - 1):
        explain_tree(model, tree, work, values, total)
