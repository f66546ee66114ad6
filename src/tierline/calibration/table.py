"""Reliability per tier and quarter, as a table.

Belongs here: the groups and one row of figures for each. Does not belong here: the figures' definitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tierline.calibration.inputs import Bools, Floats, as_outcome
from tierline.calibration.level import binomial_p, effective_rows, jeffreys_interval, jeffreys_p
from tierline.calibration.metrics import brier, cox, ece
from tierline.errors import TierlineError

_FIGURES = pa.schema(
    [
        ("rows", pa.int64()),
        ("defaults", pa.int64()),
        ("customers", pa.int64()),
        ("mean_pd", pa.float64()),
        ("observed", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("design_effect", pa.float64()),
        ("jeffreys_p", pa.float64()),
        ("jeffreys_p_overlap", pa.float64()),
        ("binomial_p", pa.float64()),
        ("slope", pa.float64()),
        ("intercept", pa.float64()),
        ("ece", pa.float64()),
        ("brier", pa.float64()),
    ]
)


def reliability_table(
    pd_12m: npt.ArrayLike,
    defaulted: npt.ArrayLike,
    customer: npt.ArrayLike,
    labels: Mapping[str, npt.ArrayLike],
) -> pa.Table:
    """One row per group: all rows together, each value of each label, each combination of two, three … labels.

    Every array has one entry per row; ``labels`` maps a name (tier, quarter) to each row's value. Columns: ``grouping``
    (``all``, ``tier``, ``tier x quarter``), one string column per label (null where the grouping leaves it out), rows,
    defaults, customers, mean_pd, observed, low and high (95 % Jeffreys interval of the observed rate on effective
    rows), design_effect, jeffreys_p (rows as independent), jeffreys_p_overlap (on effective rows), binomial_p, slope,
    intercept (null where no line can be fitted), ece, brier. Sorted by grouping and label values; empty groups absent.
    """
    p, y, who = np.asarray(pd_12m, np.float64), as_outcome(defaulted), np.asarray(customer)
    values = {name: np.asarray(value).astype(str) for name, value in labels.items()}
    lengths = {len(p), len(y), len(who), *(len(value) for value in values.values())}
    if lengths != {len(p)} or not len(p):
        raise TierlineError(
            "reliability: PDs, outcomes, customers and labels must have one entry per row, at least one"
        )
    if not ((p >= 0) & (p <= 1)).all():
        raise TierlineError("reliability: a PD is not a number between 0 and 1: check the scores")
    found: list[dict[str, object]] = []
    for size in range(len(values) + 1):
        for names in combinations(values, size):
            for group, rows in _groups([values[name] for name in names], len(p)):
                keys = dict.fromkeys(values) | dict(zip(names, group, strict=True))
                found.append({"grouping": " x ".join(names) or "all", **keys, **_figures(p[rows], y[rows], who[rows])})
    schema = pa.schema([("grouping", pa.string()), *((name, pa.string()) for name in values), *_FIGURES])
    return pa.Table.from_pylist(found, schema)


def quarter_labels(days: npt.ArrayLike) -> npt.NDArray[np.str_]:
    """The quarter of each date (anything numpy reads as one), such as 2025Q2."""
    month = np.asarray(days, dtype="datetime64[M]").astype(np.int64)  # since 1970-01
    return np.array([f"{1970 + at // 12}Q{at % 12 // 3 + 1}" for at in month.tolist()], dtype=np.str_)


def _groups(values: list[npt.NDArray[np.str_]], rows: int) -> list[tuple[tuple[str, ...], npt.NDArray[np.intp]]]:
    """Label values and row numbers of each group, sorted."""
    if not values:
        return [((), np.arange(rows))]
    stacked = np.stack(values, axis=1)
    groups, of = np.unique(stacked, axis=0, return_inverse=True)
    order = np.argsort(of, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(of))[:-1])
    return [(tuple(group.tolist()), part) for group, part in zip(groups, parts, strict=True)]


def _figures(p: Floats, y: Bools, who: npt.NDArray[np.generic]) -> dict[str, object]:
    weight, defaults, mean_pd = np.ones(len(p)), int(y.sum()), float(p.mean())
    worth = effective_rows(y, who)
    low, high = jeffreys_interval(worth.defaults, worth.rows)
    line = [value if np.isfinite(value) else None for value in cox(p, y, weight)]
    return {
        "rows": len(p),
        "defaults": defaults,
        "customers": len(np.unique(who)),
        "mean_pd": mean_pd,
        "observed": float(y.mean()),
        "low": float(low),
        "high": float(high),
        "design_effect": worth.design_effect,
        "jeffreys_p": float(jeffreys_p(defaults, len(p), mean_pd)),
        "jeffreys_p_overlap": float(jeffreys_p(worth.defaults, worth.rows, mean_pd)),
        "binomial_p": float(binomial_p(defaults, len(p), mean_pd)),
        "slope": line[0],
        "intercept": line[1],
        "ece": ece(p, y, weight),
        "brier": brier(p, y, weight),
    }
