"""The truth file: the true PD of every customer at every month-end, apart from the landing zone.

Belongs here: writing and reading the truth, and setting a model beside it. Does not belong here: anything that a stage
of the pipeline may use; no stage reads or names this file. What the true PD holds known is told in ``true_pd``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.metrics import roc_auc_score

from tierline.errors import ConfigurationError
from tierline.ingest.pseudonyms import DEMO_KEY, pseudonymise
from tierline.parquet import read_arrow, write_arrow
from tierline.sources.simulated.columns import dates, numbered
from tierline.sources.simulated.spec import SIMULATOR_VERSION, SimulationSpec
from tierline.sources.simulated.tables import CUSTOMER_PREFIX
from tierline.sources.simulated.world import MonthEnd, World

TRUTH_FILE = "true_pd.parquet"
PREDICTION_COLUMNS = ("customer_key", "as_of", "defaulted", "pd_12m")


@dataclass(frozen=True)
class GiniComparison:
    """A model and the truth on the same rows: ``model_ratio`` is model_gini / true_gini, what share of the knowable
    ranking the model found.
    """

    rows: int
    bads: int
    model_gini: float
    true_gini: float
    model_ratio: float


def write_truth(truth: Path, world: World, ends: list[MonthEnd]) -> None:
    """Write ``true_pd.parquet``: customer_id, month_end, true_pd_12m (null in default), in_population."""
    number = np.concatenate([np.arange(len(end.pd)) for end in ends]) if ends else np.zeros(0, dtype=np.int64)
    day = np.concatenate([np.full(len(end.pd), world.timeline.month_last[end.month]) for end in ends])
    table = pa.table(
        {
            "customer_id": numbered(CUSTOMER_PREFIX, number + 1),
            "month_end": dates(day),
            "true_pd_12m": pa.array(np.concatenate([end.pd for end in ends]), from_pandas=True),
            "in_population": pa.array(np.concatenate([end.population for end in ends])),
        }
    )
    write_arrow(truth / TRUTH_FILE, table.replace_schema_metadata({"made_from": made_from(world.spec)}))


def made_from(spec: SimulationSpec) -> str:
    """What a file of this simulator was made from: version and specification."""
    return f"{SIMULATOR_VERSION} {spec.model_dump_json()}"


def holds_truth_of(truth: Path, spec: SimulationSpec) -> bool:
    """True if the truth file of exactly this specification stands there."""
    path = truth / TRUTH_FILE
    if not path.exists():
        return False
    try:
        metadata = read_arrow(path).schema.metadata or {}
    except pa.ArrowInvalid:
        return False  # a damaged file is made again
    return bool(metadata.get(b"made_from", b"") == made_from(spec).encode())


def read_truth(truth: Path) -> pd.DataFrame:
    """The truth by customer and month-end: customer_id, month_end (datetime), true_pd_12m (NaN when in default),
    in_population (not in default, with a loan open or drawn within twelve months, as far as simulated).
    """
    path = truth / TRUTH_FILE
    if not path.exists():
        raise ConfigurationError(f"{path}: missing: the truth is written by `tierline simulate`, run it first")
    frame: pd.DataFrame = read_arrow(path).to_pandas()
    frame["month_end"] = pd.to_datetime(frame["month_end"])
    return frame


def gini_beside_truth(predictions: pd.DataFrame, truth: Path) -> GiniComparison:
    """Gini (2 AUC - 1) of predicted and of true PD on the same rows.

    ``predictions`` has one row per (customer_key, as_of) with ``defaulted`` and ``pd_12m``; ``as_of`` are month-ends.
    Refused: a row the truth does not know or calls in default, and rows that are all good or all bad.
    """
    missing = [name for name in PREDICTION_COLUMNS if name not in predictions.columns]
    if missing:
        raise ConfigurationError(f"predictions: column {missing[0]} is missing")
    known = read_truth(truth)
    keys = {value: pseudonymise(value, DEMO_KEY) for value in known["customer_id"].unique()}
    known = known.assign(customer_key=known["customer_id"].map(keys)).rename(columns={"month_end": "as_of"})
    rows = predictions.loc[:, list(PREDICTION_COLUMNS)]
    rows = rows.assign(as_of=pd.to_datetime(rows["as_of"]).astype(known["as_of"].dtype))
    joined = rows.merge(known[["customer_key", "as_of", "true_pd_12m"]], how="left", validate="one_to_one")
    strangers = int(joined["true_pd_12m"].isna().sum())
    if strangers:
        raise ConfigurationError(f"{strangers} of {len(joined)} predictions have no true PD: other data, or in default")
    return _compare(joined)


def _compare(joined: pd.DataFrame) -> GiniComparison:
    bad = joined["defaulted"].to_numpy(dtype=bool)
    if bad.all() or not bad.any():
        raise ConfigurationError(f"{len(bad)} predictions, {int(bad.sum())} defaults: a Gini needs both good and bad")
    model, true = (2 * float(roc_auc_score(bad, joined[name])) - 1 for name in ("pd_12m", "true_pd_12m"))
    return GiniComparison(len(bad), int(bad.sum()), model, true, model / true)
