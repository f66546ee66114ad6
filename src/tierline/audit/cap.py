"""The cap on a day, worked out again from the profile: the flat one, or the glide path to a multiple of the LPR.

Belongs here: the checker's own arithmetic of the cap, in exact numbers. Does not belong here: any import of
``tierline.policy``, whose steps it must not repeat by calling them.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pandas as pd

from tierline.audit.profile import Profile
from tierline.errors import ConfigurationError

_STEP = Fraction(1, 10_000)  # caps are quoted in hundredths of a per cent, rounded down


def cap_in_force(profile: Profile) -> Fraction:
    """The lower of the flat cap and of the glide on the profile's day; the flat one before the glide starts."""
    flat, glide = profile.exact("pricing.price_cap"), profile.optional("pricing.cap_glide")
    if glide is None:
        return flat
    if not isinstance(glide, dict) or set(glide) != {"starts", "ends", "start_rate", "lpr_multiple", "step_months"}:
        raise ConfigurationError(f"policy {profile.name}: pricing.cap_glide: not of the form of a glide path")
    if profile.day < glide["starts"]:
        return flat
    if profile.optional("pricing.lpr_1y") is None:
        raise ConfigurationError(f"policy {profile.name}: pricing.lpr_1y: none on {profile.day}, the glide needs it")
    start = Fraction(str(glide["start_rate"]))
    target = Fraction(str(glide["lpr_multiple"])) * profile.exact("pricing.lpr_1y")
    rate = start + (target - start) * _way(profile.day, glide["starts"], glide["ends"], glide["step_months"])
    return min(flat, rate // _STEP * _STEP)


def _way(day: date, starts: date, ends: date, step_months: int) -> Fraction:
    """The part of the way behind us: of the first days of all steps, how many have come; all of it on ``ends``."""
    if day >= ends:
        return Fraction(1)
    steps = pd.date_range(starts, ends + timedelta(days=1), freq=pd.DateOffset(months=step_months))
    return Fraction(int((steps <= pd.Timestamp(day)).sum()) - 1, len(steps) - 1)
