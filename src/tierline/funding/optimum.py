"""The best plan over cells: which rules the programme needs, and the inclusive floor's two ways.

Belongs here: what is solved, and again if a rule left out turns out to matter. Does not belong here: the form of the
programme (``funding.programme``) or single customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tierline.funding.book import Book, Lender
from tierline.funding.cells import FLOOR, WANTED, Apart, Cells, eligible, make_cells
from tierline.funding.conflicts import explain
from tierline.funding.programme import MILLION, Programme, Solution, build, solve
from tierline.funding.rules import Rule
from tierline.policy import Policy

_NEAR = 0.5
"""An industry or scenario gets cells of its own from this part of its cap on."""


@dataclass(frozen=True)
class Night:
    """What is solved: book, lender, policy and rules; ``bands``: edges of limits in cents, by default none."""

    book: Book
    lender: Lender
    policy: Policy
    rules: list[Rule]
    bands: Sequence[int] = ()


@dataclass(frozen=True)
class Optimum:
    """The solved programme; ``protect``: all sole proprietors keep their limits, which keeps the inclusive rule."""

    programme: Programme
    solution: Solution
    protect: bool

    @property
    def limit(self) -> float:
        """Yuan of all limits in the solution."""
        return _sum(self.programme, self.solution)


def near_cap(book: Book, rules: list[Rule]) -> Apart:
    """Industries and scenarios whose part of the wanted limits is near their cap."""
    apart = {}
    total = book.wanted.sum()
    for name in ("industry", "scenario"):
        mine = [rule for rule in rules if rule.constraint == f"{name}_share"]
        wanted = {rule: book.wanted[book.code[name] == rule.index].sum() for rule in mine}
        apart[name] = frozenset(r.index for r, w in wanted.items() if w > _NEAR * float(r.share or 0) * total)
    return apart


def find_optimum(night: Night, apart: Apart, tighter: dict[Rule, float] | None = None) -> Optimum | None:
    """The best plan, ``tighter`` by these yuan per rule; None only if the tightened rules leave no plan.

    Raises ``InfeasibleError`` if no plan keeps the rules as they are. The inclusive rule holds if sole proprietors
    have their part of all limits, or if the portfolio lowers none of theirs: where the best plan without the rule does
    neither, both ways are solved and the better one stands.
    """
    cells = make_cells(night.book, night.lender, night.policy, apart, night.bands)
    allowed = eligible(night.lender, night.policy, night.book.members["region"])
    used = [rule for rule in night.rules if _row_needed(rule, apart)]
    floor = [rule for rule in used if rule.constraint == "inclusive"]
    free = [rule for rule in used if rule.constraint != "inclusive"]

    def made(rules: list[Rule], protect: bool) -> Programme:
        programme = build(cells, allowed, rules, night.lender, night.policy, tighter or {})
        return protecting(programme) if protect else programme

    first = made(free, False)
    solution = solve(first)
    if solution is None:
        if tighter:
            return None
        raise explain(first, night.policy.currency.en)
    if not floor or _inclusive(first, solution, floor[0]):
        return Optimum(first, solution, protect=not floor or _share(first, solution) < float(floor[0].share or 0))
    ways = [(made(used, False), False), (made(free, True), True)]
    solved = [Optimum(one, found, protect) for one, protect in ways if (found := solve(one)) is not None]
    if not solved:
        if tighter:
            return None
        raise explain(ways[0][0], night.policy.currency.en)
    return max(solved, key=lambda optimum: optimum.solution.profit)


def _row_needed(rule: Rule, apart: Apart) -> bool:
    name = rule.constraint.removesuffix("_share")
    return name not in apart or rule.index in apart[name]


def protecting(programme: Programme) -> Programme:
    """The same programme with every sole proprietor at the wanted limit."""
    cells, columns = programme.cells, programme.columns
    first = len(programme.rows)
    low = np.array(programme.lp.row_lower_)
    low[first : first + len(cells)][cells.sole] = 1.0
    upper = np.array(programme.lp.col_upper_)
    upper[: len(columns)][cells.sole[columns.cell] & (columns.level == FLOOR)] = 0.0
    programme.lp.row_lower_, programme.lp.col_upper_ = low, upper
    return programme


def _inclusive(programme: Programme, solution: Solution, rule: Rule) -> bool:
    if _share(programme, solution) >= float(rule.share or Fraction(0)):
        return True
    cells, columns = programme.cells, programme.columns
    high = np.bincount(columns.cell, solution.fraction * (columns.level == WANTED), len(cells))
    return bool((high[cells.sole] >= 1 - 1e-7).all())


def _share(programme: Programme, solution: Solution) -> float:
    total = _sum(programme, solution)
    return _sum(programme, solution, only=programme.cells) / total if total else 0.0


def _sum(programme: Programme, solution: Solution, only: Cells | None = None) -> float:
    """Yuan of limits; with ``only``, those of sole proprietors."""
    limit = programme.limit if only is None else programme.limit * only.sole[programme.columns.cell]
    return float((limit * solution.fraction).sum()) * MILLION
