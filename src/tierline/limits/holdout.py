"""The randomised hold-out: a stable share of customers whose limits are not raised, to measure what raises do.

Belongs here: who is in which arm, with what probability. Does not belong here: what an arm may get (``limits.ladder``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from math import ceil

import numpy as np
import numpy.typing as npt

from tierline.policy import LimitPolicy

ARM, HOLDOUT_ARM = "policy", "holdout"
_BYTES = 8


@dataclass(frozen=True)
class Arms:
    """Per customer: held out or not, and the probability with which its arm was drawn."""

    held_out: npt.NDArray[np.bool_]
    propensity: npt.NDArray[np.float64]


def draw_arms(keys: Sequence[str], policy: LimitPolicy) -> Arms:
    """The arm of each ``customer_key``: the same on every night, whoever else is in the book.

    Drawn by BLAKE2b (RFC 7693) of the key in UTF-8 under ``holdout_seed`` in decimal digits, 8 bytes long and read as
    a big-endian number: held out where it is below ``holdout_share`` · 2⁶⁴.
    """
    if policy.holdout_share == 0:
        return Arms(np.zeros(len(keys), dtype=bool), np.ones(len(keys)))
    seed = str(policy.holdout_seed).encode("ascii")
    digests = b"".join([blake2b(key.encode("utf-8"), key=seed, digest_size=_BYTES).digest() for key in keys])
    bound = ceil(Fraction(str(policy.holdout_share)) * 2 ** (8 * _BYTES))
    held_out = np.frombuffer(digests, dtype=">u8") < np.uint64(bound)
    return Arms(held_out, np.where(held_out, policy.holdout_share, 1 - policy.holdout_share))
