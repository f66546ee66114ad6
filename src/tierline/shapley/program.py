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


class Program(NamedTuple):
    """A model as flat arrays; ``x_from[i]:x_from[i + 1]`` are the places in ``x`` that belong to owner ``i``.

    Trees own nodes and parts; parts own bits and columns; bits own answers (nodes counted within their tree). A part
    with ``table >= 0`` is looked up in ``tables`` from there on, (columns, 2 ** bits); one without is a single leaf of
    value ``leaf`` with one ``share`` per column. Nodes of kind ``CATEGORICAL`` own ``codes`` that go left.
    """

    zero: float
    features: int
    columns: int
    nodes_from: Ints
    feature: Ints
    threshold: Floats
    nan_left: Bytes
    kind: Bytes
    codes_from: Ints
    codes: Bytes
    parts_from: Ints
    table: Ints
    leaf: Floats
    bits_from: Ints
    answers_from: Ints
    answer_node: Ints
    answer_left: Bytes
    columns_from: Ints
    column: Ints
    share: Floats
    tables: Floats
    gauss_from: Ints
    gauss_node: Floats
    gauss_weight: Floats


def program(trees: Sequence[Tree], split: Sequence[Sequence[Part]], features: int, columns: int) -> Program:
    """Lay the trees and their parts out as flat arrays."""
    nodes = [node for tree in trees for node in tree.nodes]
    parts = [part for tree in split for part in tree]
    bits = [bit for part in parts for bit in part.bits]
    answers = [answer for bit in bits for answer in bit]
    codes = [np.zeros(0, np.bool_) if node.categories is None else node.categories for node in nodes]
    tables = [part.values.ravel() if isinstance(part, Table) else np.zeros(0) for part in parts]
    shares = [part.shares if isinstance(part, DeepLeaf) else np.zeros(len(part.columns)) for part in parts]
    tables_from = _from(tables)
    rules = [gauss(order) for order in range(1, (max(map(len, shares), default=1) + 1) // 2 + 1)]
    return Program(
        zero=ZERO,
        features=features,
        columns=columns,
        nodes_from=_from([tree.nodes for tree in trees]),
        feature=np.array([node.feature for node in nodes], dtype=np.int64),
        threshold=np.array([node.threshold for node in nodes]),
        nan_left=np.array([node.nan_left for node in nodes], dtype=np.uint8),
        kind=np.array([_kind(node) for node in nodes], dtype=np.uint8),
        codes_from=_from(codes),
        codes=_joined(codes).astype(np.uint8),
        parts_from=_from(split),
        table=np.array([at if isinstance(part, Table) else -1 for part, at in zip(parts, tables_from, strict=False)]),
        leaf=np.array([part.value if isinstance(part, DeepLeaf) else 0.0 for part in parts]),
        bits_from=_from([part.bits for part in parts]),
        answers_from=_from(bits),
        answer_node=np.array([node for node, _ in answers], dtype=np.int64),
        answer_left=np.array([left for _, left in answers], dtype=np.uint8),
        columns_from=_from(shares),
        column=_joined([part.columns for part in parts]).astype(np.int64),
        share=_joined(shares),
        tables=_joined(tables),
        gauss_from=_from([np.zeros(0), *(points for points, _ in rules)]),
        gauss_node=_joined([points for points, _ in rules]),
        gauss_weight=_joined([weights for _, weights in rules]),
    )


def _kind(node: Node) -> int:
    if node.categories is not None:
        return CATEGORICAL
    return NUMERIC if node.zero_left is None else ZERO_LEFT if node.zero_left else ZERO_RIGHT


def _from(owned: Iterable[Sequence[object] | Floats | Bools]) -> Ints:
    """Where each owner's share begins, and where the last one ends."""
    return np.cumsum([0, *(len(each) for each in owned)], dtype=np.int64)


def _joined(arrays: Sequence[Floats | Bools | Ints]) -> Floats:
    return np.concatenate([np.zeros(0), *arrays])
