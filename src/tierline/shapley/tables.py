"""Trees cut into branches, each with a table of the Shapley values for every pattern of answers.

Belongs here: the game, its solution for one leaf, and how a tree is cut. Does not belong here: rows.

The game is LightGBM's own (``pred_contrib``; Lundberg et al. 2020, "tree_path_dependent"): a coalition's value is the
tree's expectation where splits on absent features are answered in the shares of the learning rows. One leaf's part is
its value times one factor per distinct feature of its path: 1 or 0 for a present feature (are all its splits on the
path answered towards the leaf?), the product of its splits' shares for an absent one. So a leaf's contributions depend
on a row only through a few bits, and those of a branch of the tree only through its answers: they can be written down
once for all patterns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from tierline.shapley.trees import Bools, Floats, Ints, Tree

BRANCH_BITS, LEAF_BITS = 9, 10
"""Bits of the largest table of a branch, and of a single leaf: 4 KiB per column stay in the first-level cache."""
Answers = tuple[tuple[int, bool], ...]
"""Splits of one tree and whether each must go left."""


@dataclass(frozen=True)
class Table:
    """Contributions of the leaves of one branch by pattern: ``values`` has shape (columns, 2 ** bits).

    Bit ``k`` of a pattern is 1 where a row gives all of ``bits[k]``. ``reached`` is the value of the leaf that a row of
    the pattern ends in, 0 where that is not in the branch.
    """

    bits: tuple[Answers, ...]
    columns: Ints
    values: Floats
    reached: Floats


@dataclass(frozen=True)
class DeepLeaf:
    """A leaf with more than ``LEAF_BITS`` features; ``bits``, ``columns`` and ``shares`` have one entry per feature.

    One more column, with a share of nothing, is that of the margin.
    """

    bits: tuple[Answers, ...]
    columns: Ints
    shares: Floats
    value: float


Part = Table | DeepLeaf


@cache
def gauss(count: int) -> tuple[Floats, Floats]:
    """Gauss–Legendre nodes and weights on [0, 1]: exact for polynomials of degree below ``2 * count``."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


def shapley(present: Bools, shares: Floats, value: float) -> Floats:
    """Shapley values of one leaf's features, shape (features, rows), exact up to rounding.

    ``present[i]`` says per row whether the leaf's splits on feature i are answered towards it; ``shares[i]`` stands in
    for it where the feature is absent. A feature's Shapley value is the integral over t of its own difference times
    the others' factors, each mixed in the proportion t : 1 - t, which is a polynomial of lower degree (Owen 1972).
    """
    t, weight = gauss((len(shares) + 1) // 2)
    mixed = present[:, None, :] * t[:, None] + (shares[:, None] * (1 - t))[:, :, None]
    others = np.ones_like(mixed)  # product over all features but one: those before it, then those after it
    np.cumprod(mixed[:-1], axis=0, out=others[1:])
    after = np.ones_like(mixed[0])
    for feature in range(len(shares) - 2, -1, -1):
        after *= mixed[feature + 1]
        others[feature] *= after
    integral = (others * weight[:, None]).sum(axis=1)
    result: Floats = (present - shares[:, None]) * integral * value
    return result


@dataclass(frozen=True)
class _Path:
    """What must be answered to get to a place in the tree, by feature, and the features' shares of learning rows."""

    answers: dict[int, Answers]
    shares: dict[int, float]

    def longer(self, tree: Tree, node: int, *, left: bool) -> _Path:
        """The path one split further."""
        split = tree.nodes[node]
        share = tree.count(split.left if left else split.right) / split.count
        feature = split.feature
        return _Path(
            self.answers | {feature: (*self.answers.get(feature, ()), (node, left))},
            self.shares | {feature: self.shares.get(feature, 1.0) * share},
        )


def cut(tree: Tree) -> tuple[Part, ...]:
    """Cut a tree into branches small enough for a table each, and leaves too deep for one."""
    if not tree.nodes:
        return (Table((), np.zeros(0, dtype=np.int64), np.zeros((0, 1)), tree.leaf_values),)
    parts: list[Part] = []
    waiting = [(0, _Path({}, {}))]
    while waiting:
        child, path = waiting.pop()
        inner = list(_splits_below(tree, child))
        if len(path.answers) + len(inner) <= (BRANCH_BITS if inner else LEAF_BITS):
            parts.append(_table(tree, child, path, inner))
        elif child < 0:
            features = np.array(list(path.answers), dtype=np.int64)
            shares = np.array(list(path.shares.values()))
            parts.append(DeepLeaf(tuple(path.answers.values()), features, shares, float(tree.leaf_values[~child])))
        else:
            split = tree.nodes[child]
            waiting.append((split.right, path.longer(tree, child, left=False)))
            waiting.append((split.left, path.longer(tree, child, left=True)))
    return tuple(parts)


def regrouped(part: Part, groups: Ints) -> Part:
    """The part with column ``c`` counted towards ``groups[c]``."""
    if isinstance(part, DeepLeaf):
        return replace(part, columns=groups[part.columns])
    columns, place = np.unique(groups[part.columns], return_inverse=True)
    values = np.zeros((len(columns), part.values.shape[1]))
    np.add.at(values, place, part.values)
    return replace(part, columns=columns, values=values)


def with_margin(part: Part, column: int) -> Part:
    """The part with the value of the leaf that a row ends in counted towards ``column``, after its others."""
    columns = np.append(part.columns, column)
    if isinstance(part, DeepLeaf):
        return replace(part, columns=columns, shares=np.append(part.shares, 0.0))
    return replace(part, columns=columns, values=np.vstack([part.values, part.reached]))


def _splits_below(tree: Tree, child: int) -> Iterator[int]:
    """The splits of a branch, its root first."""
    waiting = [child]
    while waiting:
        node = waiting.pop()
        if node >= 0:
            yield node
            waiting += [tree.nodes[node].right, tree.nodes[node].left]


def _leaves_below(tree: Tree, child: int, path: _Path) -> Iterator[tuple[int, _Path]]:
    waiting = [(child, path)]
    while waiting:
        node, path = waiting.pop()
        if node < 0:
            yield ~node, path
        else:
            split = tree.nodes[node]
            waiting.append((split.right, path.longer(tree, node, left=False)))
            waiting.append((split.left, path.longer(tree, node, left=True)))


def _table(tree: Tree, child: int, path: _Path, inner: list[int]) -> Table:
    """The table of a branch: one bit for each feature above it, then one for each split in it."""
    bits = (*path.answers.values(), *(((node, True),) for node in inner))
    patterns = np.arange(2 ** len(bits))
    bit = [(patterns >> place & 1).astype(np.bool_) for place in range(len(bits))]
    above = dict(zip(path.answers, bit, strict=False))
    within = dict(zip(inner, bit[len(above) :], strict=True))
    features = sorted({*path.answers, *(tree.nodes[node].feature for node in inner)})
    values, reached = np.zeros((len(features), len(patterns))), np.zeros(len(patterns))
    for leaf, whole in _leaves_below(tree, child, path):
        present = []
        for feature, answers in whole.answers.items():
            given = above.get(feature, np.ones(len(patterns), dtype=np.bool_))
            for node, wanted in answers[len(path.answers.get(feature, ())) :]:
                given = given & (within[node] if wanted else ~within[node])
            present.append(given)
        places = [features.index(feature) for feature in whole.answers]
        values[places] += shapley(np.array(present), np.array(list(whole.shares.values())), tree.leaf_values[leaf])
        reached[np.all(present, axis=0)] = tree.leaf_values[leaf]
    return Table(bits, np.array(features, dtype=np.int64), values, reached)
