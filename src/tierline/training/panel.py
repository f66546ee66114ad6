"""The training panel: labelled rows beside their features, with the slice each belongs to.

Belongs here: joining population and features, and assigning slices. Does not belong here: fitting.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.errors import TierlineError
from tierline.features import FEATURES, FeatureContext, build_features
from tierline.labels import LabelCounts, LabelSpec, application_population, month_end_population
from tierline.lake import Lake
from tierline.models.bundle import feature_matrix
from tierline.training.config import TrainingConfig
from tierline.training.splits import application_split, month_end_split

LOGGER = logging.getLogger("tierline.training")
TRAIN, CALIBRATE, TEST = 0, 1, 2
SLICES = ("train", "calibrate", "test")


@dataclass(frozen=True)
class Panel:
    """Rows sorted by time and key: ``x`` (rows × features), ``y``, the slice of each row, and their keys."""

    keys: pa.Table
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.bool_]
    part: npt.NDArray[np.int8]
    features: list[str]
    dropped: list[str]
    counts: LabelCounts

    def rows(self, *parts: int) -> npt.NDArray[np.bool_]:
        """Mask of the rows in any of the given slices."""
        return np.isin(self.part, parts)

    def describe(self) -> dict[str, dict[str, object]]:
        """Rows, defaults and first and last observation date of each slice."""
        as_of = self.keys.column("as_of").to_numpy()
        described: dict[str, dict[str, object]] = {}
        for index, name in enumerate(SLICES):
            mask = self.part == index
            described[name] = {
                "rows": int(mask.sum()),
                "defaults": int(self.y[mask].sum()),
                "first": str(as_of[mask].min()),
                "last": str(as_of[mask].max()),
            }
        return described


@dataclass(frozen=True)
class PanelRequest:
    """What a panel is made of; ``knowledge`` is the night that trains."""

    lake: Lake
    first_day: date
    knowledge: date
    observation: str
    context: FeatureContext
    label: LabelSpec


def build_panel(request: PanelRequest, config: TrainingConfig) -> Panel:
    """Assemble the panel. Raises ``TierlineError`` if a slice has too few defaults to learn or judge from."""
    if request.observation == "application":
        population = application_population(request.lake, request.knowledge)
        masks = application_split(population.rows, config)
        part = (masks[CALIBRATE] * CALIBRATE + masks[TEST] * TEST).astype(np.int8)
        rows, counts = population.rows, population.counts
    else:
        split = month_end_split(request.first_day, request.knowledge, request.label, config)
        dates = [*split.learning, split.test]
        population = month_end_population(request.lake, dates, request.knowledge, request.label)
        rows, counts = population.rows, population.counts
        as_of = rows.column("as_of").to_pylist()
        part_of = dict.fromkeys(split.train, TRAIN) | dict.fromkeys(split.calibrate, CALIBRATE) | {split.test: TEST}
        part = np.array([part_of[day] for day in as_of], dtype=np.int8)
    LOGGER.info("panel: %d labelled rows on %d dates", rows.num_rows, len(pc.unique(rows.column("as_of"))))
    _require_defaults(rows.column("defaulted").to_numpy(), part, config.min_defaults)
    return _with_features(request, rows, part, counts)


def _with_features(request: PanelRequest, rows: pa.Table, part: npt.NDArray[np.int8], counts: LabelCounts) -> Panel:
    rows = rows.append_column("part", pa.array(part))
    built = build_features(request.lake, rows, request.context)
    joined = rows.join(built, ["customer_key", "as_of"], join_type="inner")
    if joined.num_rows != rows.num_rows:
        raise TierlineError(f"panel: {rows.num_rows - joined.num_rows} labelled rows have no features: check customers")
    joined = joined.sort_by([("observed_at", "ascending"), ("customer_key", "ascending"), ("loan_id", "ascending")])
    names = [feature.name for feature in FEATURES]
    x = feature_matrix(joined, names)
    panel = Panel(
        keys=joined.select(["customer_key", "as_of", "observed_at", "loan_id"]),
        x=x,
        y=joined.column("defaulted").to_numpy(),
        part=joined.column("part").to_numpy(),
        features=names,
        dropped=[],
        counts=counts,
    )
    return _drop_constant(panel)


def _drop_constant(panel: Panel) -> Panel:
    """Leave out features that say nothing on the learning rows: a source that lacks a table has them all null."""
    learning = panel.x[panel.rows(TRAIN, CALIBRATE)]
    keep = []
    for index in range(learning.shape[1]):
        known = learning[~np.isnan(learning[:, index]), index]
        keep.append(bool(len(known)) and bool(known.min() < known.max() or len(known) < len(learning)))
    kept = np.array(keep)
    names = np.array(panel.features)
    return replace(panel, x=panel.x[:, kept], features=names[kept].tolist(), dropped=names[~kept].tolist())


def _require_defaults(defaulted: npt.NDArray[np.bool_], part: npt.NDArray[np.int8], fewest: int) -> None:
    for index, name in enumerate(SLICES):
        defaults = int(defaulted[part == index].sum())
        if defaults < fewest:
            raise TierlineError(
                f"training: the {name} slice has {defaults} defaults, fewer than min_defaults={fewest}:"
                " give more customers or history, or lower min_defaults"
            )
