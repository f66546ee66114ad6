"""One night's scores: PD, default status and reasons of every customer.

Belongs here: applying the champion to the night's features. Does not belong here: the tier.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.engine import map_while_reading
from tierline.errors import TierlineError
from tierline.features import feature_set_hash
from tierline.models import ModelBundle
from tierline.schemas import PUBLISHED, Column, Kind, Table
from tierline.scoring.reasons import top_reasons
from tierline.shapley import compile_kernel

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
THIN_HISTORY_MONTHS = 3

SCORED = Table(
    name="scored",
    description="What the model says of each customer, before tiers.",
    key=("customer_key", "as_of"),
    columns=(
        *(column for column in PUBLISHED["scores"].columns if column.name not in ("score", "tier")),
        Column("in_default", Kind.BOOLEAN, "90 days past due or worse, or a bad outcome given from outside"),
    ),
)


def score_book(bundle: ModelBundle, parts: Iterable[pa.Table], bad_outcomes: list[str], as_of: date) -> pa.Table:
    """Score every row of the feature tables ``parts`` (one row per customer in all); returns ``SCORED``.

    The next parts are read while earlier ones are explained; how the book is divided makes no difference. The margin
    is added up with the contributions, from the same tables, and is the booster's own to the last bit. A customer is in
    default if DPD reaches the label's threshold or an outcome of default is known (``bad_outcomes``: customer keys);
    its PD is 1 (Basel CRE36). Thin file: under three full months of transactions and no instalment due within the last
    year, or nothing known at all.
    """
    if bundle.card.feature_set != feature_set_hash():
        raise TierlineError(f"{bundle.model_id}: it learned from another feature set than tonight's: train again")
    reasons = bundle.reason_model()
    listed = pa.array(bad_outcomes, pa.string())

    def explained(known: _Known) -> tuple[pa.Table, Ints]:
        margin, contributions = reasons.explained(known.matrix, threads=1)
        pd_12m = np.where(known.in_default, 1.0, bundle.card.calibration.predict(margin))
        return known.customers.append_column("pd_12m", pa.array(pd_12m)), contributions

    found = map_while_reading(explained, (_known(bundle, part, listed) for part in parts), first=compile_kernel)
    table = pa.concat_tables([scored for scored, _ in found]).combine_chunks()
    in_default = table.column("in_default").to_numpy()
    columns = {
        **{name: table.column(name) for name in table.column_names},
        "as_of": pa.repeat(pa.scalar(as_of, pa.date32()), len(table)),
        "model_id": pa.repeat(bundle.model_id, len(table)),
    }
    for rank, codes in enumerate(top_reasons(reasons.codes, [units for _, units in found], in_default), start=1):
        columns[f"reason_{rank}"] = codes
    return pa.table({name: columns[name] for name in SCORED.column_names})


class _Known(NamedTuple):
    """What is known of the customers of one part without the model: customer_key, thin_file, in_default."""

    matrix: Floats
    in_default: Bools
    customers: pa.Table


def _known(bundle: ModelBundle, features: pa.Table, bad_outcomes: pa.Array) -> _Known:
    keys = features.column("customer_key").cast(pa.string())
    listed = pc.is_in(keys, value_set=bad_outcomes).to_numpy()
    in_default = (_filled(features, "dpd_now", 0.0) >= bundle.card.label_spec["dpd_threshold"]) | listed
    no_instalment = _filled(features, "instalments_due_365d", 0.0) == 0
    short = _filled(features, "history_months", 0.0) < THIN_HISTORY_MONTHS
    columns = {"customer_key": keys, "thin_file": pa.array(no_instalment & short), "in_default": pa.array(in_default)}
    return _Known(bundle.matrix(features, order="F"), in_default, pa.table(columns))


def drift_samples(
    bundle: ModelBundle, features: pa.Table, scored: pa.Table
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The PD and the most used features on the learning rows, and tonight on customers not in default.

    Returns two dicts of one array per figure, for a stability index; missing values are NaN.
    """
    performing = ~scored.column("in_default").to_numpy()
    names = bundle.reference_rows.column_names
    learned = {name: bundle.reference_rows.column(name).to_numpy() for name in names}
    tonight = {name: (scored if name == "pd_12m" else features).column(name).to_numpy()[performing] for name in names}
    return learned, tonight


def _filled(features: pa.Table, name: str, value: float) -> np.ndarray:
    column = features.column(name).to_numpy()
    filled: np.ndarray = np.where(np.isnan(column), value, column)
    return filled
