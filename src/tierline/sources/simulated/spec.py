"""What is asked of the simulated lender and what it answers.

Belongs here: the parameters of one world, their limits, and the summary of what was made. Does not belong here: numbers
that describe how people behave (``law``, ``persons``, ``vocabulary``).
"""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field, field_validator

SIMULATOR_VERSION = "2"
"""Changes whenever the same specification would give other bytes."""


class SimulationSpec(BaseModel):
    """One world: how many customers, how many months up to which day, and the seed of all its randomness."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customers: int = Field(15_000, ge=20, le=500_000, description="customers registered by the end of the simulation")
    months: int = Field(36, ge=6, le=120, description="calendar months of history up to and including as_of")
    as_of: date = Field(date(2026, 6, 30), description="the night to run; the simulation goes on for a week after it")
    seed: int = Field(20260630, ge=0, lt=2**63, description="seed of every random stream")

    @field_validator("as_of")
    @classmethod
    def _within_calendar(cls, value: date) -> date:
        if not date(2011, 1, 1) <= value <= date(2099, 12, 31):
            raise ValueError("as_of must lie between 2011-01-01 and 2099-12-31")
        return value


class SimulationSummary(BaseModel):
    """What stands in the landing zone. ``default_rates``: share of the label population that reached 90 days past due
    within twelve months, by year of the observed month-end, mature month-ends only.
    """

    model_config = ConfigDict(frozen=True)

    first_day: date
    as_of: date
    last_day: date
    rows: dict[str, int]
    default_rates: dict[str, float]
    reused: bool = False  # true if the landing zone stood there already
