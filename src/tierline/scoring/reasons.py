"""Exact reasons: the largest adverse Shapley contributions of each customer against the book.

Belongs here: contributions grouped by reason code, which of them are reasons, and the texts. Does not belong here: the
model, or how contributions are computed (``shapley.py``).

Contributions are in log-odds; the calibrator is increasing, so their order is the order of effects on the PD. They are
compared in whole units of ``UNIT``, so that the mean of the book is the same in whatever order and portions its
customers come, and what everybody has alike is nobody's reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from tierline.features import FEATURES
from tierline.models import ModelBundle
from tierline.scoring.shapley import TreeExplainer

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
TOP = 4
IN_DEFAULT = "IN_DEFAULT"
UNIT = 2.0**-32  # log-odds; a book of 30 million customers with contributions of 64 still fits in 63 bits
_ROWS_AT_ONCE = 65_536


def load_reasons() -> dict[str, dict[str, str]]:
    """Texts by reason code: ``{code: {"en": …, "zh": …}}``."""
    loaded: dict[str, dict[str, str]] = yaml.safe_load(
        files("tierline.scoring").joinpath("reasons.yaml").read_text(encoding="utf-8")
    )
    return loaded


@dataclass(frozen=True)
class ReasonModel:
    """The reason codes of a bundle's features (sorted), and what contributes to each."""

    codes: tuple[str, ...]
    explainer: TreeExplainer

    def contributions(self, matrix: Floats) -> Ints:
        """Per row and code the sum of its features' Shapley values, in units of ``UNIT``."""
        return np.rint(self.explainer.contributions(matrix) / UNIT).astype(np.int64)


def reason_model(bundle: ModelBundle) -> ReasonModel:
    """Prepare the explanation of a bundle by reason code."""
    code_of = {feature.name: feature.reason for feature in FEATURES}
    codes = sorted({code_of[name] for name in bundle.card.features})
    groups = np.array([codes.index(code_of[name]) for name in bundle.card.features])
    return ReasonModel(tuple(codes), TreeExplainer.of(bundle.booster).grouped_by(groups, len(codes)))


def top_reasons(codes: tuple[str, ...], contributions: Ints, in_default: npt.NDArray[np.bool_]) -> list[pa.Array]:
    """The ``TOP`` largest of a book's contributions (rows, codes) above its mean: one array of codes per rank.

    Null where fewer are adverse. Equal ones come in the order of the codes. A customer in default has that as the first
    reason, since it and not the model decides.
    """
    mean = contributions.sum(axis=0) // max(
        len(contributions), 1
    )  # a whole number is above the mean or above its floor
    ranked = np.full((len(contributions), TOP), -1, dtype=np.int8)
    for start in range(0, len(contributions), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        ranked[rows] = _ranked(contributions[rows] - mean)
    ranked[in_default, 1:] = ranked[in_default, :-1]
    ranked[in_default, 0] = len(codes)
    names = pa.array([*codes, IN_DEFAULT], pa.string())
    return [
        pa.DictionaryArray.from_arrays(pa.array(rank, mask=rank < 0), names) for rank in np.ascontiguousarray(ranked.T)
    ]


def _ranked(adverse: Ints) -> npt.NDArray[np.int8]:
    """Places of the ``TOP`` largest entries above 0 of each row, -1 where there are fewer; ``adverse`` is used up."""
    ranked = np.full((len(adverse), TOP), -1, dtype=np.int8)
    every = np.arange(len(adverse))
    for rank in range(TOP):
        best = adverse.argmax(axis=1)
        ranked[:, rank] = np.where(adverse[every, best] > 0, best, -1)
        adverse[every, best] = 0
    return ranked
