"""Why no plan exists: which rules conflict, and the least that would have to give.

Belongs here: an irreducible infeasible set and the least relaxation, in words. Does not belong here: the programme.
"""

from __future__ import annotations

import highspy
import numpy as np
from scipy import sparse

from tierline.errors import TierlineError
from tierline.funding.programme import INFINITE, UNIT, Programme, Rule, model_of, solver

TOLERANCE = 1e-6  # thousand yuan


def conflict(programme: Programme) -> tuple[list[Rule], list[tuple[Rule, float]]]:
    """The rules of one irreducible infeasible set, and the least relaxation as (rule, yuan), largest first.

    In an irreducible set every rule is needed for the conflict: without any of them a plan exists (for these). The least
    relaxation is the smallest sum of yuan over all rules that lets a plan exist; rows that hold the programme together
    are never relaxed.
    """
    first = programme.matrix.shape[0] - len(programme.rules)
    return _irreducible(programme, first), _relaxation(programme, first)


def _irreducible(programme: Programme, first: int) -> list[Rule]:
    highs = solver()
    highs.setOptionValue("iis_strategy", int(highspy.IisStrategy.kIisStrategyFromLp) | int(highspy.IisStrategy.kIisStrategyIrreducible))
    highs.passModel(model_of(programme))
    _, iis = highs.getIis()
    return [programme.rules[row - first] for row in iis.row_index_ if row >= first]


def _relaxation(programme: Programme, first: int) -> list[tuple[Rule, float]]:
    """The same programme with one slack per rule, which alone costs something."""
    rules, rows = len(programme.rules), programme.matrix.shape[0]
    slack = sparse.csc_matrix((-np.ones(rules), (np.arange(first, rows), np.arange(rules))), shape=(rows, rules))
    lp = model_of(programme)
    matrix = sparse.hstack([programme.matrix, slack], format="csc")
    lp.num_col_ = matrix.shape[1]
    lp.col_cost_ = np.r_[np.zeros(programme.matrix.shape[1]), np.ones(rules)]
    lp.col_lower_ = np.zeros(lp.num_col_)
    lp.col_upper_ = np.r_[programme.upper, np.full(rules, INFINITE)]
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    highs = solver()
    highs.passModel(lp)
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise TierlineError("funding: no plan exists even without the rules: report this night")
    given = np.asarray(highs.getSolution().col_value)[-rules:] if rules else np.zeros(0)
    found = [(rule, float(amount) * UNIT) for rule, amount in zip(programme.rules, given, strict=True) if amount > TOLERANCE]
    return sorted(found, key=lambda pair: (-pair[1], pair[0].constraint, pair[0].member))
