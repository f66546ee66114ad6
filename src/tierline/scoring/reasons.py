"""Exact reasons: the largest adverse Shapley contributions of each customer against the book.

Belongs here: which contributions are reasons tonight, and the texts. Does not belong here: the model, or how
contributions are computed and grouped (``shapley``).

Contributions are in log-odds; the calibrator is increasing, so their order is the order of effects on the PD.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from tierline.engine import map_while_reading
from tierline.shapley import largest_adverse

Ints = npt.NDArray[np.int64]
TOP = 4
IN_DEFAULT = "IN_DEFAULT"


def load_reasons() -> dict[str, dict[str, str]]:
    """Texts by reason code: ``{code: {"en": …, "zh": …}}``."""
    loaded: dict[str, dict[str, str]] = yaml.safe_load(
        files("tierline.scoring").joinpath("reasons.yaml").read_text(encoding="utf-8")
    )
    return loaded


def top_reasons(codes: tuple[str, ...], parts: Sequence[Ints], in_default: npt.NDArray[np.bool_]) -> list[pa.Array]:
    """The ``TOP`` largest of a book's contributions above its mean: one array of codes per rank.

    ``parts`` are (rows, codes), in the order of ``in_default``. Null where fewer are adverse. Equal ones come in the
    order of the codes. A customer in default has that as the first reason, since it and not the model decides.
    """
    total = np.sum([part.sum(axis=0) for part in parts], axis=0)
    mean = total // max(len(in_default), 1)  # a whole number is above the mean or above its floor
    ranked = np.concatenate(map_while_reading(lambda part: largest_adverse(part - mean, TOP), parts))
    ranked[in_default, 1:] = ranked[in_default, :-1]
    ranked[in_default, 0] = len(codes)
    names = pa.array([*codes, IN_DEFAULT], pa.string())
    return [
        pa.DictionaryArray.from_arrays(pa.array(rank, mask=rank < 0), names) for rank in np.ascontiguousarray(ranked.T)
    ]
