"""The calendar of a world: days as integers since 1970, months as indices from the month of the first day.

Belongs here: conversions between days, months and dates. Does not belong here: anything that happens on a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from tierline.sources.simulated.spec import SimulationSpec

Ints = npt.NDArray[np.int64]

DAY = 86_400  # seconds
EPOCH = date(1970, 1, 1)
WEEK_AFTER = 7  # days simulated beyond as_of, so that the next nights can be run
WINDOW = 12  # months of the performance window
MONTHS_AHEAD = 17  # months beyond the last one for which dates are needed: a 12-month schedule, restructured


def to_day(value: date) -> int:
    """Days since 1970-01-01."""
    return (value - EPOCH).days


def to_date(day: int) -> date:
    """The date of a day number."""
    return EPOCH + timedelta(days=int(day))


def months_before(value: date, months: int) -> date:
    """``value`` minus calendar months, clipped to the end of the shorter month."""
    index = value.year * 12 + value.month - 1 - months
    first = date(index // 12, index % 12 + 1, 1)
    following = date((index + 1) // 12, (index + 1) % 12 + 1, 1)
    return first + timedelta(days=min(value.day, (following - first).days) - 1)


@dataclass(frozen=True)
class Timeline:
    """``month_first`` and ``month_length`` reach ``MONTHS_AHEAD`` beyond the ``months`` that are simulated."""

    first_day: int
    as_of: int
    last_day: int
    months: int  # calendar months touched, from the month of first_day to the month of last_day
    month_first: Ints
    month_length: Ints

    @classmethod
    def of(cls, spec: SimulationSpec) -> Timeline:
        """The calendar of a specification."""
        first = months_before(spec.as_of, spec.months) + timedelta(days=1)
        last = spec.as_of + timedelta(days=WEEK_AFTER)
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        start = np.datetime64(f"{first.year:04d}-{first.month:02d}", "M")
        edges = (start + np.arange(months + MONTHS_AHEAD + 1)).astype("datetime64[D]").astype(np.int64)
        return cls(to_day(first), to_day(spec.as_of), to_day(last), months, edges[:-1], np.diff(edges))

    @property
    def days(self) -> Ints:
        """Every simulated day."""
        return np.arange(self.first_day, self.last_day + 1)

    @property
    def month_last(self) -> Ints:
        """Last day of each month."""
        return self.month_first + self.month_length - 1

    @property
    def observed_months(self) -> list[int]:
        """Indices of the months whose last day lies in the history up to as_of."""
        return [month for month in range(self.months) if self.month_last[month] <= self.as_of]

    def month_of(self, day: Ints) -> Ints:
        """Month index of each day; days before the first month are refused by no one, they become -1."""
        return np.searchsorted(self.month_first, day, side="right") - 1

    def calendar_month(self) -> Ints:
        """1 … 12 for each month index."""
        return self.month_first.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1


def weekday(day: Ints) -> Ints:
    """0 for Monday; 1970-01-01 was a Thursday."""
    return (day + 3) % 7
