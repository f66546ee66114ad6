"""Stairs: what must be kept of an extreme so that it can be carried from night to night.

Belongs here: the staircase table, its SQL, and the extremes that follow from it. Does not belong here: sums and counts,
which are carried by subtraction.

A maximum cannot be undone when its day leaves the window. But a day's value can only ever matter while no later day has
reached it: the days that still can are a staircase of falling values, about the logarithm of the number of days. The
maximum over any window is the highest step inside it. Minima are maxima of the negated value. The days of the last five
weeks are all kept, whatever came later, so that a late row or a correction of one of them can still be taken in.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tierline.features.measures import Kind, Measure, Window
from tierline.features.state import ABSENT, Ints

FRESH_DAYS = 35


def stair_measures(windows: tuple[Window, ...]) -> tuple[Measure, ...]:
    """Measures that need a staircase, in a fixed order; their position is the ``step_of`` number."""
    found = {window.measure.name: window.measure for window in windows if window.measure.extreme}
    return tuple(found.values())


def days_sql(measures: tuple[Measure, ...], source: str) -> str:
    """The extreme of each day of prepared transactions: no, step_of, day, value (greater is more extreme)."""
    columns = ", ".join(
        f"max(CASE WHEN {measure.where} THEN {_sign(measure)}{measure.value} END)::BIGINT AS value_{number}"
        for number, measure in enumerate(measures)
    )
    parts = [
        f"SELECT no, {number}::UTINYINT AS step_of, day, value_{number} AS value FROM days"
        f" WHERE value_{number} IS NOT NULL"
        for number in range(len(measures))
    ]
    return f"WITH days AS (SELECT no, day, {columns} FROM {source} GROUP BY no, day) {' UNION ALL '.join(parts)}"


def stairs_sql(days: str) -> str:
    """Of ``days`` up to ``{today}``: those of the last weeks, and the steps of the older ones."""
    later = (
        "max(value) OVER (PARTITION BY no, step_of ORDER BY day DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    )
    return (
        f"WITH every AS ({days}) SELECT * FROM every WHERE day > {{today}} - {FRESH_DAYS}"
        f" UNION ALL SELECT * FROM (SELECT * FROM every WHERE day <= {{today}} - {FRESH_DAYS})"
        f" QUALIFY coalesce({later} < value, true)"
    )


def extremes_of(windows: tuple[Window, ...], stairs: pa.Table, count: int, today: int) -> dict[str, Ints]:
    """Every extreme window on ``today`` of customers 1 to ``count``; ``ABSENT`` without a step."""
    numbers = {measure.name: number for number, measure in enumerate(stair_measures(windows))}
    every = [stairs.column(name).to_numpy() for name in ("no", "day", "value")]
    step_of = stairs.column("step_of").to_numpy()
    steps = {name: [part[step_of == number] for part in every] for name, number in numbers.items()}
    found = {}
    for window in (window for window in windows if window.measure.extreme):
        no, day, value = steps[window.measure.name]
        inside = day > today - window.days
        highest = np.full(count + 1, ABSENT)
        np.maximum.at(highest, no[inside], value[inside])
        least = window.measure.kind is Kind.LEAST
        found[window.column] = np.where(highest == ABSENT, ABSENT, -highest if least else highest)[1:]
    return found


def _sign(measure: Measure) -> str:
    return "-" if measure.kind is Kind.LEAST else ""
