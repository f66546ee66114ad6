"""States of segments as arrays, and the windows that they make up on a day.

Belongs here: aggregating prepared transactions to one state per (customer, segment), and combining states. Does not
belong here: how transactions are prepared (``account_sql``), or which rows and customers count (``build``).

Twelve month ends cut two years into some sixty segments. As a table, their states would be joined and added up anew for
every date, which costs as much as the rows did; as arrays of segment by customer, a window is a sum over neighbouring
rows. Integers are kept as narrow as their values allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.features.measures import HORIZON, WINDOWS, Kind, Measure, Window
from tierline.features.state import ABSENT, Ints

AT_ONCE = 4
"""Segments that are aggregated together: with more, the table of groups outgrows the caches."""
BALANCE_AT = Measure("balance_at", Kind.LATEST, "balance IS NOT NULL", "occurred", ())
"""When the last known balance of a span was: kept with the states, though no feature names it."""
_KINDS = (np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64))


@dataclass
class Spans:
    """Row s, column i of each array in ``values`` is a measure of segment s of the customer ``numbers[i]``.

    ``numbers`` is sorted. Extremes and latest days are kept so that greater is more extreme; ``None`` is the least
    integer of the array's type.
    """

    windows: tuple[Window, ...]
    numbers: Ints
    segments: int
    values: dict[str, npt.NDArray[Any]]

    def windows_on(self, bands: pa.Table) -> dict[str, Ints]:
        """Every window, by column; ``ABSENT`` where a span has no such row. ``bands``: see ``Calendar.bands``."""
        segment, band = bands.column("segment").to_numpy(), bands.column("band").to_numpy()
        inside = {days: segment[band == days] for days in WINDOWS}
        found: dict[str, Ints] = {}
        for measure in _measures(self.windows):
            wanted = {window.days: window.column for window in self.windows if window.measure == measure}
            if measure is BALANCE_AT:
                wanted = {HORIZON: measure.name}
            total = np.zeros(len(self.numbers), np.int64) if _adds(measure) else np.full(len(self.numbers), ABSENT)
            for days in WINDOWS:
                if days > max(wanted):
                    break
                for row in inside[days]:
                    _take_in(total, self.values[measure.name][row], measure)
                if days in wanted:
                    found[wanted[days]] = _as_is(total, measure)
        return found


def make_spans(
    connection: duckdb.DuckDBPyConnection,
    windows: tuple[Window, ...],
    source: str,
    segments: int,
    at_once: int = AT_ONCE,
) -> Spans:
    """States of the prepared transactions in ``source``, whose segments are numbered below ``segments``."""
    numbers = connection.sql(f"SELECT DISTINCT no FROM {source} ORDER BY no").to_arrow_table().column("no").to_numpy()
    shape = segments, len(numbers)
    values: dict[str, npt.NDArray[Any]] = {}
    for measure in _measures(windows):
        values[measure.name] = np.zeros(shape, _KINDS[0])
        if not _adds(measure):
            values[measure.name].fill(np.iinfo(_KINDS[0]).min)
    spans = Spans(windows, numbers, segments, values)
    for first in range(0, segments, at_once):
        part = f"(SELECT * FROM {source} WHERE segment >= {first} AND segment < {first + at_once})"
        _put(spans, connection.sql(states_sql(windows, part)).to_arrow_table())
    return spans


def states_sql(windows: tuple[Window, ...], source: str) -> str:
    """Aggregate prepared transactions to one row per customer and segment."""
    columns = ", ".join(f"{measure.over_rows()} AS {measure.name}" for measure in _measures(windows))
    return f"SELECT no, segment, {columns} FROM {source} GROUP BY no, segment"


def _measures(windows: Sequence[Window]) -> list[Measure]:
    return [*{window.measure.name: window.measure for window in windows}.values(), BALANCE_AT]


def _adds(measure: Measure) -> bool:
    return not measure.extreme and measure.kind is not Kind.LATEST


def _put(spans: Spans, states: pa.Table) -> None:
    row, column = states.column("segment").to_numpy(), np.searchsorted(spans.numbers, states.column("no").to_numpy())
    for measure in _measures(spans.windows):
        found = states.column(measure.name)
        held = spans.values[measure.name]
        value = pc.fill_null(pc.negate(found) if measure.kind is Kind.LEAST else found, ABSENT).to_numpy()
        known = value[value != ABSENT]
        kind = _kind(int(known.min(initial=0)), int(known.max(initial=0)), held.dtype)
        if kind != held.dtype:
            held = spans.values[measure.name] = _wider(held, kind)
        held[row, column] = np.where(value == ABSENT, np.iinfo(kind).min, value)


def _kind(least: int, most: int, at_least: np.dtype[Any]) -> np.dtype[Any]:
    fitting = [kind for kind in _KINDS if np.iinfo(kind).min < least and most <= np.iinfo(kind).max]
    return max(fitting[0], at_least, key=lambda kind: kind.itemsize)


def _wider(values: npt.NDArray[Any], kind: np.dtype[Any]) -> npt.NDArray[Any]:
    wide = values.astype(kind)
    wide[values == np.iinfo(values.dtype).min] = np.iinfo(kind).min  # no sum or count is that low
    return wide


def _take_in(total: Ints, values: npt.NDArray[Any], measure: Measure) -> None:
    if _adds(measure):
        np.add(total, values, out=total)
    else:
        np.maximum(total, np.where(values == np.iinfo(values.dtype).min, np.int64(ABSENT), values), out=total)


def _as_is(total: Ints, measure: Measure) -> Ints:
    if measure.kind is Kind.LEAST:
        return np.where(total == ABSENT, ABSENT, -total)
    return total.copy()
