"""The highest annual rate on a day: a flat cap, and a glide path to a multiple of the one-year LPR.

Belongs here: which of the two binds, and the steps of the glide. Does not belong here: the entries (``policy.load``),
what a price does at the cap (``pricing``).
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from fractions import Fraction as Exact
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

YEAR = 12  # months
_QUOTED = 10_000  # caps are quoted in hundredths of a per cent, like prices


class CapGlide(BaseModel):
    """From ``start_rate`` on ``starts`` in equal steps to ``lpr_multiple`` times the LPR, reached on ``ends``.

    ``starts`` is the first of a month and ``ends`` the last; a step lasts ``step_months``, and the way is whole steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    starts: date
    ends: date
    start_rate: Annotated[float, Field(gt=0, le=1)]
    lpr_multiple: Annotated[float, Field(gt=0, le=20)]
    step_months: Annotated[int, Field(ge=1, le=YEAR)]

    @model_validator(mode="after")
    def _whole_steps(self) -> Self:
        if self.starts.day != 1 or (self.ends + timedelta(days=1)).day != 1:
            raise ValueError("starts must be the first of a month and ends the last of one")
        if self.ends <= self.starts or self.months % self.step_months:
            raise ValueError(f"from starts to ends must be a whole number of steps of {self.step_months} months")
        return self

    @property
    def months(self) -> int:
        """Months from start to end."""
        return months_between(self.starts, self.ends + timedelta(days=1))

    def rate(self, day: date, lpr_1y: float) -> float:
        """The cap on ``day``, not before ``starts``, rounded down to hundredths of a per cent.

        The rate of a step is that of the straight line on the first day of the step; from ``ends`` on it is the target.
        """
        target = Exact(str(self.lpr_multiple)) * Exact(str(lpr_1y))
        start = Exact(str(self.start_rate))
        steps = self.months // self.step_months
        done = steps if day >= self.ends else months_between(self.starts, day) // self.step_months
        return math.floor((start + (target - start) * done / steps) * _QUOTED) / _QUOTED


def months_between(first: date, day: date) -> int:
    """Whole months from a first of a month to the month of ``day``."""
    return (day.year - first.year) * YEAR + day.month - first.month


def glide_in_force(glide: CapGlide | None, lpr_1y: float | None, day: date) -> float | None:
    """The glide's cap on ``day``; None where there is no glide or it has not started.

    Raises ``ValueError`` naming the LPR where the glide needs one and there is none.
    """
    if glide is None or day < glide.starts:
        return None
    if lpr_1y is None:
        raise ValueError(f"pricing.lpr_1y: no LPR on {day}, and pricing.cap_glide needs one: add the published value")
    return glide.rate(day, lpr_1y)
