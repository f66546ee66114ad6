"""Exact reasons: the largest adverse Shapley contributions of each customer against the book.

Belongs here: contributions, their grouping by reason code, and the texts. Does not belong here: the model.

LightGBM's ``pred_contrib`` gives exact path-dependent TreeSHAP values in log-odds; the calibrator is increasing, so
their order is the order of effects on the PD.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import numpy.typing as npt
import yaml

from tierline.features import FEATURES
from tierline.models import ModelBundle

Floats = npt.NDArray[np.float64]
TOP = 4
IN_DEFAULT = "IN_DEFAULT"
_ROWS_AT_ONCE = 20_000


def load_reasons() -> dict[str, dict[str, str]]:
    """Texts by reason code: ``{code: {"en": …, "zh": …}}``."""
    loaded: dict[str, dict[str, str]] = yaml.safe_load(
        files("tierline.scoring").joinpath("reasons.yaml").read_text(encoding="utf-8")
    )
    return loaded


def grouped_contributions(bundle: ModelBundle, matrix: Floats) -> tuple[list[str], Floats]:
    """Reason codes (sorted) and, per row, the sum of their features' Shapley values in log-odds."""
    code_of = {feature.name: feature.reason for feature in FEATURES}
    codes = sorted({code_of[name] for name in bundle.card.features})
    columns = np.array([codes.index(code_of[name]) for name in bundle.card.features])
    grouped = np.zeros((len(matrix), len(codes)))
    for start in range(0, len(matrix), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        values = np.asarray(bundle.booster.predict(matrix[rows], pred_contrib=True))[:, :-1]
        for index in range(len(codes)):
            grouped[rows, index] = values[:, columns == index].sum(axis=1)
    return codes, grouped


def top_reasons(codes: list[str], grouped: Floats, in_default: npt.NDArray[np.bool_]) -> list[list[str | None]]:
    """The ``TOP`` largest contributions above the book's mean, per row; None where fewer are adverse.

    A customer in default has that as the first reason, since it and not the model decides.
    """
    adverse = grouped - grouped.mean(axis=0)
    order = np.argsort(-adverse, axis=1, kind="stable")
    reasons: list[list[str | None]] = []
    for row, ranked in enumerate(order):
        named: list[str | None] = [IN_DEFAULT] if in_default[row] else []
        named += [codes[index] for index in ranked[:TOP] if adverse[row, index] > 0]
        reasons.append((named + [None] * TOP)[:TOP])
    return reasons
