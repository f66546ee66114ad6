"""Exact path-dependent TreeSHAP contributions of a LightGBM model.

Belongs here: the explainer of a booster. Does not belong here: what a feature means, or which reasons are given.

``docs/reasons.md`` says what exact means. The values are those of LightGBM's ``pred_contrib``, made from tables
(``tables.py``) in a compiled loop (``kernel.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np

from tierline.engine import worker_count
from tierline.errors import TierlineError
from tierline.scoring.kernel import CATEGORICAL, NUMERIC, ZERO_LEFT, ZERO_RIGHT, Program, explain
from tierline.scoring.tables import DeepLeaf, Part, Table, cut, gauss, regrouped
from tierline.scoring.trees import ZERO, Bools, Floats, Ints, Node, Tree, read_trees

ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class TreeExplainer:
    """Contributions in log-odds: per row they and ``expected_value`` sum to the booster's margin.

    ``columns`` is the number of columns of the result: one per feature, or one per group after ``grouped_by``.
    """

    features: int
    columns: int
    expected_value: float
    _trees: tuple[Tree, ...]
    _parts: tuple[tuple[Part, ...], ...]
    _program: Program

    @classmethod
    def of(cls, booster: lgb.Booster) -> TreeExplainer:
        """Make the tables of a booster; raises ``TierlineError`` for a kind of model that has no single margin."""
        trees, features = read_trees(booster), booster.num_feature()
        expected = sum(tree.expected_value for tree in trees)
        split = tuple(tree for tree in trees if tree.nodes)
        parts = tuple(cut(tree) for tree in split)
        return cls(features, features, expected, split, parts, _program(split, parts, features, features))

    def grouped_by(self, groups: Ints, count: int) -> TreeExplainer:
        """An explainer whose column ``g`` is the sum over the columns with ``groups[column] == g``; ``g < count``."""
        if len(groups) != self.columns or groups.min(initial=0) < 0 or groups.max(initial=0) >= count:
            raise TierlineError(f"reasons: every one of the {self.columns} columns needs a group from 0 to {count - 1}")
        parts = tuple(tuple(regrouped(part, groups) for part in tree) for tree in self._parts)
        program = _program(self._trees, parts, self.features, count)
        return replace(self, columns=count, _parts=parts, _program=program)

    def contributions(self, matrix: Floats) -> Floats:
        """Contributions of a (rows, features) matrix as a (rows, columns) array; NaN is a missing value.

        A row's result does not depend on the other rows, nor on the number of threads.
        """
        if matrix.ndim != 2 or matrix.shape[1] != self.features:
            raise TierlineError(f"reasons: the matrix has shape {matrix.shape}; the model has {self.features} features")
        result = np.zeros((len(matrix), self.columns))
        if not self._trees:
            return result
        values = np.ascontiguousarray(matrix, dtype=np.float64)

        def work(start: int) -> None:
            explain(self._program, values, result, start, min(start + ROWS_AT_ONCE, len(values)))

        with ThreadPoolExecutor(worker_count(), thread_name_prefix="reasons") as pool:
            list(pool.map(work, range(0, len(values), ROWS_AT_ONCE)))
        return result


def _program(trees: Sequence[Tree], split: Sequence[Sequence[Part]], features: int, columns: int) -> Program:
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
