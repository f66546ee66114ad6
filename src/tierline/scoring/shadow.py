"""A challenger's scores of a night: PD and default status without reasons, since nobody is told of them.

Belongs here: applying one challenger. Does not belong here: which challengers there are, or the comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.models import ModelBundle

ROWS_AT_ONCE = 100_000  # of the model's feature matrix in float64


def shadow_scores(bundle: ModelBundle, features: pa.Table, bad_outcomes: Sequence[str], as_of: date) -> pa.Table:
    """PD of every row of ``features`` (one per customer), by the rule of ``score_book``.

    Returns model_id, customer_key, as_of, pd_12m, in_default; in the order of ``features``. The matrix the model reads
    is made of ``ROWS_AT_ONCE`` rows at a time.
    """
    dpd = pc.fill_null(features.column("dpd_now"), 0.0)
    late = pc.greater_equal(dpd, float(bundle.card.label_spec["dpd_threshold"]))
    listed = pc.is_in(features.column("customer_key"), value_set=pa.array(list(bad_outcomes), pa.string()))
    in_default = pc.or_(late, listed)
    pd_12m = np.where(in_default.to_numpy(), 1.0, _predicted(bundle, features))
    rows = features.num_rows
    return pa.table(
        {
            "model_id": pa.array([bundle.model_id] * rows, pa.string()),
            "customer_key": features.column("customer_key"),
            "as_of": pa.array([as_of] * rows, pa.date32()),
            "pd_12m": pa.array(pd_12m),
            "in_default": in_default,
        }
    )


def _predicted(bundle: ModelBundle, features: pa.Table) -> npt.NDArray[np.float64]:
    needed = features.select(bundle.card.features)
    parts = [bundle.predict_pd(needed.slice(start, ROWS_AT_ONCE)) for start in range(0, needed.num_rows, ROWS_AT_ONCE)]
    return np.concatenate(parts) if parts else np.empty(0)
