"""Small books customer by customer: a mixed-integer programme where rounding a plan of cells loses too much.

Belongs here: whole limits and one funder each, chosen at once. Does not belong here: large books, where the rounding of
cells misses next to nothing (``funding.rounding``).

Every customer is a cell of its own; of its points only those of one funder and one size of part may be used, and they
mix to a limit of whole steps. Shares of limits then fall on whole steps themselves; money bounds are kept some yuan
tighter, which is what the solver's tolerance is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
from scipy import sparse

from tierline.funding.book import NOBODY, Floats, Ints, greatest_part
from tierline.funding.cells import FREE, NONE, OUT, WANTED, eligible, make_cells
from tierline.funding.optimum import Night, protecting
from tierline.funding.programme import INFINITY, MILLION, Programme, build, model, solver
from tierline.funding.repair import Mender
from tierline.funding.rules import Plan, Rule

MOST_CUSTOMERS = 1_000
"""Customers up to which a book is small; beyond, one of them is a thousandth of it."""
_SPARE = 2.0  # yuan; the solver keeps rows to a millionth of a million
_NEAR_ENOUGH = 0.001  # of profit
_NODES = 5_000  # a bound on the search that does not depend on the machine's speed


def whole_plan(night: Night, mender: Mender) -> Plan | None:
    """The best plan of whole customers, within a thousandth, or None if none was found in as many nodes."""
    book = night.book
    members = {name: frozenset(range(len(book.members[name]))) for name in ("industry", "scenario")}
    cells = make_cells(book, night.lender, night.policy, members, alone=True)
    used = [rule for rule in night.rules if not (mender.protect and rule.constraint == "inclusive")]
    allowed = eligible(night.lender, night.policy, book.members["region"])
    programme = build(cells, allowed, used, night.lender, night.policy, _tighter(mender, used))
    programme = protecting(programme) if mender.protect else programme
    if not len(programme.columns):
        return None
    whole = _Whole.of(programme, mender)
    highs = solver()
    highs.setOptionValue("solver", "choose")
    highs.setOptionValue("mip_rel_gap", _NEAR_ENOUGH)
    highs.setOptionValue("mip_max_nodes", _NODES)
    highs.passModel(whole.lp())
    highs.run()
    if highs.getInfo().primal_solution_status != int(highspy.SolutionStatus.kSolutionStatusFeasible):
        return None
    return whole.plan(mender, np.asarray(highs.getSolution().col_value))


def _tighter(mender: Mender, rules: list[Rule]) -> dict[Rule, float]:
    """Yuan by which bounds in money are kept tighter, where they leave any room."""
    return {rule: _SPARE for rule in rules if rule.share is None and _room(mender, rule) > 200 * _SPARE}


def _room(mender: Mender, rule: Rule) -> float:
    bounds = mender.lender.partners[rule.index].bounds if rule.constraint.startswith("partner_") else {}
    return bounds[rule.constraint].room if rule.constraint in bounds else rule.bound


@dataclass(frozen=True)
class _Whole:
    """A programme over single customers with what must be whole in it.

    ``way``: per column its way, a customer's funder and size of part; ``first``: per way its first column;
    ``stepped``: customers whose limit is made of whole steps; others have a whole column or none.
    """

    programme: Programme
    way: Ints
    first: Ints
    stepped: Ints
    step: float

    @classmethod
    def of(cls, programme: Programme, mender: Mender) -> _Whole:
        cells, columns, book = programme.cells, programme.columns, mender.book
        names = np.column_stack([columns.cell, columns.partner, columns.size])
        _, first, way = np.unique(names, axis=0, return_index=True, return_inverse=True)
        least = np.where(cells.kind == FREE, 0, book.floor)
        steps = (book.wanted % mender.step == 0) & (least % mender.step == 0) & (book.wanted > least)
        return cls(programme, way.ravel(), first, np.flatnonzero(steps), mender.step / 100)

    def lp(self) -> highspy.HighsLp:
        """The programme, then a 0/1 column for each way and a count of steps for each stepped customer."""
        old, columns, cells = self.programme.lp, self.programme.columns, self.programme.cells
        ways, steps, width = len(self.first), len(self.stepped), old.num_col_
        matrix = sparse.csc_matrix(
            (old.a_matrix_.value_, old.a_matrix_.index_, old.a_matrix_.start_), shape=(old.num_row_, width)
        )
        every = np.arange(len(columns))
        number = np.full(len(cells), -1)
        number[self.stepped] = np.arange(steps)
        mine = np.flatnonzero(number[columns.cell] >= 0)
        in_steps = self.programme.limit[mine] * MILLION / self.step
        of_way = sparse.csr_matrix((np.ones(len(every)), (self.way, every)), shape=(ways, width))
        of_cell = sparse.csr_matrix(
            (np.ones(ways), (columns.cell[self.first], np.arange(ways))), shape=(len(cells), ways)
        )
        of_step = sparse.csr_matrix((in_steps, (number[columns.cell[mine]], mine)), shape=(steps, width))
        whole = sparse.bmat(
            [
                [matrix, None, None],
                [of_way, -sparse.identity(ways), None],
                [None, of_cell, None],
                [of_step, None, -sparse.identity(steps)],
            ],
            format="csc",
        )
        none, zeros = np.full(ways + len(cells), -INFINITY), np.zeros(steps)
        low = np.concatenate([old.row_lower_, none, zeros])
        high = np.concatenate([old.row_upper_, np.zeros(ways), np.ones(len(cells)), zeros])
        cost = np.concatenate([old.col_cost_, np.zeros(ways + steps)])
        upper = np.concatenate([old.col_upper_, np.ones(ways), np.full(steps, INFINITY)])
        lp = model(cost, upper, whole, (low, high))
        kind = np.full(len(cost), highspy.HighsVarType.kContinuous, dtype=object)
        kind[every[number[columns.cell] < 0]] = highspy.HighsVarType.kInteger
        kind[width:] = highspy.HighsVarType.kInteger
        lp.integrality_ = kind.tolist()
        return lp

    def plan(self, mender: Mender, found: Floats) -> Plan:
        """Limits, parts and partners of a solution."""
        book, columns, width = mender.book, self.programme.columns, self.programme.lp.num_col_
        limit, partner = np.zeros_like(book.wanted), np.full(len(book), NOBODY)
        size = np.full(len(book), NONE)
        chosen = self.first[found[width : width + len(self.first)] > 0.5]
        size[columns.cell[chosen]], partner[columns.cell[chosen]] = columns.size[chosen], columns.partner[chosen]
        taken = np.flatnonzero(found[: len(columns)] > 0.5)
        level = np.where(
            columns.level[taken] == WANTED, book.wanted[columns.cell[taken]], book.floor[columns.cell[taken]]
        )
        limit[columns.cell[taken]] = level
        count = np.rint(found[width + len(self.first) :]).astype(np.int64)
        limit[self.stepped] = count * mender.step
        most = greatest_part(limit, mender.own_share)
        part = np.select([size == NONE, size == OUT], [0, np.minimum(book.standing, most)], most)
        return Plan(limit, part, np.where(part > 0, partner, NOBODY))
