"""The probability that each customer defaults within twelve months, by the law itself.

Belongs here: the forward recursion of the chain. Does not belong here: files (``truth``) and the walk (``paths``).

The state is (bucket, stress, months of instalments still to come): 4 x 3 x 13 cells per customer. Nothing in the chain
is approximated. What is held known: the customer's latents, the stress and bucket of the month-end, and the macro path
of the year ahead (the probabilities are those of the world given its economy; only personal chance is left open).
For a customer without a loan the probability is that of default *given* a drawing in the window, because the label
population holds such a customer only if a loan is drawn: P(default) / P(drawing), a default needing a drawing first.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from tierline.sources.simulated.law import (
    DEFAULT,
    MAX_REMAINING,
    RESTRUCTURED,
    STRESSES,
    TERM_SHARES,
    TERMS,
    MonthLaw,
    Reals,
)
from tierline.sources.simulated.macro import Floats
from tierline.sources.simulated.paths import Paths
from tierline.sources.simulated.timeline import WINDOW


def true_pd(paths: Paths, laws: list[MonthLaw], months: list[int], known: list[int]) -> list[Floats]:
    """PD of the first ``known[i]`` customers at the end of each month of ``months``; NaN for those in default.

    ``laws`` must reach twelve months beyond the last of ``months``. Month-ends are independent, hence the threads.
    """
    single = [law.single() for law in laws]

    def one(item: tuple[int, int]) -> Floats:
        month, count = item
        window = [law.first(count) for law in single[month + 1 : month + 1 + WINDOW]]
        return _at_month_end(paths, window, month, count)

    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(one, zip(months, known, strict=True)))


def _at_month_end(paths: Paths, window: list[MonthLaw], month: int, count: int) -> Floats:
    bucket, stress = paths.bucket[month, :count], paths.stress[month, :count]
    remaining = paths.remaining[month, :count]
    alive = np.flatnonzero(bucket < DEFAULT)
    mass = np.zeros((DEFAULT, STRESSES, MAX_REMAINING + 1, count), dtype=np.float32)
    mass[bucket[alive], stress[alive], remaining[alive], alive] = 1.0
    defaulted = np.zeros(count, dtype=np.float32)
    for law in window:
        mass, lost = _step(mass, law)
        defaulted += lost
    result = defaulted.astype(np.float64)
    idle = (bucket == 0) & (remaining == 0)
    result[idle] /= _drawing(stress, window)[idle]
    result[bucket >= DEFAULT] = np.nan
    return result


def _step(mass: Reals, law: MonthLaw) -> tuple[Reals, Reals]:
    """One month: the new distribution, and the probability that reached default in it."""
    moved = np.zeros_like(mass)
    for start in range(STRESSES):
        for end in range(STRESSES):
            moved[:, end] += mass[:, start] * law.stress[start, end]
    after = np.zeros_like(mass)
    missed = moved[0, :, 1:] * law.miss[:, None]
    after[1, :, :-1] += missed
    current = np.zeros_like(mass[0])
    current[:, :-1] = moved[0, :, 1:] - missed
    current[:, 0] += moved[0, :, 0]
    after[0] = _draw_or_settle(current, law)
    lost = np.zeros(mass.shape[-1], dtype=np.float32)
    for bucket in (1, 2, 3):
        rolled = moved[bucket] * law.roll[bucket - 1][:, None]
        if bucket == DEFAULT - 1:
            lost += rolled.sum(axis=(0, 1))
        else:
            _pass_month(after[bucket + 1], rolled)
        _pay(after, moved[bucket], bucket, law)
    return after, lost


def _pass_month(target: Reals, source: Reals) -> None:
    """Add ``source`` to ``target`` with one month less of instalments to come."""
    target[:, :-1] += source[:, 1:]
    target[:, 0] += source[:, 0]


def _pay(after: Reals, source: Reals, bucket: int, law: MonthLaw) -> None:
    """Out of arrears: cure by money or by a new schedule, or pay one instalment and stay."""
    cure, roll = law.cure[bucket - 1], law.roll[bucket - 1]
    due = source[:, 1:]
    cured = due * cure[:, None]
    after[bucket, :, :-1] += due * (1.0 - cure - roll)[:, None]
    after[0, :, 0] += source[:, 0] * (1.0 - roll)
    if bucket < DEFAULT - 1:
        fits = MAX_REMAINING + 1 - bucket  # the longest remaining time that leaves room for the months put off
        later = cured[:, :fits] * np.float32(RESTRUCTURED)
        cured[:, :fits] -= later
        after[0, :, bucket : bucket + fits] += later
    after[0, :, :-1] += cured


def _draw_or_settle(current: Reals, law: MonthLaw) -> Reals:
    """Who was and is current may draw (the longest schedule counts) or else settle everything."""
    drawn: Reals = current * law.draw[:, None]
    rest: Reals = current - drawn
    settled = rest[:, 1:] * law.settle
    rest[:, 1:] -= settled
    rest[:, 0] += settled.sum(axis=1)
    for term, share in zip(TERMS, TERM_SHARES, strict=True):
        part = drawn * np.float32(share)
        rest[:, term] += part[:, : term + 1].sum(axis=1)
        rest[:, term + 1 :] += part[:, term + 1 :]
    return rest


def _drawing(stress: npt.NDArray[np.int8], window: list[MonthLaw]) -> Floats:
    """Probability of at least one drawing in the window, for a customer without a loan."""
    idle = np.zeros((STRESSES, len(stress)))
    idle[stress, np.arange(len(stress))] = 1.0
    for law in window:
        idle = np.einsum("an,abn->bn", idle, law.stress.astype(np.float64)) * (1.0 - law.draw)
    drawing: Floats = 1.0 - idle.sum(axis=0)
    return drawing
