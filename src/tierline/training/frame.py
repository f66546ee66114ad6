"""A model of any credit table: the code of the nightly pipeline, usable from a notebook.

Belongs here: from a flat frame to a panel, and ``fit``. Does not belong here: the lake's own panel (``history``), or
the steps of a training (``train``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tierline.errors import TierlineError
from tierline.labels import LabelCounts, LabelSpec
from tierline.models import ModelBundle
from tierline.models.encoding import as_array, as_text, feature_matrix, is_number, is_text, numbers_of
from tierline.training.config import TrainingConfig
from tierline.training.panel import Columns, Panel, require_defaults, with_enough_to_train
from tierline.training.splits import application_parts, shuffled_parts
from tierline.training.train import Origin, train_panel

MOST_LEVELS = 100
FEWEST_ROWS_OF_A_LEVEL = 10
KEY = "customer_key"


@dataclass(frozen=True)
class FrameOptions:
    """What may be said of a frame's columns.

    ``features``: the columns to learn from; None for all others than target, time and customer. ``monotone``: direction
    of PD as a number grows (1 up, -1 down). ``reasons``: the reason code a column counts towards, its own name where
    none is given. ``as_of``: the day of the training, part of the bundle's name.
    """

    features: tuple[str, ...] | None = None
    monotone: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    tier_bounds: Mapping[str, float] = field(default_factory=dict)
    source: str = "frame"
    as_of: date | None = None


def fit(
    frame: pd.DataFrame | pa.Table,
    *,
    target: str,
    time: str | None = None,
    customer: str | None = None,
    options: FrameOptions | None = None,
    config: TrainingConfig | None = None,
) -> ModelBundle:
    """Train, calibrate and judge a model of ``target`` (default: true or 1) on a flat table.

    With ``time`` (a date, timestamp or number) the last ``config.test_share`` of the rows tests and the newest of the
    others calibrate; without it customers are drawn by hash. Rows of one ``customer`` never stand on both sides of a
    fold; without the column each row is a customer. Text and category columns are categories; numbers may be missing,
    not infinite. The order of rows and columns does not matter.

    Raises ``TierlineError`` naming the column where the table cannot be learned from.

    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> table = pd.DataFrame({"debt": rng.normal(size=800), "job": rng.choice(["a", "b"], 800)})
    >>> table["bad"] = rng.random(800) < 1 / (1 + np.exp(2 - table["debt"]))
    >>> bundle = fit(table, target="bad")
    >>> bool((bundle.predict_pd(table) > 0).all())
    True
    """
    options, config = options or FrameOptions(), config or TrainingConfig()
    panel = frame_panel(frame, _Roles(target, time, customer), options, config)
    panel = with_enough_to_train(panel, config.min_defaults)
    require_defaults(panel, config.min_defaults)
    origin = Origin(
        source=options.source,
        trained_as_of=options.as_of,
        feature_set=hashlib.sha256("\n".join(panel.features).encode()).hexdigest()[:12],
        label=LabelSpec(dpd_threshold=config.dpd_threshold, window_months=config.window_months),
        reasons=options.reasons,
        tier_bounds=options.tier_bounds,
        observation="time" if time else "frame",
    )
    return train_panel(panel, origin, config)


@dataclass(frozen=True)
class _Roles:
    target: str
    time: str | None
    customer: str | None


def frame_panel(frame: pd.DataFrame | pa.Table, roles: _Roles, options: FrameOptions, config: TrainingConfig) -> Panel:
    """The panel of a flat table."""
    names = list(frame.columns if isinstance(frame, pd.DataFrame) else frame.column_names)
    _require_columns(names, roles, options)
    taken = {roles.target, roles.time, roles.customer}
    wanted = sorted(options.features if options.features is not None else [n for n in names if n not in taken])
    y = _outcome(as_array(frame, roles.target), roles.target)
    categories, dropped = _categories(frame, wanted)
    used = [name for name in wanted if name not in dropped]
    x = feature_matrix(frame, used, categories)
    keys = _keys(frame, roles, x, y)
    content = np.array(_row_names(x, y))  # two rows of a customer at one time have an order of their own too
    order = np.lexsort((content, keys.column(KEY).to_numpy(), keys.column("moment").to_numpy()))
    keys = keys.take(pa.array(order))
    part = (
        application_parts(len(y), config)
        if roles.time is not None
        else shuffled_parts(keys.column(KEY).to_pylist(), config)
    )
    both = sorted(set(options.monotone) & set(categories))
    if both:
        raise TierlineError(f"frame: monotone of {both[0]}: it is a category, which has no direction: leave it out")
    columns = Columns(options.monotone, categories, dropped)
    return Panel(keys.drop_columns(["moment"]), x[order], y[order], part, used, LabelCounts(len(y), 0, 0, 0), columns)


def _require_columns(names: list[str], roles: _Roles, options: FrameOptions) -> None:
    named = [roles.target, roles.time, roles.customer, *(options.features or ()), *options.monotone, *options.reasons]
    for name in names:
        if not isinstance(name, str) or names.count(name) > 1:
            raise TierlineError(f"frame: column {name}: give every column a name of its own that is text")
    for needed in named:
        if needed is not None and needed not in names:
            raise TierlineError(
                f"frame: column {needed} is not there: its columns are {', '.join(map(str, names))}"[:500]
            )
    for feature in options.features or ():
        if feature in (roles.target, roles.time, roles.customer):
            raise TierlineError(f"frame: column {feature} cannot be a feature: it is target, time or customer")
    for feature, direction in options.monotone.items():
        if direction not in (-1, 0, 1):
            raise TierlineError(f"frame: monotone of {feature} is {direction}: give 1, -1 or 0")


def _outcome(column: pa.Array, name: str) -> npt.NDArray[np.bool_]:
    if column.null_count:
        raise TierlineError(f"frame: target {name}: {column.null_count} rows have none: leave them out, or label them")
    if pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py():
        raise TierlineError(f"frame: target {name}: some rows are NaN: leave them out, or label them")
    known = pa.array([0.0, 1.0])
    if not is_number(column.type) or not pc.all(pc.is_in(column.cast(pa.float64()), known), min_count=0).as_py():
        raise TierlineError(f"frame: target {name}: must be true or false, or 1 (default) and 0")
    outcome: npt.NDArray[np.bool_] = column.cast(pa.float64()).to_numpy(zero_copy_only=False) == 1
    return outcome


def _categories(frame: pd.DataFrame | pa.Table, names: list[str]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Levels of each text column, and columns that cannot be used with the reason."""
    categories: dict[str, list[str]] = {}
    dropped: dict[str, str] = {}
    for name in names:
        column = as_array(frame, name)
        if pa.types.is_null(column.type) or is_number(column.type):
            continue
        if pa.types.is_temporal(column.type):
            raise TierlineError(f"frame: column {name} is a date or time: give an age in days, or name it as time")
        if not is_text(column.type):
            raise TierlineError(f"frame: column {name}: {column.type} is neither number nor text: leave it out")
        counts = pc.value_counts(as_text(column).drop_null()).to_pylist()
        levels = sorted(row["values"] for row in counts if row["counts"] >= FEWEST_ROWS_OF_A_LEVEL)
        if not levels:
            dropped[name] = f"no level has {FEWEST_ROWS_OF_A_LEVEL} rows"
        elif len(levels) > MOST_LEVELS:
            dropped[name] = f"{len(levels)} levels, more than {MOST_LEVELS}: an identifier, or to be grouped"
        else:
            categories[name] = levels
    return categories, dropped


