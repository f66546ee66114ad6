"""From fractions of cells to customers: whole limits, whole cents, own money and at most one partner each.

Belongs here: who of a cell gets what, so that totals come out and as few customers as possible change. Does not belong
here: mending what the rounding broke (``funding.repair``).

Order within a cell: who has a limit before who has none, then by key. Customers with nothing drawn stay with their
funder as far as the programme keeps it. What one cell gives too much or too little the next one makes up for.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from tierline.funding.book import NOBODY, Book, Floats, Ints, greatest_part
from tierline.funding.cells import FREE, MOST, NONE, OUT, WANTED, Cells
from tierline.funding.programme import Columns, Solution
from tierline.funding.rules import Plan

_WHOLE = 1e-7  # a fraction this close to 0 or 1 is one
_REFUSED = -1


def round_plan(book: Book, cells: Cells, columns: Columns, solution: Solution, own_share: Fraction) -> Plan:
    """The plan that comes closest to the solution; it may miss a rule by a few limits."""
    point = np.full(len(book), _REFUSED, dtype=np.int64)
    order = np.lexsort((np.arange(len(book)), ~book.before, cells.of))
    starts = np.searchsorted(cells.of[order], np.arange(len(cells) + 1))
    for cell, used in _used(columns, solution, len(cells)):
        members = order[starts[cell] : starts[cell + 1]]
        if len(used) == 1 and solution.fraction[used[0]] >= 1 - _WHOLE:
            point[members] = used[0]
    carried: dict[int, float] = {}
    for cell, used in _used(columns, solution, len(cells)):
        members = order[starts[cell] : starts[cell + 1]]
        if point[members[0]] == _REFUSED and len(used):
            point[members] = _shared_out(book, cells, columns, solution.fraction, (cell, members, used), carried)
    return plan_of(book, columns, point, own_share)


def _used(columns: Columns, solution: Solution, cells: int) -> list[tuple[int, Ints]]:
    """Per cell its columns in use, in their own order."""
    used = np.flatnonzero(solution.fraction > _WHOLE)
    used = used[np.argsort(columns.cell[used], kind="stable")]
    ends = np.searchsorted(columns.cell[used], np.arange(cells + 1))
    return [(cell, used[ends[cell] : ends[cell + 1]]) for cell in range(cells)]


def _shared_out(
    book: Book,
    cells: Cells,
    columns: Columns,
    fraction: Floats,
    of: tuple[int, Ints, Ints],
    carried: dict[int, float],
) -> Ints:
    """The point of each member of one cell."""
    cell, members, used = of
    weight = book.wanted[members].astype(np.float64)
    point = np.full(len(members), _REFUSED, dtype=np.int64)
    target: dict[int, float] = {}
    for column in used:  # stay and move columns of one funder are one target
        first = target_of(columns, used, int(column))
        target[first] = target.get(first, 0.0) + fraction[column] * weight.sum()
    for column in target:
        target[column] += carried.get(_purse(columns, column), 0.0)
    if cells.kind[cell] == FREE:
        _stay(book, columns, members, target, point)
    left = {c: max(t - weight[point == c].sum(), 0.0) for c, t in target.items()}
    rest = np.flatnonzero(point == _REFUSED)
    ends = np.cumsum([left[column] for column in target])
    middle = np.cumsum(weight[rest]) - weight[rest] / 2
    names = np.array([*target, target_last(cells, cell, target)], dtype=np.int64)
    point[rest] = names[np.searchsorted(ends, middle)]
    for column, wanted in target.items():
        carried[_purse(columns, column)] = wanted - weight[point == column].sum()
    return point


def target_of(columns: Columns, used: Ints, column: int) -> int:
    """The first column in use of the same funder, level and size."""
    same = (
        (columns.partner[used] == columns.partner[column])
        & (columns.level[used] == columns.level[column])
        & (columns.size[used] == columns.size[column])
    )
    return int(used[same][0])


def target_last(cells: Cells, cell: int, target: dict[int, float]) -> int:
    """What those get who are left over: nothing if nothing is drawn, else the last point of the cell."""
    return _REFUSED if cells.kind[cell] == FREE else next(reversed(target))


def _purse(columns: Columns, column: int) -> int:
    """What must come out over all cells: the partner's total, or that of own money."""
    return int(columns.partner[column])


def _stay(book: Book, columns: Columns, members: Ints, target: dict[int, float], point: Ints) -> None:
    for column, wanted in target.items():
        same = np.flatnonzero(book.recorded[members] & (book.partner[members] == columns.partner[column]))
        weight = book.wanted[members[same]].astype(np.float64)
        point[same[np.cumsum(weight) - weight / 2 <= wanted]] = column


def plan_of(book: Book, columns: Columns, point: Ints, own_share: Fraction) -> Plan:
    """Limits and parts of customers at their points (columns; −1: nothing)."""
    given = point != _REFUSED
    limit = np.where(given, np.where(columns.level[point] == WANTED, book.wanted, book.floor), 0)
    most = greatest_part(limit, own_share)
    size = columns.size[point]
    part = np.select([~given | (size == NONE), size == OUT], [0, np.minimum(book.standing, most)], most)
    assert size.max(initial=0) <= MOST
    partner = np.where(part > 0, columns.partner[point], NOBODY)
    return Plan(limit, part, np.where(given, partner, NOBODY))
