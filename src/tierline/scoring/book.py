"""One night's scores: PD, default status and reasons of every customer.

Belongs here: applying the champion to the night's features. Does not belong here: the tier.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tierline.errors import TierlineError
from tierline.features import feature_set_hash
from tierline.models import ModelBundle
from tierline.schemas import PUBLISHED, Column, Kind, Table
from tierline.scoring.reasons import top_reasons

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

    The parts are taken one at a time; how the book is divided makes no difference. A customer is in default if DPD
    reaches the label's threshold or an outcome of default is known (``bad_outcomes``: customer keys); its PD is 1
    (Basel CRE36). Thin file: under three full months of transactions and no instalment due within the last year, or
    nothing known at all.
    """
    if bundle.card.feature_set != feature_set_hash():
        raise TierlineError(f"{bundle.model_id}: it learned from another feature set than tonight's: train again")
    reasons = bundle.reason_model()
    listed = pa.array(bad_outcomes, pa.string())
    scored, contributions = [], []
    for part in parts:
        matrix = bundle.matrix(part)
        margin = np.asarray(bundle.booster.predict(matrix, raw_score=True), dtype=np.float64)
        scored.append(_score_part(bundle, part, margin, listed))
        contributions.append(reasons.contributions(matrix))
    table = pa.concat_tables(scored).combine_chunks()
    in_default = table.column("in_default").to_numpy()
    columns = {
        **{name: table.column(name) for name in table.column_names},
        "as_of": pa.array([as_of] * len(table), pa.date32()),
        "model_id": pa.array([bundle.model_id] * len(table), pa.string()),
    }
    for rank, codes in enumerate(top_reasons(reasons.codes, np.concatenate(contributions), in_default), start=1):
        columns[f"reason_{rank}"] = codes
    return pa.table({name: columns[name] for name in SCORED.column_names})


def _score_part(bundle: ModelBundle, features: pa.Table, margin: np.ndarray, bad_outcomes: pa.Array) -> pa.Table:
    """What is known of the customers of one part without the rest of the book; ``margin`` is the booster's."""
    keys = features.column("customer_key").cast(pa.string())
    listed = pc.is_in(keys, value_set=bad_outcomes).to_numpy()
    in_default = (_filled(features, "dpd_now", 0.0) >= bundle.card.label_spec["dpd_threshold"]) | listed
    no_instalment = _filled(features, "instalments_due_365d", 0.0) == 0
    short = _filled(features, "history_months", 0.0) < THIN_HISTORY_MONTHS
    columns = {
        "customer_key": keys,
        "pd_12m": pa.array(np.where(in_default, 1.0, bundle.card.calibration.predict(margin))),
        "thin_file": pa.array(no_instalment & short),
        "in_default": pa.array(in_default),
    }
    return pa.table(columns)


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
