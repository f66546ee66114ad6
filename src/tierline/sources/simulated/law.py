"""The law of the world: every transition probability of a customer's month, given latents, stress and macro.

Belongs here: probabilities, in one place, used both by the walk that happens (``paths``) and by the recursion that
knows (``true_pd``). Does not belong here: a random draw.

Stress is 0 (ordinary), 1 (strained: earns less, spends more than comes in) or 2 (acute: the income is gone). The
bucket is the number of due days gone by since the oldest unpaid instalment: 0 to 3, and ``DEFAULT`` from 90 days past
due. A month runs: stress moves; the due day comes; who is current before and after it may draw or settle.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from tierline.sources.simulated.macro import Floats, Macro
from tierline.sources.simulated.persons import Persons

Reals = npt.NDArray[np.floating]  # double in the walk, single in the recursion

STRESSES = 3
DEFAULT = 4  # bucket reached when the fourth due day passes with the first still unpaid: 90 days past due
RECOVERED = 5  # all repaid after default; draws no more
MAX_REMAINING = 12  # months of instalments still to come
RESTRUCTURED = 0.08  # share of the cures from bucket 1 and 2 that are a new schedule instead of money
RECOVERY = 0.03  # monthly chance that a defaulted customer repays everything
TERMS = (1, 3, 6, 12)
TERM_SHARES = (0.06, 0.28, 0.31, 0.35)
START = (0.91, 0.07, 0.02)  # stress at registration


@dataclass(frozen=True)
class MonthLaw:
    """Probabilities of one month, by customer in the last axis.

    ``stress[a, b]`` from a to b; ``miss[s]`` the due day when current; ``cure[k - 1, s]`` and ``roll[k - 1, s]`` out of
    bucket k (the rest pays one instalment and stays); ``draw[s]``; ``settle``.
    """

    stress: Reals
    miss: Reals
    cure: Reals
    roll: Reals
    draw: Reals
    settle: Reals

    def first(self, customers: int) -> MonthLaw:
        """The law of the first ``customers`` customers, as views."""
        return MonthLaw(*(getattr(self, item.name)[..., :customers] for item in fields(self)))

    def single(self) -> MonthLaw:
        """The law in single precision, for the recursion."""
        return MonthLaw(*(getattr(self, item.name).astype(np.float32) for item in fields(self)))


def law_of(persons: Persons, macro: Macro, month: int) -> MonthLaw:
    """The probabilities of month ``month`` (index of the timeline) for every customer."""
    hard = macro.at(persons.region, persons.industry, month)
    cure, roll = _arrears(persons, hard)
    return MonthLaw(
        stress=_stress(persons, hard),
        miss=_miss(persons, hard),
        cure=cure,
        roll=roll,
        draw=_sigmoid(
            -1.6 + 0.40 * persons.indebtedness + 0.25 * persons.gambling + np.array([0.0, 0.5, 0.2])[:, None]
        ),
        settle=_sigmoid(-4.6 + 0.5 * persons.prudence),
    )


def _stress(persons: Persons, hard: Floats) -> Floats:
    stable, prudent, indebted = persons.stability, persons.prudence, persons.indebtedness
    exits = {
        (0, 1): -3.8 - 0.2 * stable - 0.25 * prudent + 0.3 * indebted + 0.25 * persons.gambling + 0.5 * hard,
        (0, 2): -5.2 - 0.4 * stable + 0.1 * indebted + 0.9 * hard,
        (1, 0): -0.9 + 0.3 * prudent - 0.3 * hard,
        (1, 2): -3.2 - 0.3 * stable + 0.2 * indebted + 0.7 * hard,
        (2, 0): -1.4 + 0.3 * stable - 0.3 * hard,
        (2, 1): -1.6 + 0.1 * stable - 0.2 * hard,
    }
    odds = np.ones((STRESSES, STRESSES, len(persons)))
    for (start, end), logit in exits.items():
        odds[start, end] = np.exp(logit)
    shares: Floats = odds / odds.sum(axis=1, keepdims=True)
    return shares


def _miss(persons: Persons, hard: Floats) -> Floats:
    base = (
        -3.95
        + 0.28 * persons.indebtedness
        - 0.28 * persons.prudence
        - 0.10 * persons.stability
        + 0.25 * persons.gambling
        + 0.30 * hard
    )
    return _sigmoid(base + np.array([0.0, 0.7, 1.7])[:, None])


def _arrears(persons: Persons, hard: Floats) -> tuple[Floats, Floats]:
    """Cure and roll by bucket and stress; staying, by paying one instalment only, has odds 1."""
    trait = 0.15 * persons.prudence
    cure_logit = np.array([1.6, 0.8, 0.2])[:, None, None] + np.array([0.0, -0.2, -0.5])[:, None] + trait
    roll_logit = (
        np.array([-0.1, 0.2, 0.5])[:, None, None]
        + np.array([0.0, 0.3, 0.8])[:, None]
        + 0.15 * persons.indebtedness
        - 0.15 * persons.prudence
        + 0.20 * hard
    )
    cure, roll = np.exp(cure_logit), np.exp(roll_logit)
    total = 1.0 + cure + roll
    return cure / total, roll / total


def _sigmoid(logit: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-logit))
