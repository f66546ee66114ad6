"""What the release before says of tonight's customers.

Belongs here: finding each customer in last night's tables. Does not belong here: what follows from it
(``limits.ladder``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.money import to_cents

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]
EARLY_WARNING = "EARLY_WARNING"
HOUSEHOLD_REASONS = ("HOUSEHOLD_CAP", "RELATED_PARTIES")


@dataclass(frozen=True)
class Before:
    """Per customer of tonight: limit in yuan (NaN where there was none), the night it last changed (NaT if never).

    ``warned``: last night froze it by an early warning; ``refused``, by reason: a cap of its household left it no
    limit; ``pd_12m``: NaN where the same model did not score it.
    """

    limit: Floats
    changed_on: Days
    warned: Flags
    refused: dict[str, Flags]
    pd_12m: Floats


def release_before(
    keys: pa.ChunkedArray, models: pa.ChunkedArray, limits: pa.Table | None, scores: pa.Table | None
) -> Before:
    """Find ``keys``, scored tonight by ``models``, in ``credit_limits`` and ``scores`` of the release before.

    A PD of another model is not known: a new champion moves PDs of customers who did nothing.
    """
    many = len(keys)
    limit, changed_on = np.full(many, np.nan), np.full(many, "NaT", dtype="datetime64[D]")
    warned, pd_12m = np.zeros(many, dtype=bool), np.full(many, np.nan)
    refused = {reason: np.zeros(many, dtype=bool) for reason in HOUSEHOLD_REASONS}
    if limits is not None:
        there, at = _places(keys, limits)
        limit[there] = to_cents(limits.column("credit_limit"))[at] / 100
        changed_on[there] = _known_dates(limits)[at]
        warned[there] = _flags(pc.equal(limits.column("action_reason"), EARLY_WARNING))[at]
        for reason, flags in refused.items():
            flags[there] = _flags(pc.equal(limits.column("action_reason"), reason))[at] & (limit[there] == 0)
    if scores is not None:
        if limits is None or not scores.column("customer_key").equals(limits.column("customer_key")):
            there, at = _places(keys, scores)
        same = _flags(pc.equal(models.filter(pa.array(there)), scores.column("model_id").take(pa.array(at))))
        pd_12m[there] = np.where(same, scores.column("pd_12m").to_numpy()[at], np.nan)
    return Before(limit, changed_on, warned, refused, pd_12m)


def stamp_changes(limits: pa.Table, before: pa.Table | None, as_of: date) -> pa.Table:
    """``limits`` with ``last_change_on`` by ``change_dates``; ``before`` is ``credit_limits`` of the release before.

    For whoever lowers a limit after ``decide_limits``, such as for want of funding.
    """
    carried = np.full(limits.num_rows, "NaT", dtype="datetime64[D]")
    if before is not None:
        there, at = _places(limits.column("customer_key"), before)
        carried[there] = _known_dates(before)[at]
    column = change_dates(limits, carried, as_of)
    return limits.set_column(limits.column_names.index("last_change_on"), "last_change_on", column)


def change_dates(limits: pa.Table, carried: Days, as_of: date) -> pa.Array:
    """Tonight where ``credit_limit`` is not ``previous_limit``, else the date carried on; a first limit of 0 is no
    change."""
    stays = to_cents(limits.column("credit_limit")) == to_cents(limits.column("previous_limit"))
    return pa.array(np.where(stays, carried, np.datetime64(as_of, "D")), pa.date32())


def _known_dates(limits: pa.Table) -> Days:
    """``last_change_on``; a release older than the column knows no date, so that no cooldown is running."""
    if "last_change_on" not in limits.column_names:
        return np.full(limits.num_rows, "NaT", dtype="datetime64[D]")
    dates: Days = limits.column("last_change_on").to_numpy().astype("datetime64[D]")
    return dates


def rows_of(keys: pa.ChunkedArray, table: pa.Table) -> pa.Array | pa.ChunkedArray:
    """The row of each key in ``table``, null where it is not there."""
    own = table.column("customer_key")
    if own.equals(keys):  # as all tables of one night; building an index of a million keys takes half a second
        return pa.array(np.arange(len(keys)))
    return pc.index_in(keys, value_set=own)


def _places(keys: pa.ChunkedArray, table: pa.Table) -> tuple[Flags, npt.NDArray[np.int64]]:
    """Where a key stands in ``table``, and at which row, for those that do."""
    rows = rows_of(keys, table)
    there = _flags(pc.is_valid(rows))
    return there, np.asarray(pc.drop_null(rows), dtype=np.int64)


def _flags(column: pa.Array | pa.ChunkedArray) -> Flags:
    flags: Flags = np.asarray(pc.fill_null(column, False), dtype=bool)
    return flags
