"""Loans as the account sees them: this lender's drawings and repayments, and debts elsewhere.

Belongs here: loan flows and late fees as transactions. Does not belong here: when a loan is repaid (``repayments``).
"""

from __future__ import annotations

import numpy as np

from tierline.sources.simulated.loans import Instalments, Loans
from tierline.sources.simulated.persons import Persons
from tierline.sources.simulated.repayments import Payments
from tierline.sources.simulated.rows import Grid, Rows, clock, join, lognormal_cents, make_rows, spread_days
from tierline.sources.simulated.timeline import DAY, Ints, Timeline
from tierline.sources.simulated.vocabulary import APP, AUTO, TRANSFER

FEE_AFTER = 3  # days late from which a fee is taken
STRESS = np.array([1.0, 1.5, 1.8])


def loan_flows(loans: Loans, scenario: Ints, plan: Instalments, payments: Payments) -> Rows:
    """Drawings, repayments and late fees as transactions, in the second they happen."""
    payer = loans.customer[plan.loan[payments.instalment]]
    late = payments.late_days >= FEE_AFTER
    fee = 500 + 100 * np.minimum(payments.late_days[late], 60)
    return join(
        [
            make_rows(loans.customer, loans.drawn_at, loans.principal, ("loan_disbursement", APP), scenario, None),
            make_rows(payer, payments.paid_at, -payments.amount, ("loan_repayment", AUTO), None, None),
            make_rows(payer[late], payments.paid_at[late] + 60, -fee, ("late_fee", AUTO), None, None),
        ]
    )


def debts_elsewhere(grid: Grid, persons: Persons, timeline: Timeline, rng: np.random.Generator) -> Rows:
    """Repayments to and drawings from other lenders: the mark of over-indebtedness."""
    burden = np.exp(0.8 * persons.indebtedness[grid.customer] - 1.2)
    parts = []
    for word, sign, rate, channel in (
        ("other_lender_repayment", -1, burden, AUTO),
        ("other_lender_disbursement", 1, 0.25 * burden * STRESS[grid.stress], TRANSFER),
    ):
        at = np.repeat(np.arange(len(rate)), rng.poisson(rate))
        who, day = grid.customer[at], spread_days(grid.month[at], 1.0, timeline, rng)
        share = 0.06 if sign < 0 else 0.20
        cents = sign * lognormal_cents(persons.income[who] * share, 0.5, rng)
        parts.append(make_rows(who, day * DAY + clock(len(who), 8, 20, rng), cents, (word, channel), None, None))
    return join(parts)
