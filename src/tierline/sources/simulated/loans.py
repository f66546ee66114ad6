"""Loans and their schedules, as the walk drew them.

Belongs here: principal, rate, method, and every instalment with its original and its final due month. Does not belong
here: payments (``repayments``) and files (``tables``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tierline.sources.simulated.law import TERMS
from tierline.sources.simulated.macro import Floats
from tierline.sources.simulated.paths import Paths
from tierline.sources.simulated.persons import Flags, Persons
from tierline.sources.simulated.timeline import DAY, Ints, Timeline

SMALLEST = 50_000  # cents; a drawing is at least 500 yuan, even at the limit
BULLET_OF_SHORT = 0.3  # share of 3-month drawings paid in one sum, where other loans fall due meanwhile
RATES = np.array([0.10, 0.12, 0.14, 0.15, 0.16, 0.18, 0.20, 0.22, 0.24])


@dataclass(frozen=True)
class Loans:
    """One entry per loan, in the order of drawing; money in cents, ``drawn_at`` in seconds."""

    customer: Ints
    month: Ints
    drawn_at: Ints
    principal: Ints
    rate: Floats
    term: Ints
    bullet: Flags

    def __len__(self) -> int:
        return len(self.customer)


@dataclass(frozen=True)
class Instalments:
    """One entry per instalment, by loan and number; ``due_month`` as first agreed, money in cents."""

    loan: Ints
    number: Ints
    due_month: Ints
    principal: Ints
    interest: Ints


def draw_loans(paths: Paths, persons: Persons, timeline: Timeline, rng: np.random.Generator) -> Loans:
    """Give every drawing of the walk its day, amount, price and shape."""
    months, customers = np.nonzero(paths.term)
    term = paths.term[months, customers].astype(np.int64)
    after_due = persons.due_day[customers]  # the lender looks at the due day first; drawings come after it
    first = np.maximum(timeline.month_first[months] + after_due, persons.active_from[customers])
    room = timeline.month_last[months] - first + 1
    day = first + (rng.random(len(term)) * room).astype(np.int64)
    principal = _amounts(paths, persons, rng)[months, customers]
    price = 0.5 - 0.12 * persons.prudence[customers] + 0.10 * persons.indebtedness[customers]
    grade = np.clip(((price + rng.normal(0, 0.15, len(term))) * len(RATES)).astype(np.int64), 0, len(RATES) - 1)
    covered = paths.remaining[np.maximum(months - 1, 0), customers] > 3
    bullet = (term == 1) | ((term == 3) & covered & (months > 0) & (rng.random(len(term)) < BULLET_OF_SHORT))
    seconds = rng.integers(10 * 3600, 22 * 3600, len(term))
    return Loans(customers, months, day * DAY + seconds, principal, RATES[grade], term, bullet)


def _amounts(paths: Paths, persons: Persons, rng: np.random.Generator) -> Ints:
    """Cents drawn by (month, customer): a share of the unused limit, more of it under stress and by the indebted.

    The unused limit is estimated from straight-line amortisation: it steers the size of drawings, nothing else.
    """
    months, customers = paths.term.shape
    owed = np.zeros((months + max(TERMS) + 1, customers))
    drawn = np.zeros((months, customers), dtype=np.int64)
    limit = persons.limit * 100
    for month in range(months):
        appetite = -0.6 + 0.4 * persons.indebtedness + 0.4 * paths.stress[month] + rng.normal(0, 0.7, customers)
        share = 0.9 / (1 + np.exp(-appetite))
        amount = np.maximum(SMALLEST, np.round(share * np.maximum(limit - owed[month], 0.0) / 10_000) * 10_000)
        drawn[month] = np.where(paths.term[month] > 0, amount, 0)
        for term in TERMS:
            taken = np.where(paths.term[month] == term, drawn[month], 0)
            steps = (term - np.arange(term)) / term
            owed[month + 1 : month + 1 + term] += steps[:, None] * taken
    return drawn


def schedules(loans: Loans) -> Instalments:
    """Every instalment of every loan, to the cent.

    Equal instalments by the annuity formula A = P i / (1 - (1 + i)^-n) with i = rate / 12; the last one takes what
    rounding left. A bullet is one instalment of the principal and ``term`` months of simple interest.
    """
    count = np.where(loans.bullet, 1, loans.term)
    loan = np.repeat(np.arange(len(loans)), count)
    number = np.arange(len(loan)) - np.repeat(np.cumsum(count) - count, count) + 1
    principal, interest = _annuity(loans)
    row = (loan, number - 1)
    due_month = loans.month[loan] + np.where(loans.bullet[loan], loans.term[loan], number)
    whole = np.rint(loans.principal * loans.rate / 12 * loans.term).astype(np.int64)
    return Instalments(
        loan,
        number,
        due_month,
        np.where(loans.bullet[loan], loans.principal[loan], principal[row]),
        np.where(loans.bullet[loan], whole[loan], interest[row]),
    )


def _annuity(loans: Loans) -> tuple[Ints, Ints]:
    """Principal and interest parts, shape (loans, 12); zero after the term."""
    monthly = loans.rate / 12
    payment = np.rint(loans.principal * monthly / (1 - (1 + monthly) ** -loans.term)).astype(np.int64)
    balance = loans.principal.copy()
    principal = np.zeros((len(loans), max(TERMS)), dtype=np.int64)
    interest = np.zeros_like(principal)
    for index in range(max(TERMS)):
        running = loans.term > index
        due = np.rint(balance * monthly).astype(np.int64)
        part = np.where(loans.term == index + 1, balance, payment - due)
        interest[:, index] = np.where(running, due, 0)
        principal[:, index] = np.where(running, part, 0)
        balance = balance - principal[:, index]
    return principal, interest