def _keys(
    frame: pd.DataFrame | pa.Table, roles: _Roles, x: npt.NDArray[np.float64], y: npt.NDArray[np.bool_]
) -> pa.Table:
    """customer_key, as_of (null without dates) and ``moment``, which orders rows in time."""
    rows = len(y)
    if roles.customer is not None:
        customers = as_text(as_array(frame, roles.customer))
        if customers.null_count:
            raise TierlineError(f"frame: customer column {roles.customer}: {customers.null_count} rows have none")
    else:
        customers = pa.array(_row_names(x, y), pa.string())
    as_of, moment = pa.nulls(rows, pa.date32()), np.zeros(rows)
    if roles.time is not None:
        column = as_array(frame, roles.time)
        if is_text(column.type):
            raise TierlineError(f"frame: time column {roles.time} is text: convert it to a date first")
        if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
            as_of = column.cast(pa.date32(), safe=False)
            column = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        moment = numbers_of(column, roles.time)
        if np.isnan(moment).any():
            raise TierlineError(f"frame: time column {roles.time}: {int(np.isnan(moment).sum())} rows have none")
    return pa.table({KEY: customers, "as_of": as_of, "moment": pa.array(moment)})


def _row_names(x: npt.NDArray[np.float64], y: npt.NDArray[np.bool_]) -> list[str]:
    """A name for each row from its content, so that the order of rows does not matter; equal rows are numbered."""
    seen: dict[str, int] = {}
    names = []
    for values, outcome in zip(np.ascontiguousarray(x), y, strict=True):
        digest = hashlib.sha256(values.tobytes() + bytes([bool(outcome)])).hexdigest()[:16]
        seen[digest] = seen.get(digest, -1) + 1
        names.append(f"{digest}-{seen[digest]}")
    return names
