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
from tierline.shapley.program import BLOCK, Program, program, workspace
from tierline.shapley.tables import Part, cut, regrouped, with_margin
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
        parts = tuple(cut(tree) for tree in trees)
        return cls(features, features, expected, trees, parts, program(trees, parts))

    def grouped_by(self, groups: Ints, count: int) -> TreeExplainer:
        """An explainer whose column ``g`` is the sum over the columns with ``groups[column] == g``; ``g < count``."""
        if len(groups) != self.columns or groups.min(initial=0) < 0 or groups.max(initial=0) >= count:
            raise TierlineError(f"reasons: every one of the {self.columns} columns needs a group from 0 to {count - 1}")
        return self._with_parts(tuple(tuple(regrouped(part, groups) for part in tree) for tree in self._parts), count)

    def with_margin(self) -> TreeExplainer:
        """An explainer with one column more, the last: the margin.

        It is the number of the booster's raw ``predict`` to the last bit: the value of the leaf that the row ends in,
        added up in the order of the trees.
        """
        parts = tuple(tuple(with_margin(part, self.columns) for part in tree) for tree in self._parts)
        return self._with_parts(parts, self.columns + 1)

    def contributions(self, matrix: Floats, threads: int | None = None) -> Floats:
        """Contributions of a (rows, features) matrix, row- or column-major, as a (rows, columns) array; NaN is missing.

        A row's result does not depend on the other rows, nor on the number of ``threads`` (by default, as many as the
        engine's workers).
        """
        if matrix.ndim != 2 or matrix.shape[1] != self.features:
            raise TierlineError(f"reasons: the matrix has shape {matrix.shape}; the model has {self.features} features")
        result = np.empty((len(matrix), self.columns))

        def work(start: int) -> None:
            self._explain(matrix[start : start + ROWS_AT_ONCE], result[start : start + ROWS_AT_ONCE])

        with ThreadPoolExecutor(threads or worker_count(), thread_name_prefix="reasons") as pool:
            list(pool.map(work, range(0, len(matrix), ROWS_AT_ONCE)))
        return result

    def _explain(self, matrix: Floats, result: Floats) -> None:
        """Fill ``result``. Blocks are always whole: what stands beyond the last row is computed and thrown away."""
        from tierline.shapley.kernel import explain  # here, because numba takes half a second to import

        work, values, total = (
            workspace(self._program),
            np.zeros((self.features, BLOCK)),
            np.empty((self.columns, BLOCK)),
        )
        for start in range(0, len(matrix), BLOCK):
            rows = matrix[start : start + BLOCK]
            values[:, : len(rows)] = rows.T
            explain(self._program, work, values, total)
            result[start : start + BLOCK] = total[:, : len(rows)].T

    def _with_parts(self, parts: tuple[tuple[Part, ...], ...], columns: int) -> TreeExplainer:
        return replace(self, columns=columns, _parts=parts, _program=program(self._trees, parts))


def compile_kernel() -> None:
    """Compile the loop now, in about two seconds; else the first contributions of a process wait for it."""
    from tierline.shapley.kernel import explain

    nothing = program((), ())
    explain(nothing, workspace(nothing), np.zeros((0, BLOCK)), np.zeros((0, BLOCK)))
