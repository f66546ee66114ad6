"""LightGBM's trees, read from the booster's text, with its rules of which way a row goes at each split.

Belongs here: what the text says of missing values, zeros and categories. Does not belong here: rows, or what is made of
the trees.

The rules are those of LightGBM's ``tree.h`` (``NumericalDecision``, ``CategoricalDecision``) and of its predictor,
which takes values within ``ZERO`` of 0 as 0. The text holds every figure in full: it is read back without loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from tierline.errors import TierlineError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ZERO = float(np.float32(1e-35))
"""LightGBM's ``kZeroThreshold``."""
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING_ZERO, _MISSING_NAN = 1, 2


@dataclass(frozen=True)
class Node:
    """One split. ``count`` is the number of learning rows that reached it; a child below 0 is leaf ``~child``.

    ``threshold``: a number at most this goes left. ``nan_left``: where a missing value goes. ``zero_left``: where 0
    goes if 0 counts as missing, else None. ``categories``: whether each code goes left; None for a numeric split.
    """

    feature: int
    threshold: float
    nan_left: bool
    zero_left: bool | None
    categories: Bools | None
    left: int
    right: int
    count: int


@dataclass(frozen=True)
class Tree:
    """Splits (the first is the root), and the value and number of learning rows of each leaf."""

    nodes: tuple[Node, ...]
    leaf_values: Floats
    leaf_counts: Ints

    def count(self, child: int) -> int:
        """Learning rows of a node, or of leaf ``~child``."""
        return self.nodes[child].count if child >= 0 else int(self.leaf_counts[~child])

    @property
    def expected_value(self) -> float:
        """Mean leaf value over the learning rows."""
        if not self.nodes:
            return float(self.leaf_values[0])
        return float(self.leaf_values @ self.leaf_counts) / self.nodes[0].count


def read_trees(booster: lgb.Booster) -> tuple[Tree, ...]:
    """The trees that ``booster.predict`` uses.

    Raises ``TierlineError`` for models whose margin is not the plain sum of one tree per round: several classes, random
    forests, linear leaves.
    """
    head, *blocks = booster.model_to_string().split("\nTree=")
    if booster.num_model_per_iteration() != 1:
        raise TierlineError(
            "model: it has several classes, but contributions are made of one margin: train a binary one"
        )
    if "\naverage_output" in head:
        raise TierlineError("model: a random forest's margin is a mean, not a sum: train with boosting=gbdt")
    return tuple(_read_tree(number, block) for number, block in enumerate(blocks))


def _read_tree(number: int, block: str) -> Tree:
    text = dict(line.split("=", 1) for line in block.split("\n\n", 1)[0].splitlines()[1:])
    if text.get("is_linear", "0") != "0":
        raise TierlineError(f"model: tree {number} has linear leaves: train with linear_tree=false")
    values = np.array(text["leaf_value"].split(), dtype=np.float64)
    if len(values) == 1:
        return Tree((), values, np.ones(1, dtype=np.int64))
    columns = {
        name: text[name].split()
        for name in ("split_feature", "threshold", "decision_type", "left_child", "right_child", "internal_count")
    }
    bitsets = _bitsets(text) if int(text["num_cat"]) else []
    nodes = tuple(
        _read_node(dict(zip(columns, row, strict=True)), bitsets) for row in zip(*columns.values(), strict=True)
    )
    if min(node.count for node in nodes) < 1:
        raise TierlineError(
            f"model: tree {number} has a split without learning rows: its shares are unknown, train again"
        )
    return Tree(nodes, values, np.array(text["leaf_count"].split(), dtype=np.int64))


def _read_node(text: dict[str, str], bitsets: list[Bools]) -> Node:
    kind, threshold = int(text["decision_type"]), float(text["threshold"])
    missing, default_left = kind >> 2 & 3, bool(kind & _DEFAULT_LEFT)
    categories = bitsets[int(threshold)] if kind & _CATEGORICAL else None
    return Node(
        feature=int(text["split_feature"]),
        threshold=_beside_zero(threshold),
        nan_left=default_left if missing in (_MISSING_ZERO, _MISSING_NAN) else threshold >= 0,
        zero_left=default_left if missing == _MISSING_ZERO else None,
        categories=categories,
        left=int(text["left_child"]),
        right=int(text["right_child"]),
        count=int(text["internal_count"]),
    )


def _beside_zero(threshold: float) -> float:
    """The threshold that sends every value within ``ZERO`` of 0 where 0 itself goes."""
    if abs(threshold) > ZERO:
        return threshold
    return ZERO if threshold >= 0 else float(np.nextafter(-ZERO, -np.inf))


def _bitsets(text: dict[str, str]) -> list[Bools]:
    """Per categorical split whether each code goes left."""
    words = np.array(text["cat_threshold"].split(), dtype="<u4")
    bounds = [int(bound) for bound in text["cat_boundaries"].split()]
    return [
        np.unpackbits(words[start:end].view(np.uint8), bitorder="little").astype(np.bool_)
        for start, end in pairwise(bounds)
    ]
