"""The portfolio as a linear programme over cells, solved by HiGHS.

Belongs here: columns, rows, solution and duals. Does not belong here: sums of cells (``funding.cells``), what to do
when nothing fits (``funding.conflicts``), single customers (``funding.rounding``).

A column is the fraction of a cell that stands at one level of limits with one funder at one size of part; profit is
exact at each of these points. Money is in millions of yuan, so that a dual of a money row is yuan per yuan.

All limits together are a column of their own, which a row defines: a bound on a share then has entries for its members
only, where with all limits written out it would have one for every column (docs/decisions/0021).
"""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
from scipy import sparse

from tierline.errors import TierlineError
from tierline.funding.book import DIMENSIONS, NOBODY, Flags, Floats, Ints, Lender
from tierline.funding.cells import FLOOR, FREE, KEPT, LOOSE, MOST, NONE, OUT, WANTED, Cells
from tierline.funding.rules import Rule
from tierline.policy import Policy

MILLION = 1e6
INFINITY = highspy.kHighsInf


@dataclass(frozen=True)
class Columns:
    """One entry per column: cell, level, size of part, partner; ``move`` marks free customers that change funder."""

    cell: Ints
    level: Ints
    size: Ints
    partner: Ints
    move: Flags

    def __len__(self) -> int:
        return len(self.cell)


@dataclass(frozen=True)
class Row:
    """A coupling row: Σ weight·x − share·(all limits) ≤ bound, in millions; of a partner's three one rule stands."""

    rule: Rule
    weight: Floats
    share: float
    bound: float


@dataclass(frozen=True)
class Programme:
    """The programme in the form HiGHS takes; the coupling rows come first, the row and column of all limits last."""

    cells: Cells
    columns: Columns
    rows: list[Row]
    limit: Floats
    lp: highspy.HighsLp


@dataclass(frozen=True)
class Solution:
    """Fraction per column, dual per coupling row (yuan a year per yuan of bound, ≥ 0), profit in yuan a year."""

    fraction: Floats
    dual: Floats
    profit: float


def make_columns(cells: Cells, allowed: Flags, partners: int) -> Columns:
    """Every point of every cell. ``allowed`` is ``cells.eligible``."""
    cell, level, size, partner, move = ([] for _ in range(5))

    def add(which: Ints, at: int, part: int, who: Ints | int, moves: bool = False) -> None:
        cell.append(which)
        level.append(np.full(len(which), at))
        size.append(np.full(len(which), part))
        partner.append(np.full(len(which), who) if isinstance(who, int) else who)
        move.append(np.full(len(which), moves))

    region = cells.code["region"]
    free, loose = np.flatnonzero(cells.kind == FREE), np.flatnonzero(cells.kind == LOOSE)
    kept = np.flatnonzero(cells.kind == KEPT)
    for who in (*range(partners), NOBODY):
        may = np.ones(len(cells), bool) if who == NOBODY else allowed[who, cells.tier, region] & cells.consent
        part = NONE if who == NOBODY else MOST
        stays = free[may[free] & (cells.stood[free, who] > 0)]  # −1, own money, is the last column of stood
        add(stays, WANTED, part, who)
        add(free[may[free]], WANTED, part, who, moves=True)
        add(loose[may[loose]], WANTED, part, who)
        add(loose[may[loose]], FLOOR, part, who)
    own, theirs = kept[cells.partner[kept] == NOBODY], kept[cells.partner[kept] != NOBODY]
    runs = theirs[allowed[cells.partner[theirs], cells.tier[theirs], region[theirs]] & cells.consent[theirs]]
    for at in (WANTED, FLOOR):
        add(own, at, NONE, NOBODY)
        add(theirs, at, OUT, cells.partner[theirs])
        add(runs, at, MOST, cells.partner[runs])
    return Columns(*(np.concatenate(parts) for parts in (cell, level, size, partner, move)))


def build(
    cells: Cells, allowed: Flags, rules: list[Rule], lender: Lender, policy: Policy, tighter: dict[Rule, float]
) -> Programme:
    """The programme of a night. ``tighter``: yuan by which a rule is kept tighter than it is, for the rounding."""
    columns = make_columns(cells, allowed, len(lender.partners))
    take = _taker(cells, columns)
    rows = _coupling(cells, columns, rules, lender, tighter)
    profit = take("earned") - take("weight") * lender.costs[columns.partner]
    movers = np.flatnonzero((cells.kind == FREE) & (cells.stood.sum(axis=1) > 0))
    number = np.full(len(cells), -1)
    number[movers] = np.arange(len(movers))
    wanted = cells.sums[WANTED, NONE].limit
    charge = policy.funding.move_cost * wanted[movers]
    upper = np.ones(len(columns))
    stays = (cells.kind[columns.cell] == FREE) & ~columns.move
    upper[stays] = cells.stood[columns.cell[stays], columns.partner[stays]] / wanted[columns.cell[stays]]
    moving = np.flatnonzero(columns.move & (number[columns.cell] >= 0))
    limit = take("limit") / MILLION
    matrix = _matrix(rows, limit, cells, columns, (moving, number))
    free, end = np.full(len(movers), -INFINITY), np.zeros(1)
    low = np.concatenate([np.full(len(rows), -INFINITY), np.where(cells.kind == FREE, -INFINITY, 1.0), free, end])
    high = np.concatenate([[r.bound for r in rows], np.ones(len(cells)), cells.fresh[movers] / wanted[movers], end])
    lp = model(
        np.concatenate([-profit / MILLION, charge / MILLION, end]),
        np.concatenate([np.minimum(upper, 1.0), np.full(len(movers) + 1, INFINITY)]),
        matrix,
        (low, high),
    )
    return Programme(cells, columns, rows, limit, lp)


