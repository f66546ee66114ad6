"""A model laid out as flat arrays, the form that the compiled loop reads.

Belongs here: the arrays and how they are filled. Does not belong here: the loop (``kernel.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tierline.shapley.tables import DeepLeaf, Part, Table, gauss
from tierline.shapley.trees import ZERO, Bools, Floats, Ints, Node, Tree

Bytes = npt.NDArray[np.uint8]
NUMERIC, ZERO_LEFT, ZERO_RIGHT, CATEGORICAL = 0, 1, 2, 3
"""Kinds of split; the middle two are numeric ones that send 0, a missing value there, left or right."""
BLOCK = 256
"""Rows at a time: what a tree needs of them fits in the second-level cache."""


class Program(NamedTuple):
    """A model as flat arrays. One ``x_from`` in the row of an owner, the next in the row after it: what is its own.

    Few arrays of several columns, because numba compiles each array of each function's arguments.

    ``trees`` (trees + 1, 2): nodes_from, parts_from. ``nodes`` (nodes + 1, 4): feature, nan_left, kind, codes_from;
    nodes of kind ``CATEGORICAL`` own ``codes`` that go left. ``parts`` (parts + 1, 3): table, bits_from, columns_from.
    ``answers`` (answers, 2), owned by bits: node counted within its tree, left. A part with ``table >= 0`` is looked up
    in ``tables`` from there on, (columns, 2 ** bits); one without is a single leaf of value ``leaf`` with one ``share``
    per column. ``points`` and ``weights`` (orders, greatest order) are the Gauss–Legendre rules of each order.
    """

    zero: float
    trees: Ints
    nodes: Ints
    threshold: Floats
    codes: Bytes
    parts: Ints
    leaf: Floats
    answers_from: Ints
    answers: Ints
    column: Ints
    share: Floats
    tables: Floats
    points: Floats
    weights: Floats


class Workspace(NamedTuple):
    """What one thread needs beside the model, for blocks of ``BLOCK`` rows.

    ``left`` (nodes of a tree), ``given`` (bits of a part), ``pattern``; for deep leaves ``mixed``, ``before`` and
    ``integral`` (bits of a part) and ``product``: each with BLOCK places in the last direction.
    """

    left: Bytes
    given: Bytes
    pattern: npt.NDArray[np.uint16]
    mixed: Floats
    before: Floats
    integral: Floats
    product: Floats


def workspace(model: Program) -> Workspace:
    """Room for the largest tree and part of a model."""
    nodes = int(np.diff(model.trees[:, 0]).max(initial=0))
    bits = int(np.diff(model.parts[:, 1]).max(initial=0))
    return Workspace(
        left=np.zeros((nodes, BLOCK), np.uint8),
        given=np.zeros((bits, BLOCK), np.uint8),
        pattern=np.zeros(BLOCK, np.uint16),
        mixed=np.zeros((bits, BLOCK)),
        before=np.zeros((bits, BLOCK)),
        integral=np.zeros((bits, BLOCK)),
        product=np.zeros(BLOCK),
    )


def program(trees: Sequence[Tree], split: Sequence[Sequence[Part]]) -> Program:
    """Lay the trees and their parts out as flat arrays."""
    nodes = [node for tree in trees for node in tree.nodes]
    parts = [part for tree in split for part in tree]
    bits = [bit for part in parts for bit in part.bits]
    codes = [np.zeros(0, np.bool_) if node.categories is None else node.categories for node in nodes]
    tables = [part.values.ravel() if isinstance(part, Table) else np.zeros(0) for part in parts]
    shares = [part.shares if isinstance(part, DeepLeaf) else np.zeros(len(part.columns)) for part in parts]
    table = [at if isinstance(part, Table) else -1 for part, at in zip(parts, _from(tables), strict=False)]
    answers = [(node, left) for bit in bits for node, left in bit]
    points, weights = _rules(max((len(part.bits) for part in parts), default=0))
    return Program(
        zero=ZERO,
        trees=np.column_stack([_from([tree.nodes for tree in trees]), _from(split)]),
        nodes=np.column_stack([*_splits(nodes), _from(codes)]),
        threshold=np.array([node.threshold for node in nodes]),
        codes=_joined(codes).astype(np.uint8),
        parts=np.column_stack([[*table, -1], _from([part.bits for part in parts]), _from(shares)]),
        leaf=np.array([part.value if isinstance(part, DeepLeaf) else 0.0 for part in parts]),
        answers_from=_from(bits),
        answers=np.array(answers, dtype=np.int64).reshape(len(answers), 2),
        column=_joined([part.columns for part in parts]).astype(np.int64),
        share=_joined(shares),
        tables=_joined(tables),
        points=points,
        weights=weights,
    )


def _splits(nodes: Sequence[Node]) -> tuple[list[int], list[int], list[int]]:
    """feature, nan_left and kind of each node, and a place more."""
    return (
        [*(node.feature for node in nodes), 0],
        [*(int(node.nan_left) for node in nodes), 0],
        [*(_kind(node) for node in nodes), NUMERIC],
    )


def _rules(bits: int) -> tuple[Floats, Floats]:
    """Nodes and weights of the rules for up to ``bits`` factors, a row for each order from 0."""
    orders = (bits + 1) // 2 + 1
    points, weights = np.zeros((orders, orders)), np.zeros((orders, orders))
    for order in range(1, orders):
        points[order, :order], weights[order, :order] = gauss(order)
    return points, weights


def _kind(node: Node) -> int:
    if node.categories is not None:
        return CATEGORICAL
    return NUMERIC if node.zero_left is None else ZERO_LEFT if node.zero_left else ZERO_RIGHT


def _from(owned: Iterable[Sequence[object] | Floats | Bools]) -> Ints:
    """Where each owner's share begins, and where the last one ends."""
    return np.cumsum([0, *(len(each) for each in owned)], dtype=np.int64)


def _joined(arrays: Sequence[Floats | Bools | Ints]) -> Floats:
    return np.concatenate([np.zeros(0), *arrays])
