"""One customer beside the night's book: what contributes to their PD, and a sample of the others.

Belongs here: reading the book once. Does not belong here: changes (``options``, ``search``), decisions (``customer``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.errors import TierlineError
from tierline.models import ModelBundle
from tierline.shapley import UNIT

Floats = npt.NDArray[np.float64]
SAMPLE = 200_000
"""Customers whose values are kept. Buckets are drawn by a hash of the key, so the first ones are a fair sample."""


@dataclass(frozen=True)
class Contribution:
    """One reason code's part in the customer's log-odds before calibration, and how far it is above the book's mean."""

    code: str
    log_odds: float
    against_book: float


@dataclass(frozen=True)
class Beside:
    """A customer beside the book: their feature row (one row), contributions sorted from adverse to favourable, and
    ``book``, values of a sample of the book (customers, features) in the model's order."""

    row: pa.Table
    contributions: tuple[Contribution, ...]
    book: Floats


def beside_book(bundle: ModelBundle, parts: Iterable[pa.Table], customer_key: str) -> Beside:
    """Read the night's feature tables ``parts`` once; the mean is that of the published reasons.

    Raises ``TierlineError`` if the customer is in none of them.
    """
    model = bundle.reason_model()
    total = np.zeros(len(model.codes), dtype=np.int64)
    rows, row, sample = 0, None, []
    for part in parts:
        matrix = bundle.matrix(part)
        total += model.contributions(matrix).sum(axis=0)
        if rows < SAMPLE:
            sample.append(matrix[: SAMPLE - rows])
        rows += len(part)
        mine = part.filter(pc.equal(part.column("customer_key").cast(pa.string()), customer_key))
        row = mine if len(mine) else row
    if row is None:
        raise TierlineError(f"{customer_key}: no features of this night: run the night again")
    own = model.contributions(bundle.matrix(row))[0]
    against = own - total // rows
    found = [
        Contribution(code, float(mine) * UNIT, float(above) * UNIT)
        for code, mine, above in zip(model.codes, own, against, strict=True)
    ]
    ranked = sorted(found, key=lambda one: (-one.against_book, one.code))
    return Beside(row, tuple(ranked), np.concatenate(sample))
