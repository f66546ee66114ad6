"""A panel: rows to learn from and judge by, with the slice each belongs to.

Belongs here: the rows and what is known of their columns. Does not belong here: where they come from (``history`` for a
lake, ``frame`` for any table), or fitting.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tierline.errors import TierlineError
from tierline.labels import LabelCounts

LOGGER = logging.getLogger("tierline.training")
TRAIN, TUNE, CALIBRATE, TEST, LATER = 0, 1, 2, 3, 4
LEARNING = (TRAIN, TUNE, CALIBRATE)
SLICES = ("train", "tune", "calibrate", "test", "later")
"""In time order. ``later`` rows are mature but too near the test to learn from before it is read."""


@dataclass(frozen=True)
class Columns:
    """What is known of features beside their values: direction of PD, levels of categories, why some were left out.

    ``lasting`` features are never left out for instability.
    """

    monotone: Mapping[str, int] = field(default_factory=dict)
    categories: Mapping[str, list[str]] = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    instability: Mapping[str, float] = field(default_factory=dict)
    lasting: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Panel:
    """Rows sorted by time and key: ``x`` (rows × features), ``y``, the slice of each row, and their keys.

    ``keys``: customer_key, as_of (date, or null without time) and whatever else identifies or describes the row.
    """

    keys: pa.Table
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.bool_]
    part: npt.NDArray[np.int8]
    features: list[str]
    counts: LabelCounts
    columns: Columns = Columns()

    def rows(self, *parts: int) -> npt.NDArray[np.bool_]:
        """Mask of the rows in any of the given slices."""
        return np.isin(self.part, parts)

    @property
    def learning(self) -> npt.NDArray[np.bool_]:
        """Mask of the rows a model may learn from before the test is read."""
        return self.rows(*LEARNING)

    @property
    def customers(self) -> npt.NDArray[np.object_]:
        """The customer of each row."""
        names: npt.NDArray[np.object_] = self.keys.column("customer_key").to_numpy()
        return names

    def describe(self) -> dict[str, dict[str, object]]:
        """Rows, defaults and first and last observation date of each slice that has rows."""
        as_of = self.keys.column("as_of").to_pylist()
        described: dict[str, dict[str, object]] = {}
        for index, name in enumerate(SLICES):
            inside = np.flatnonzero(self.part == index)
            if len(inside):
                days = [as_of[row] for row in inside if as_of[row] is not None]
                described[name] = {"rows": len(inside), "defaults": int(self.y[inside].sum())}
                described[name] |= {"first": str(min(days)), "last": str(max(days))} if days else {}
        return described

    def only(self, keep: npt.NDArray[np.bool_], why: Mapping[str, str]) -> Panel:
        """The panel with some of its features, and why the others were left out."""
        names = [name for name, kept in zip(self.features, keep, strict=True) if kept]
        columns = replace(self.columns, dropped=dict(sorted({**self.columns.dropped, **why}.items())))
        return replace(self, x=self.x[:, keep], features=names, columns=columns)


def with_enough_to_train(panel: Panel, fewest: int) -> Panel:
    """The panel, its tune slice given to training where training alone would hold fewer than ``fewest`` defaults.

    Boosting is then stopped on training rows of customers held out.
    """
    if int(panel.y[panel.part == TRAIN].sum()) >= fewest or not (panel.part == TUNE).any():
        return panel
    LOGGER.info("panel: too few defaults for a tune slice of its own: its rows train")
    return replace(panel, part=np.where(panel.part == TUNE, TRAIN, panel.part).astype(np.int8))


def require_defaults(panel: Panel, fewest: int) -> None:
    """Raise ``TierlineError`` unless every slice with rows, and train and test, hold both outcomes often enough."""
    for index, name in enumerate(SLICES[:-1]):
        outcomes = panel.y[panel.part == index]
        if len(outcomes) == 0 and index in (TUNE, CALIBRATE):
            continue
        for what, count in (("defaults", int(outcomes.sum())), ("non-defaults", int((~outcomes).sum()))):
            if count < fewest:
                raise TierlineError(
                    f"training: the {name} slice has {count} {what}, fewer than min_defaults={fewest}:"
                    " give more customers or history, or lower min_defaults"
                )
