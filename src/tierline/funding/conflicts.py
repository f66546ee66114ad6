"""When no plan keeps every rule: which rules conflict, and the least that would have to give.

Belongs here: the irreducible infeasible set and the least relaxation, in the words of the rules. Does not belong here:
loosening anything; the night is blocked.
"""

from __future__ import annotations

import highspy
import numpy as np
from scipy import sparse

from tierline.errors import BlockedError
from tierline.funding.programme import INFINITY, MILLION, Programme, Row, solver
from tierline.funding.rules import BOOK

_IIS = int(highspy.IisStrategy.kIisStrategyFromLp) | int(highspy.IisStrategy.kIisStrategyIrreducible)
_NOTHING = 0.01  # yuan: what the solver's tolerance cannot tell from nothing


class InfeasibleError(BlockedError):
    """No plan keeps every rule. ``conflict``: rules that cannot hold together; ``relaxation``: money of each."""

    def __init__(self, conflict: list[str], relaxation: dict[str, float], money: str) -> None:
        self.conflict, self.relaxation = conflict, relaxation
        least = "; ".join(f"{name} by {yuan:,.2f} {money}" for name, yuan in relaxation.items())
        super().__init__(
            f"portfolio: these rules cannot hold together with the loans already out: {', '.join(conflict)};"
            f" the least that must give: {least or 'next to nothing'}; nothing is published"
        )


def explain(programme: Programme, money: str) -> InfeasibleError:
    """Why the programme has no solution; ``money``: the word beside amounts."""
    return InfeasibleError(conflicting(programme), least_relaxation(programme), money)


def conflicting(programme: Programme) -> list[str]:
    """Names of the coupling rows of an irreducible infeasible set: drop any one of them and the others can hold."""
    highs = solver()
    highs.setOptionValue("iis_strategy", _IIS)
    highs.passModel(programme.lp)
    status, found = highs.getIis()
    rows = sorted(int(index) for index in found.row_index_) if status == highspy.HighsStatus.kOk else []
    named = [name_of(programme.rows[index]) for index in rows if index < len(programme.rows)]
    return named or list(least_relaxation(programme))


def least_relaxation(programme: Programme) -> dict[str, float]:
    """Yuan by which each coupling row gives in the plan with the smallest sum of relaxations; 0 is left out."""
    lp, count = programme.lp, len(programme.rows)
    columns = lp.num_col_
    old = sparse.csc_matrix(
        (lp.a_matrix_.value_, lp.a_matrix_.index_, lp.a_matrix_.start_), shape=(lp.num_row_, columns)
    )
    slack = sparse.csc_matrix((-np.ones(count), (np.arange(count), np.arange(count))), shape=(lp.num_row_, count))
    matrix = sparse.hstack([old, slack], format="csc")
    elastic = highspy.HighsLp()
    elastic.num_col_, elastic.num_row_ = columns + count, lp.num_row_
    elastic.col_cost_ = np.concatenate([np.zeros(columns), np.ones(count)])
    elastic.col_lower_ = np.zeros(columns + count)
    elastic.col_upper_ = np.concatenate([lp.col_upper_, np.full(count, INFINITY)])
    elastic.row_lower_, elastic.row_upper_ = lp.row_lower_, lp.row_upper_
    elastic.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    elastic.a_matrix_.start_, elastic.a_matrix_.index_ = matrix.indptr, matrix.indices
    elastic.a_matrix_.value_ = matrix.data
    highs = solver()
    highs.passModel(elastic)
    highs.run()
    gives = np.asarray(highs.getSolution().col_value)[columns:] * MILLION
    return {name_of(row): float(by) for row, by in zip(programme.rows, gives, strict=True) if by > _NOTHING}


def name_of(row: Row) -> str:
    """The rule of a row, with its member where there are several."""
    member = row.rule.member
    return row.rule.constraint if member == BOOK else f"{row.rule.constraint} {member}"
