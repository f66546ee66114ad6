"""The linear programme: limits and funders of all cells at once, for the most risk-adjusted profit.

Belongs here: variables, rows, solving, shadow prices. Does not belong here: what a row means to a reader
(``constraints``), single customers (``rounding``), why no plan exists (``conflict``).

Money is in thousand yuan inside the programme, in yuan outside. The total of all limits and each partner's new use and
part are variables of their own, so that every rule is a short row.
"""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
import numpy.typing as npt
from scipy import sparse

from tierline.errors import TierlineError
from tierline.funding.cells import Bond, Cells

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
UNIT = 1000.0
OWN_FUNDER = -1
INFINITE = highspy.kHighsInf


@dataclass(frozen=True)
class Choice:
    """One block of variables: ``cell`` and ``funder`` (``OWN_FUNDER`` or partner code) of each."""

    cell: Ints
    funder: Ints

    def __len__(self) -> int:
        return len(self.cell)


@dataclass(frozen=True)
class Rule:
    """One row of the programme that a reader knows: terms ≤ bound.

    ``terms`` are (columns, coefficients); ``per_unit`` turns the row's dual into yuan of yearly profit per unit of the
    bound (a yuan, or a percentage point of all limits, for which the total is multiplied in).
    """

    constraint: str
    member: str
    columns: Ints
    values: Floats
    most: float  # thousand yuan
    is_share: bool


@dataclass(frozen=True)
class Programme:
    """Maximise profit · x subject to ``matrix`` x within (``low``, ``high``); the first rows are structure.

    ``extra``, ``open_`` and ``staying`` are the blocks of variables in this order; then the total, then new use and part
    of each partner. ``fixed_profit`` is earned whatever is chosen (yuan). ``rules`` are the last rows.
    """

    extra: Choice
    open_: Choice
    staying: Choice
    profit: Floats
    upper: Floats
    matrix: sparse.csc_matrix
    low: Floats
    high: Floats
    rules: tuple[Rule, ...]
    fixed_profit: float
    total_column: int


@dataclass(frozen=True)
class Plan:
    """The optimum: amounts in yuan by variable of each block, profit in yuan a year (with what staying is worth).

    ``duals`` and ``used`` by rule: yuan of yearly profit per yuan, and the row's value in yuan.
    """

    extra: Floats
    open_: Floats
    staying: Floats
    total: float
    profit: float
    duals: Floats
    used: Floats


class NoPlanError(TierlineError):
    """No plan keeps every rule; raised with the programme so that the conflict can be named."""

    exit_code = 4

    def __init__(self, message: str, programme: Programme) -> None:
        self.programme = programme
        super().__init__(message)


def model_of(programme: Programme) -> highspy.HighsLp:
    """The programme as HiGHS takes it: a minimum of −profit."""
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = programme.matrix.shape[1], programme.matrix.shape[0]
    lp.col_cost_ = -programme.profit
    lp.col_lower_ = np.zeros(lp.num_col_)
    lp.col_upper_ = programme.upper
    lp.row_lower_, lp.row_upper_ = programme.low, programme.high
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = programme.matrix.indptr
    lp.a_matrix_.index_ = programme.matrix.indices
    lp.a_matrix_.value_ = programme.matrix.data
    return lp


def solver() -> highspy.Highs:
    """HiGHS, quiet and the same from run to run: interior point with crossover to a corner, one thread."""
    highs = highspy.Highs()
    for option, value in (("output_flag", False), ("solver", "ipm"), ("run_crossover", "on"), ("threads", 1)):
        highs.setOptionValue(option, value)
    return highs


def solve(programme: Programme) -> Plan:
    """The most profitable plan. Raises ``NoPlanError`` if none keeps every rule."""
    highs = solver()
    highs.passModel(model_of(programme))
    highs.run()
    status = highs.getModelStatus()
    if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        raise NoPlanError("funding: no plan keeps every rule", programme)
    if status != highspy.HighsModelStatus.kOptimal:
        raise TierlineError(f"funding: the solver stopped with {highs.modelStatusToString(status)}: report this night")
    found = highs.getSolution()
    x, duals, rows = (np.asarray(values) for values in (found.col_value, found.row_dual, found.row_value))
    first = programme.matrix.shape[0] - len(programme.rules)
    one, two = len(programme.extra), len(programme.extra) + len(programme.open_)
    three = two + len(programme.staying)
    return Plan(
        extra=np.maximum(x[:one], 0) * UNIT,
        open_=np.maximum(x[one:two], 0) * UNIT,
        staying=np.maximum(x[two:three], 0) * UNIT,
        total=float(x[programme.total_column]) * UNIT,
        profit=float(programme.profit @ x) * UNIT + programme.fixed_profit,
        duals=np.maximum(-duals[first:], 0.0),
        used=rows[first:] * UNIT,
    )
