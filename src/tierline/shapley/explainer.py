"""Exact path-dependent TreeSHAP contributions of a LightGBM model.

Belongs here: the explainer of a booster. Does not belong here: what a feature means, or which reasons are given.

``docs/reasons.md`` says what exact means. The values are those of LightGBM's ``pred_contrib``, made from tables
(``tables.py``) in a compiled loop (``kernel.py``).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np

from tierline.engine import worker_count
from tierline.errors import TierlineError
from tierline.shapley.program import Program, program
from tierline.shapley.tables import Part, cut, regrouped
from tierline.shapley.trees import Floats, Ints, Tree, read_trees

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
        return cls(features, features, expected, split, parts, program(split, parts, features, features))

    def grouped_by(self, groups: Ints, count: int) -> TreeExplainer:
        """An explainer whose column ``g`` is the sum over the columns with ``groups[column] == g``; ``g < count``."""
        if len(groups) != self.columns or groups.min(initial=0) < 0 or groups.max(initial=0) >= count:
            raise TierlineError(f"reasons: every one of the {self.columns} columns needs a group from 0 to {count - 1}")
        parts = tuple(tuple(regrouped(part, groups) for part in tree) for tree in self._parts)
        laid_out = program(self._trees, parts, self.features, count)
        return replace(self, columns=count, _parts=parts, _program=laid_out)

    def contributions(self, matrix: Floats) -> Floats:
        """Contributions of a (rows, features) matrix as a (rows, columns) array; NaN is a missing value.

        A row's result does not depend on the other rows, nor on the number of threads.
        """
        if matrix.ndim != 2 or matrix.shape[1] != self.features:
            raise TierlineError(f"reasons: the matrix has shape {matrix.shape}; the model has {self.features} features")
        result = np.zeros((len(matrix), self.columns))
        if not self._trees:
            return result
        from tierline.shapley.kernel import explain  # here, because numba takes half a second to import

        values = np.ascontiguousarray(matrix, dtype=np.float64)

        def work(start: int) -> None:
            explain(self._program, values, result, start, min(start + ROWS_AT_ONCE, len(values)))

        with ThreadPoolExecutor(worker_count(), thread_name_prefix="reasons") as pool:
            list(pool.map(work, range(0, len(values), ROWS_AT_ONCE)))
        return result
