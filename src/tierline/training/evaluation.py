"""Judging a model on rows it has not seen: ranking and level with intervals, and a logistic floor.

Belongs here: out-of-time figures. Does not belong here: fitting the model that is judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from tierline.calibration import auc, block_bootstrap, quarter_labels, reliability_table
from tierline.training.panel import TEST, Panel

Floats = npt.NDArray[np.float64]
NAMES = {"slope": "calibration_slope", "intercept": "calibration_intercept"}
FLOOR_ROWS = 200_000
"""The floor is fitted on at most this many learning rows, the newest: its memory grows with them."""
UNBOUNDED = "above"
DRAWS = 200


@dataclass(frozen=True)
class Judged:
    """Figures of the test slice, and the 95 % interval of those that have one."""

    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]


def evaluate(panel: Panel, pd_12m: Floats, seed: int) -> Judged:
    """Out-of-time figures of the test slice; ``pd_12m`` has one entry per test row.

    Intervals are by customer. ``unseen_*`` are those of customers that no learning row belongs to; a figure that the
    rows cannot give (a slope where they separate, a Gini of one class) is absent.
    """
    test = panel.rows(TEST)
    y, who = panel.y[test], panel.customers[test]
    found = block_bootstrap(pd_12m, y, who, seed, draws=DRAWS)
    metrics = {
        "test_rows": float(len(y)),
        "test_defaults": float(y.sum()),
        "test_default_rate": float(y.mean()),
        "mean_pd": float(pd_12m.mean()),
    }
    metrics |= {NAMES.get(name, name): interval.value for name, interval in found.items()}
    intervals = {NAMES.get(name, name): (interval.low, interval.high) for name, interval in found.items()}
    unseen = ~np.isin(who.astype(str), panel.customers[panel.learning].astype(str))
    metrics["unseen_rows"] = float(unseen.sum())
    if y[unseen].any() and not y[unseen].all():
        metrics["unseen_gini"] = 2 * float(roc_auc_score(y[unseen], pd_12m[unseen])) - 1
    return Judged(
        {name: value for name, value in metrics.items() if math.isfinite(value)},
        {name: both for name, both in intervals.items() if all(math.isfinite(value) for value in both)},
    )


def logistic_floor(panel: Panel, seed: int) -> Judged:
    """AUC and log-loss of a plain logistic regression on the same rows and features: the floor a booster must beat.

    Features are rank-transformed, missing values imputed at the median with a flag; a category is its code.
    """
    learning, test = np.flatnonzero(panel.learning)[-FLOOR_ROWS:], panel.rows(TEST)
    if not panel.y[learning].any() or panel.y[learning].all():
        return Judged({}, {})
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        QuantileTransformer(
            n_quantiles=min(1000, len(learning)), output_distribution="uniform", subsample=None, random_state=seed
        ),
        LogisticRegression(C=0.1, max_iter=2000),
    )
    model.fit(panel.x[learning], panel.y[learning])
    predicted = model.predict_proba(panel.x[test])[:, 1]
    y = panel.y[test]

    def ranked(p: Floats, outcome: npt.NDArray[np.bool_], weight: Floats) -> Mapping[str, float]:
        return {"logistic_auc": auc(p, outcome, weight)}

    found = block_bootstrap(predicted, y, panel.customers[test], seed, metrics=ranked, draws=DRAWS)["logistic_auc"]
    return Judged(
        {"logistic_auc": found.value, "logistic_log_loss": float(log_loss(y, predicted))},
        {"logistic_auc": (found.low, found.high)},
    )


def reliability_rows(
    panel: Panel, pd_12m: Floats, tier_bounds: Mapping[str, float]
) -> list[dict[str, str | int | float | None]]:
    """Reliability of the test slice per tier (upper PD bounds by name, ascending) and quarter, as JSON rows.

    Without tiers, tenths of the rows by PD stand in for them.
    """
    test = panel.rows(TEST)
    names = [*tier_bounds, UNBOUNDED]
    bounds = list(tier_bounds.values())
    if not bounds:
        bounds = list(np.unique(np.quantile(pd_12m, np.linspace(0, 1, 11)[1:-1])))
        names = [f"{index:02d}" for index in range(1, len(bounds) + 2)]
    labels = {"tier": np.array(names)[np.searchsorted(bounds, pd_12m, side="left")]}
    days = panel.keys.column("as_of").filter(pa.array(test))
    if days.null_count == 0:
        labels["quarter"] = np.asarray(quarter_labels(days.to_pylist()))
    rows = reliability_table(pd_12m, panel.y[test], panel.customers[test].astype(str), labels).to_pylist()
    return [{name: _finite(value) for name, value in row.items()} for row in rows]


def _finite(value: str | float | None) -> str | float | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value
