"""Who lives with whom: a part of the customers shares a household with others of the same region.

Belongs here: the draw of households. Does not belong here: anything that follows from it; nothing in the world does.
"""

from __future__ import annotations

import numpy as np

from tierline.sources.simulated.rows import NOBODY
from tierline.sources.simulated.timeline import Ints

SHARED = 0.12  # share of the customers who live with another customer
_SIZES, _CHANCES = (2, 3, 4), (0.75, 0.18, 0.07)


def draw_households(region: Ints, rng: np.random.Generator) -> Ints:
    """Number of each customer's household, ``NOBODY`` for who lives with no other customer.

    In each region about ``SHARED`` of the customers, in households of two to four; numbers begin at 0.
    """
    household = np.full(len(region), NOBODY, dtype=np.int64)
    number = 0
    for one in np.unique(region):
        living = rng.permutation(np.flatnonzero(region == one))
        shared = living[: round(SHARED * len(living))]
        sizes = rng.choice(_SIZES, len(shared), p=_CHANCES)
        ends = np.cumsum(sizes)
        whole = ends[ends <= len(shared)]
        starts = np.concatenate([[0], whole[:-1]]) if len(whole) else whole
        for start, end in zip(starts, whole, strict=True):
            household[shared[start:end]] = number
            number += 1
    return household
