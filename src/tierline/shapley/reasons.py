"""Contributions by reason code, in whole units, and the largest adverse ones of each row.

Belongs here: grouping and ranking. Does not belong here: what a row is compared with, or the texts of the codes.

Contributions are compared in whole units of ``UNIT``, so that the mean of a book is the same in whatever order and
portions its customers come, and what everybody has alike is nobody's reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from tierline.shapley.explainer import TreeExplainer

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
UNIT = 2.0**-32  # log-odds; a book of 30 million customers with contributions of 64 still fits in 63 bits


@dataclass(frozen=True)
class ReasonModel:
    """The reason codes of a model's features (sorted), and what contributes to each.

    ``explainer`` has one column per code, then that of the margin.
    """

    codes: tuple[str, ...]
    explainer: TreeExplainer

    def contributions(self, matrix: Floats) -> Ints:
        """Per row and code the sum of its features' Shapley values, in units of ``UNIT``."""
        return self.explained(matrix)[1]

    def explained(self, matrix: Floats, threads: int | None = None) -> tuple[Floats, Ints]:
        """The booster's margin of each row, to the last bit, and ``contributions``."""
        found = self.explainer.contributions(matrix, threads)
        margin, units = found[:, -1].copy(), found[:, :-1]
        units /= UNIT
        return margin, np.rint(units, out=units).astype(np.int64)


def reason_model(booster: lgb.Booster, features: Sequence[str], code_of: Mapping[str, str]) -> ReasonModel:
    """Prepare the explanation of a booster by reason code; ``features`` are its columns in order."""
    codes = sorted({code_of[name] for name in features})
    place = {code: index for index, code in enumerate(codes)}
    groups = np.array([place[code_of[name]] for name in features])
    return ReasonModel(tuple(codes), TreeExplainer.of(booster).grouped_by(groups, len(codes)).with_margin())


def largest_adverse(adverse: Ints, top: int) -> npt.NDArray[np.int16]:
    """Places of the ``top`` largest entries above 0 of each row, -1 where there are fewer; ``adverse`` is used up.

    Equal ones come in the order of the codes.
    """
    ranked = np.full((len(adverse), top), -1, dtype=np.int16)
    every = np.arange(len(adverse))
    for rank in range(min(top, adverse.shape[1])):
        best = adverse.argmax(axis=1)
        ranked[:, rank] = np.where(adverse[every, best] > 0, best, -1)
        adverse[every, best] = 0
    return ranked
