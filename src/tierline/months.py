"""Calendar arithmetic in whole months.

Belongs here: month ends and month shifts. Does not belong here: day counts, which are plain subtraction.
"""

from __future__ import annotations

import calendar
from datetime import date


def months_before(day: date, months: int) -> date:
    """The same day of the month ``months`` earlier (negative: later), clipped to the month's last day."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def month_end(day: date) -> date:
    """The last day of the month of ``day``."""
    return date(day.year, day.month, calendar.monthrange(day.year, day.month)[1])


def month_ends(first: date, last: date) -> list[date]:
    """Every month end in [first, last], in order."""
    ends = []
    day = month_end(first)
    while day <= last:
        ends.append(day)
        day = month_end(months_before(date(day.year, day.month, 1), -1))
    return ends