def _matrix(
    rows: list[Row], limit: Floats, cells: Cells, columns: Columns, moves: tuple[Ints, Ints]
) -> sparse.csc_matrix:
    """Coupling rows; one row per cell; one per cell whose customers may move, Σ moved − charged ≤ newcomers; one for
    the sum of all limits. ``moves``: the columns that move customers, and the number of each such cell or −1.
    """
    moving, number = moves
    movers, width = int(number.max(initial=-1)) + 1, len(columns)
    coupled = [sparse.csr_matrix(row.weight) for row in rows]
    whole = _picked(columns.cell, np.arange(width), (len(cells), width))
    moved = _picked(number[columns.cell[moving]], moving, (movers, width))
    shares = sparse.csr_matrix(np.array([-row.share for row in rows]).reshape(-1, 1))
    return sparse.bmat(
        [
            [sparse.vstack(coupled) if rows else None, None, shares if rows else None],
            [whole, None, None],
            [moved, -sparse.identity(movers), None],
            [sparse.csr_matrix(limit), None, sparse.csr_matrix([[-1.0]])],
        ],
        format="csc",
    )


def _picked(row: Ints, column: Ints, shape: tuple[int, int]) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=shape)


def _taker(cells: Cells, columns: Columns):  # type: ignore[no-untyped-def]
    """A function that gives one sum of each column's point, yuan."""

    def take(name: str) -> Floats:
        values = np.zeros(len(columns))
        for (level, size), sums in cells.sums.items():
            here = (columns.level == level) & (columns.size == size)
            values[here] = getattr(sums, name)[columns.cell[here]]
        return values

    return take


def _coupling(
    cells: Cells, columns: Columns, rules: list[Rule], lender: Lender, tighter: dict[Rule, float]
) -> list[Row]:
    """The rows of the rules; of a partner's three bounds the one with the least room stands for all."""
    take = _taker(cells, columns)
    limit, part, out, loss, capital = (take(name) for name in ("limit", "part", "out", "loss", "capital"))
    rows = []
    for rule in rules:
        name, share, bound = rule.constraint, 0.0, 0.0
        if name in ("partner_commitment", "partner_tier1", "partner_joint"):
            partner = lender.partners[rule.index]
            if name != partner.binding:
                continue
            weight = np.where(columns.partner == rule.index, part - out, 0.0)
            bound = partner.bounds[name].room / 100
        elif name == "leverage":
            weight, bound = limit - part, rule.bound / 100
        elif name == "capital":
            guaranteed = take("weight") * lender.guaranteed[columns.partner]
            weight, bound = capital + guaranteed, rule.bound / 100
        else:
            used = {"partner_share": np.where(columns.partner == rule.index, part, 0.0), "expected_loss": loss}
            used["inclusive"] = np.where(cells.sole[columns.cell], limit, 0.0)
            for dimension in DIMENSIONS:
                used[f"{dimension}_share"] = np.where(cells.code[dimension][columns.cell] == rule.index, limit, 0.0)
            sign = -1.0 if rule.least else 1.0
            weight, share = sign * used[name], sign * float(rule.share or 0)
        rows.append(Row(rule, weight / MILLION, share, (bound - tighter.get(rule, 0.0)) / MILLION))
    return rows


def model(cost: Floats, upper: Floats, matrix: sparse.csc_matrix, bounds: tuple[Floats, Floats]) -> highspy.HighsLp:
    """Least cost of columns from 0 to ``upper``, with rows between ``bounds``."""
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(cost), matrix.shape[0]
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, np.zeros(len(cost)), upper
    lp.row_lower_, lp.row_upper_ = bounds
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    return lp


def solver() -> highspy.Highs:
    """HiGHS as this project runs it: interior point with crossover, one thread, the same from run to run."""
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("parallel", "off")
    highs.setOptionValue("random_seed", 0)
    highs.setOptionValue("solver", "ipm")
    highs.setOptionValue("run_crossover", "on")
    return highs


def solve(programme: Programme) -> Solution | None:
    """The optimum, or None if no plan keeps every row; raises ``TierlineError`` if the solver gives up."""
    if not len(programme.columns):
        return Solution(np.zeros(0), np.zeros(len(programme.rows)), 0.0)
    highs = solver()
    highs.passModel(programme.lp)
    highs.run()
    status = highs.getModelStatus()
    if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        return None
    if status != highspy.HighsModelStatus.kOptimal:
        raise TierlineError(f"portfolio: the solver stopped with {highs.modelStatusToString(status)}")
    found = highs.getSolution()
    return Solution(
        fraction=np.clip(np.asarray(found.col_value)[: len(programme.columns)], 0.0, 1.0),
        dual=np.maximum(-np.asarray(found.row_dual)[: len(programme.rows)], 0.0),
        profit=-highs.getInfo().objective_function_value * MILLION,
    )
