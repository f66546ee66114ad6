"""What one feature is.

Belongs here: the row type of the registry. Does not belong here: any particular feature.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One feature. ``sql`` is an expression over the columns its family offers; ``{today}`` is the observation date.

    ``sources`` are the lake columns it is made of, as ``table.column``. ``monotone`` is the direction in which PD may
    move when the value grows: 1 up, -1 down, 0 free; ``why`` says why. ``reason`` is the code of the reason it counts
    towards, so that several windows of one behaviour give one reason. ``null_means`` says what a missing value stands
    for.
    """

    name: str
    family: str
    sql: str
    unit: str
    reason: str
    sources: tuple[str, ...]
    monotone: int = 0
    why: str = ""
    window_days: int | None = None
    null_means: str = "no transaction in the last 365 days"
