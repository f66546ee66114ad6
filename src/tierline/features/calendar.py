"""The days of a run: which segment, month and weekday each belongs to, and how segments make up windows.

Belongs here: cutting time at the edges of every window of every observation date. Does not belong here: any SQL over
transactions.

A segment is a span of days that no window edge crosses, so a window of any date is a whole number of segments; it has
at most 64 days, so that the distinct days in it fit the bits of one integer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pyarrow as pa

from tierline.features.measures import HORIZON, WINDOWS
from tierline.months import month_end

EPOCH = date(1970, 1, 1)
LONGEST_SEGMENT = 64
MORNING = time(6)
"""Night is from midnight to six by the clock of the business day."""


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def month_number(day: date) -> int:
    """Calendar months since year 0."""
    return day.year * 12 + day.month - 1


@dataclass(frozen=True)
class Calendar:
    """The days that features of ``dates`` (sorted, distinct) may look at, in the business time zone."""

    dates: tuple[date, ...]
    timezone: str

    @property
    def first(self) -> date:
        """The earliest day in any window."""
        return self.dates[0] - timedelta(days=HORIZON - 1)

    @property
    def last(self) -> date:
        """The last observation date."""
        return self.dates[-1]

    def segments(self) -> list[tuple[date, date]]:
        """First and last day of each segment, in order."""
        cuts = {self.first - timedelta(days=1), self.last}
        for day in self.dates:
            cuts |= {day} | {day - timedelta(days=days) for days in WINDOWS}
        edges = sorted(cut for cut in cuts if cut >= self.first - timedelta(days=1))
        found = []
        for after, last in pairwise(edges):
            length = (last - after).days
            pieces = -(-length // LONGEST_SEGMENT)
            marks = [after + timedelta(days=length * piece // pieces) for piece in range(pieces + 1)]
            found += [(low + timedelta(days=1), high) for low, high in pairwise(marks)]
        return found

    def days(self) -> pa.Table:
        """One row per day: occurred_on, day, segment, bit, month, on_weekend, morning (µs of 06:00 that day).

        Every transaction of a run is given these, so they are as narrow as they can be.
        """
        rows = []
        for index, (low, high) in enumerate(self.segments()):
            for offset in range((high - low).days + 1):
                rows.append((low + timedelta(days=offset), index, 1 << offset))
        listed, bits = [day for day, _, _ in rows], [bit for _, _, bit in rows]
        return pa.table(
            {
                "occurred_on": pa.array(listed, pa.date32()),
                "day": pa.array([day_number(day) for day in listed], pa.int32()),
                "segment": pa.array([segment for _, segment, _ in rows], pa.int16()),
                "bit": pa.array(bits, _unsigned(max(bits))),
                "month": pa.array([month_number(day) for day in listed], pa.int16()),
                "on_weekend": pa.array([day.isoweekday() >= 6 for day in listed]),
                "morning": pa.array([_morning(day, self.timezone) for day in listed], pa.int64()),
            }
        )

    def bands(self, day: date) -> pa.Table:
        """The segments in any window of ``day``: segment, band (the shortest window that holds it)."""
        inside = [
            (index, min(days for days in WINDOWS if low > day - timedelta(days=days)))
            for index, (low, high) in enumerate(self.segments())
            if high <= day and low > day - timedelta(days=HORIZON)
        ]
        return pa.table(
            {
                "segment": pa.array([segment for segment, _ in inside], pa.int16()),
                "band": pa.array([band for _, band in inside], pa.int16()),
            }
        )


def _unsigned(most: int) -> pa.DataType:
    return next(kind for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()) if most < 2**kind.bit_width)


def _morning(day: date, timezone: str) -> int:
    local = datetime.combine(day, MORNING, ZoneInfo(timezone))
    return int(local.astimezone(UTC).timestamp()) * 1_000_000


def last_whole_month(day: date) -> int:
    """Number of the newest calendar month that is over at the end of ``day``; that of ``day`` on its last day."""
    return month_number(day) - (0 if day == month_end(day) else 1)
