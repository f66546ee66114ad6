"""How the lender comes to know: at once, days late, wrongly at first, or of something that never was.

Belongs here: knowledge times and versions. Does not belong here: what happened.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tierline.sources.simulated.persons import Flags
from tierline.sources.simulated.timeline import DAY, Ints

LATE_TRANSACTIONS, LATE_REPAYMENTS = 0.004, 0.003
WRONG_TRANSACTIONS, WRONG_REPAYMENTS = 0.0008, 0.002
PHANTOMS = 0.0003  # rows of something that never happened, voided later
LONGEST_DELAY = 5  # days


@dataclass(frozen=True)
class Versions:
    """All versions of a table's rows: position of the row, second of recording, cents as recorded, by recording."""

    row: Ints
    recorded: Ints
    cents: Ints


@dataclass(frozen=True)
class Accuracy:
    """How often recording goes wrong; ``punctual`` rows are recorded rightly and on their day."""

    late: float
    wrong: float
    punctual: Flags


def record(second: Ints, cents: Ints, end: int, accuracy: Accuracy, rng: np.random.Generator) -> Versions:
    """Versions of rows that happened at ``second``, all recorded before ``end`` (exclusive).

    A row of 0 cents never happened: it is first recorded with an amount, then voided. Money keeps its sign in every
    version. What would be recorded after the end is recorded at once, so that the feed is whole on its last day.
    """
    count = len(second)
    promptly = np.minimum(second + rng.integers(1, 90, count), (second // DAY + 1) * DAY - 1)
    delayed = promptly + rng.integers(1, LONGEST_DELAY + 1, count) * DAY
    late = (rng.random(count) < accuracy.late) & ~accuracy.punctual & (delayed < end)
    first = np.where(late, delayed, promptly)
    again = first + rng.integers(1, LONGEST_DELAY + 1, count) * DAY
    phantom = cents == 0
    wrong = (rng.random(count) < accuracy.wrong) & ~phantom & ~accuracy.punctual & (again < end)
    second_version = np.flatnonzero(phantom | wrong)
    invented = -rng.integers(20, 400, count) * 100
    stated = np.where(phantom, invented, np.where(wrong, _slip(cents), cents))
    row = np.concatenate([np.arange(count), second_version])
    recorded = np.concatenate([first, again[second_version]])
    amount = np.concatenate([stated, cents[second_version]])
    order = np.lexsort((recorded, row, recorded // DAY))
    return Versions(row[order], recorded[order], amount[order])


def _slip(cents: Ints) -> Ints:
    """A slipped decimal point: a tenth of the amount, at least one cent."""
    result: Ints = np.sign(cents) * np.maximum(np.abs(cents) // 10, 1)
    return result


def phantoms(second: Ints, end: int, share: float, rng: np.random.Generator) -> Ints:
    """Positions of rows beside which something that never happened is recorded; early enough to be voided."""
    latest = end - (2 * LONGEST_DELAY + 2) * DAY
    return np.flatnonzero((rng.random(len(second)) < share) & (second < latest))
