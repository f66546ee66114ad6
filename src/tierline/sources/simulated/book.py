"""The lender's book as a whole: principal outstanding on a day.

Belongs here: sums over all loans that the money side needs. Does not belong here: single loans (``loans``).
"""

from __future__ import annotations

import numpy as np

from tierline.sources.simulated.loans import Instalments, Loans
from tierline.sources.simulated.macro import Floats
from tierline.sources.simulated.repayments import Changes, Payments
from tierline.sources.simulated.timeline import DAY, Ints


def outstanding(loans: Loans, plan: Instalments, payments: Payments, changes: Changes, days: Ints) -> Floats:
    """Principal outstanding in yuan at the start of each day; a payment repays principal and interest in proportion."""
    interest = plan.interest.copy()
    interest[changes.instalment] = changes.interest
    of_principal = plan.principal / np.maximum(plan.principal + interest, 1)
    lent = _before(loans.drawn_at, loans.principal.astype(np.float64), days)
    repaid = _before(payments.paid_at, payments.amount * of_principal[payments.instalment], days)
    owed: Floats = np.maximum(lent - repaid, 0.0) / 100
    return owed


def _before(second: Ints, value: Floats, days: Ints) -> Floats:
    """Sum of the values that happened before the start of each day."""
    order = np.argsort(second, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(value[order])])
    result: Floats = total[np.searchsorted(second[order], days * DAY)]
    return result
