"""What happens to each customer, month by month: one random walk under the law.

Belongs here: the walk and its record. Does not belong here: days, money, files.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tierline.sources.simulated.law import (
    DEFAULT,
    MAX_REMAINING,
    RECOVERED,
    RECOVERY,
    RESTRUCTURED,
    START,
    TERM_SHARES,
    TERMS,
    MonthLaw,
)
from tierline.sources.simulated.macro import Floats
from tierline.sources.simulated.persons import Flags
from tierline.sources.simulated.timeline import Ints

Bytes = npt.NDArray[np.int8]
NOT_YET = -1  # bucket of a customer before registration


@dataclass(frozen=True)
class Paths:
    """Arrays of shape (months, customers), as they stand at the end of each month."""

    stress: Bytes
    bucket: Bytes  # 0 … 3, DEFAULT, RECOVERED, NOT_YET
    remaining: Bytes  # months in which an instalment will still fall due
    term: Bytes  # of the loan drawn in the month, 0 for none
    settled: Flags  # repaid every loan before its time in the month
    restructured: Bytes  # months by which all unpaid instalments were put off in the month


@dataclass
class _Walk:
    """The state between two months."""

    stress: Ints
    bucket: Ints
    remaining: Ints
    record: dict[str, list[npt.NDArray[np.generic]]] = field(default_factory=dict)


def walk(laws: list[MonthLaw], entry: Ints, rng: np.random.Generator) -> Paths:
    """Walk every customer from the month of entry through all months for which a law is given."""
    count = len(entry)
    started = np.searchsorted(np.cumsum(START), rng.random(count)).clip(max=2)
    state = _Walk(started, np.full(count, NOT_YET), np.zeros(count, dtype=np.int64))
    for month, law in enumerate(laws):
        entering = entry == month
        state.bucket[entering] = 0
        _month(state, law, entering, rng.random((6, count)))
    record = {name: np.stack(values) for name, values in state.record.items()}
    return Paths(
        stress=record["stress"].astype(np.int8),
        bucket=record["bucket"].astype(np.int8),
        remaining=record["remaining"].astype(np.int8),
        term=record["term"].astype(np.int8),
        settled=record["settled"].astype(bool),
        restructured=record["restructured"].astype(np.int8),
    )


def _month(state: _Walk, law: MonthLaw, entering: Flags, draws: Floats) -> None:
    """One month of every customer; ``draws`` holds six uniform numbers per customer."""
    here = np.arange(len(state.bucket))
    moved = (draws[0] > np.cumsum(law.stress[state.stress, :, here], axis=1)[:, :2].T).sum(axis=0)
    stress = np.where(entering, state.stress, moved)
    before, due = state.bucket, state.remaining >= 1
    after, cured = _due_day(before, stress, due, law, draws[1])
    restructured = np.where(_may_restructure(before, state.remaining) & cured & (draws[2] < RESTRUCTURED), before, 0)
    remaining = np.maximum(state.remaining - 1, 0) + restructured
    current = (before == 0) & (after == 0)
    drew = current & (draws[3] < law.draw[stress, here])
    settled = current & ~drew & (remaining >= 1) & (draws[4] < law.settle)
    picked = np.searchsorted(np.cumsum(TERM_SHARES), draws[5]).clip(max=len(TERMS) - 1)
    term = np.where(drew, np.array(TERMS)[picked], 0)
    remaining = np.where(settled, 0, np.maximum(remaining, term))
    after = np.where((before == DEFAULT) & (draws[1] < RECOVERY), RECOVERED, after)
    values = (stress, after, remaining, term, settled, restructured)
    for name, value in zip(("stress", "bucket", "remaining", "term", "settled", "restructured"), values, strict=True):
        state.record.setdefault(name, []).append(value)
    state.stress, state.bucket, state.remaining = stress, after, remaining


def _due_day(before: Ints, stress: Ints, due: Flags, law: MonthLaw, draw: Floats) -> tuple[Ints, Flags]:
    """Bucket after the due day, and who paid all arrears on this occasion."""
    here = np.arange(len(before))
    late = (before >= 1) & (before < DEFAULT)
    row = np.clip(before, 1, 3) - 1
    rolls = late & (draw >= 1.0 - law.roll[row, stress, here])
    # Paying one instalment and staying needs a later one that is due: without it, whoever pays is current again.
    cures = late & ~rolls & ((draw < law.cure[row, stress, here]) | ~due)
    misses = (before == 0) & due & (draw < law.miss[stress, here])
    return np.where(misses, 1, np.where(rolls, before + 1, np.where(cures, 0, before))), cures


def _may_restructure(before: Ints, remaining: Ints) -> Flags:
    fits = remaining + before - 1 <= MAX_REMAINING
    result: Flags = ((before == 1) | (before == 2)) & (remaining >= 1) & fits
    return result
