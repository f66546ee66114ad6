"""One random generator per purpose, so that a change in one part of the world leaves the draws of the others alone.

Belongs here: the list of purposes. Does not belong here: a distribution.
"""

from __future__ import annotations

import numpy as np

PURPOSES = (
    "macro",
    "persons",
    "chain",
    "loans",
    "payments",
    "income",
    "spending",
    "transfers",
    "recording",
    "customers",
    "funding",
    "households",  # the last: a purpose put before another would give that one other draws
)


def streams(seed: int) -> dict[str, np.random.Generator]:
    """Independent generators derived from the seed (``SeedSequence.spawn``), by purpose."""
    children = np.random.SeedSequence(seed).spawn(len(PURPOSES))
    return {purpose: np.random.default_rng(child) for purpose, child in zip(PURPOSES, children, strict=True)}
