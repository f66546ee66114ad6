"""The panel of a lake: labelled customers at month ends or applications, beside their features.

Belongs here: joining population and features, and assigning slices. Does not belong here: fitting, or other tables
(``frame``).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.engine import session
from tierline.errors import TierlineError
from tierline.features import FEATURES, FeatureContext, build_features
from tierline.labels import LabelCounts, LabelSpec, application_population, month_end_population
from tierline.lake import Lake
from tierline.models.encoding import feature_matrix
from tierline.training.config import TrainingConfig
from tierline.training.panel import CALIBRATE, TRAIN, Columns, Panel, require_defaults, with_enough_to_train
from tierline.training.splits import application_parts, month_end_split

LOGGER = logging.getLogger("tierline.training")
DESCRIBED = ("segment", "region_code", "birth_year")
"""What the model card tells the test rows apart by; none of it is a feature."""
KEY = ["customer_key", "as_of"]
LASTING = "repayments"
"""The family never left out for instability: in a young book every count of it grows, and it still ranks best."""


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
        part = application_parts(population.rows.num_rows, config)
    else:
        split = month_end_split(request.first_day, request.knowledge, request.label, config)
        population = month_end_population(request.lake, split.dates, request.knowledge, request.label)
        as_of = population.rows.column("as_of").to_pylist()
        part_of = split.part_of()
        part = np.array([part_of[day] for day in as_of], dtype=np.int8)
    rows = population.rows
    LOGGER.info("panel: %d labelled rows on %d dates", rows.num_rows, len(pc.unique(rows.column("as_of"))))
    panel = _with_features(request, rows.append_column("part", pa.array(part)), population.counts)
    panel = with_enough_to_train(panel, config.min_defaults)
    require_defaults(panel, config.min_defaults)
    return panel


def _with_features(request: PanelRequest, rows: pa.Table, counts: LabelCounts) -> Panel:
    built = build_features(request.lake, rows, request.context)
    names = [feature.name for feature in FEATURES]
    # joined by key alone and ordered as a matrix: each copy of the wide table would be gigabytes of a large book
    found = built.select([*KEY, "history_months"]).append_column("built_row", pa.array(np.arange(built.num_rows)))
    joined = rows.join(found, KEY, join_type="inner")
    if joined.num_rows != rows.num_rows:
        raise TierlineError(f"panel: {rows.num_rows - joined.num_rows} labelled rows have no features: check customers")
    joined = _described(request, joined)
    joined = joined.sort_by([("observed_at", "ascending"), ("customer_key", "ascending"), ("loan_id", "ascending")])
    x = feature_matrix(built, names)
    del built
    return Panel(
        keys=joined.select(["customer_key", "as_of", "observed_at", "loan_id", *DESCRIBED, "history_months"]),
        x=x[joined.column("built_row").to_numpy()],
        y=joined.column("defaulted").to_numpy(),
        part=joined.column("part").to_numpy(),
        features=names,
        counts=counts,
        columns=Columns(
            monotone={feature.name: feature.monotone for feature in FEATURES},
            lasting=frozenset(feature.name for feature in FEATURES if feature.family == LASTING),
        ),
    )


def _described(request: PanelRequest, rows: pa.Table) -> pa.Table:
    """Add the master data that describes each row's customer, as known when the panel is made."""
    names = ", ".join(DESCRIBED)
    with session() as connection:
        connection.register("labelled", rows)
        known = request.lake.known_sql("customers", request.knowledge)
        sql = f"SELECT labelled.*, {names} FROM labelled LEFT JOIN ({known}) AS customer USING (customer_key)"
        return connection.sql(sql).to_arrow_table()


def newest_rows(panel: Panel, observation: str, config: TrainingConfig) -> npt.NDArray[np.int8]:
    """Slices of a refit: every mature row learns, the newest ones calibrate; without time all rows do both.

    The newest ``max_training_months`` month ends are used; rows older than that get -1. Without time no row is newer
    than another: all train, and all calibrate, each by a booster that never saw its customer.
    """
    rows = len(panel.y)
    if observation == "frame":
        return np.full(rows, TRAIN, dtype=np.int8)
    if observation != "month_end":
        return application_parts(rows, config, tested=False)
    days = np.array([str(day) for day in panel.keys.column("as_of").to_pylist()])
    newest = np.unique(days)[-config.max_training_months :]
    recent = newest[-config.calibration_months :]
    part = np.where(np.isin(days, newest), np.where(np.isin(days, recent), CALIBRATE, TRAIN), -1)
    return part.astype(np.int8)
