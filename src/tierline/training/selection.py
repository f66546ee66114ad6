"""Which features a model may learn from.

Belongs here: leaving out what says nothing, and what means something else every month. Does not belong here: fitting.

A feature whose distribution moves through the learning dates (the age of the book, the level of an economic series)
tells the dates apart rather than the customers; a model that leans on it extrapolates on the night it is used. What a
customer did with instalments is exempt (``Columns.lasting``): it is the behaviour that the model is about.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tierline.errors import TierlineError
from tierline.stability import psi
from tierline.training.panel import Panel

CONSTANT = "says nothing: one value on all learning rows"
CSI_BINS = 10
CHANCE = 0.01
"""A CSI that chance alone would reach more often than this does not count as instability."""
THIRD = 3
FEWEST_DATES = 6


def drop_constant(panel: Panel) -> Panel:
    """Leave out features that say nothing on the learning rows: a source that lacks a table has them all null.

    Raises ``TierlineError`` if none is left.
    """
    learning = panel.x[panel.learning]
    known = ~np.isnan(learning)
    low = np.min(learning, axis=0, initial=np.inf, where=known)
    high = np.max(learning, axis=0, initial=-np.inf, where=known)
    some = known.any(axis=0)
    keep = some & ((low < high) | ~known.all(axis=0))
    if not keep.any():
        raise TierlineError("training: no feature is left: all are empty or have one value on the learning rows")
    return panel.only(keep, {name: CONSTANT for name, kept in zip(panel.features, keep, strict=True) if not kept})


def drop_unstable(panel: Panel, limit: float) -> Panel:
    """Leave out features whose CSI between the first and last third of the learning dates is above ``limit``.

    With a ``limit`` of 0, without time, or with fewer than six dates, nothing is measured and none is left out. The
    figures stay with the panel.
    """
    thirds = _thirds(panel)
    if not limit or thirds is None:
        return panel
    early, late = thirds
    found = {name: _csi(panel.x[early, index], panel.x[late, index]) for index, name in enumerate(panel.features)}
    why = {
        name: f"unstable: CSI {value:.2f} over the learning dates"
        for name, value in found.items()
        if value > limit and name not in panel.columns.lasting
    }
    keep = np.array([name not in why for name in panel.features])
    if not keep.any():
        return panel
    measured = replace(panel, columns=replace(panel.columns, instability=found))
    return measured.only(keep, why)


def _thirds(panel: Panel) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]] | None:
    days = np.array([str(day) for day in panel.keys.column("as_of").to_pylist()])
    dates = np.unique(days[panel.learning])
    if len(dates) < FEWEST_DATES:
        return None
    count = len(dates) // THIRD
    return panel.learning & np.isin(days, dates[:count]), panel.learning & np.isin(days, dates[-count:])


def _csi(early: npt.NDArray[np.float64], late: npt.NDArray[np.float64]) -> float:
    """CSI, 0 where chance alone would give it; infinite for a feature that is missing throughout one third only."""
    if np.isnan(early).all() != np.isnan(late).all():
        return float("inf")
    if np.isnan(early).all():
        return 0.0
    found = psi(early, late, CSI_BINS)
    return found.psi if found.p_value < CHANCE else 0.0
