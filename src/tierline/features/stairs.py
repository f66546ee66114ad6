"""Stairs: what must be kept of an extreme so that it can be carried from night to night.

Belongs here: the staircase table and its SQL. Does not belong here: sums and counts, which are carried by subtraction.

A maximum cannot be undone when its day leaves the window. A day's value can only ever matter while no later day has
reached it: the days that still can are a staircase of falling values, about the logarithm of the number of days. The
maximum over any window is the highest step inside it. Minima are maxima of the negated value.
"""

from __future__ import annotations

from tierline.features.measures import Kind, Measure, Window


def stair_measures(windows: tuple[Window, ...]) -> tuple[Measure, ...]:
    """Measures that need a staircase, in a fixed order; their position is the ``step_of`` number."""
    found = {window.measure.name: window.measure for window in windows if window.measure.extreme}
    return tuple(found.values())


def days_sql(measures: tuple[Measure, ...], source: str) -> str:
    """The extreme of each day: no, step_of, day, value (greater is more extreme)."""
    parts = [
        f"SELECT no, {number}::UTINYINT AS step_of, day, max({_sign(measure)}{measure.value})::BIGINT AS value"
        f" FROM {source} WHERE {measure.where} GROUP BY no, day"
        for number, measure in enumerate(measures)
    ]
    return " UNION ALL ".join(parts)


def steps_sql(days: str) -> str:
    """Of ``days``, those that no later day reaches."""
    later = (
        "max(value) OVER (PARTITION BY no, step_of ORDER BY day DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    )
    return f"SELECT no, step_of, day, value FROM ({days}) QUALIFY coalesce({later} < value, true)"


def extremes_sql(windows: tuple[Window, ...], stairs: str) -> str:
    """Every extreme window on ``{today}``: one row per customer with a step."""
    numbers = {measure.name: number for number, measure in enumerate(stair_measures(windows))}
    columns = ", ".join(
        f"{_sign(window.measure)}max(CASE WHEN step_of = {numbers[window.measure.name]}"
        f" AND day > {{today}} - {window.days} THEN value END) AS {window.column}"
        for window in windows
        if window.measure.extreme
    )
    return f"SELECT no, {columns} FROM {stairs} GROUP BY no"


def _sign(measure: Measure) -> str:
    return "-" if measure.kind is Kind.LEAST else ""
