"""Transactions while they are numbers: one column each, customers and words as codes.

Belongs here: the columnar holder and what any maker of rows needs (days by weekday, counterparties). Does not belong
here: why a row exists.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from tierline.sources.simulated.macro import REGIONS, Floats
from tierline.sources.simulated.persons import Flags, Persons
from tierline.sources.simulated.timeline import Ints, Timeline, weekday
from tierline.sources.simulated.vocabulary import CATEGORIES, CODE

Whole = npt.NDArray[np.integer]
NOBODY = -1  # no counterparty; no scenario
MERCHANTS = 40  # by category and region
EMPLOYERS_PER_REGION = 300


@dataclass(frozen=True)
class Rows:
    """Transactions: ``cents`` positive into the account, negative out of it; codes into the vocabulary."""

    customer: npt.NDArray[np.int32]
    second: Ints
    cents: Ints
    category: npt.NDArray[np.int8]
    channel: npt.NDArray[np.int8]
    scenario: npt.NDArray[np.int8]
    counterparty: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.customer)

    def take(self, chosen: Ints | Flags) -> Rows:
        """Rows at the given positions, or where true."""
        return Rows(*(getattr(self, field.name)[chosen] for field in fields(self)))


def make_rows(
    customer: Whole,
    second: Ints,
    cents: Ints,
    kind: tuple[str, int],
    scenario: Whole | None,
    counterparty: Whole | None,
) -> Rows:
    """Rows of one category and channel (``kind``)."""
    count = len(customer)
    nobody = np.full(count, NOBODY)
    return Rows(
        customer.astype(np.int32),
        second.astype(np.int64),
        cents.astype(np.int64),
        np.full(count, CODE[kind[0]], dtype=np.int8),
        np.full(count, kind[1], dtype=np.int8),
        (nobody if scenario is None else scenario).astype(np.int8),
        (nobody if counterparty is None else counterparty).astype(np.int32),
    )


def join(parts: list[Rows]) -> Rows:
    """All parts, one after the other."""
    return Rows(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Rows)))


@dataclass(frozen=True)
class Grid:
    """The months in which each customer is active, flattened: one entry per (customer, month)."""

    customer: Ints
    month: Ints
    stress: Ints


def active_grid(persons: Persons, stress: npt.NDArray[np.int8]) -> Grid:
    """Every customer-month from registration on, by customer and month."""
    months = np.arange(len(stress))
    customer, month = np.nonzero(months >= persons.entry[:, None])
    return Grid(customer, month, stress[month, customer].astype(np.int64))


def spread_days(month: Ints, weekend: float, timeline: Timeline, rng: np.random.Generator) -> Ints:
    """A day within each month, Saturdays and Sundays weighted."""
    days = np.arange(timeline.month_first[0], timeline.month_last[timeline.months - 1] + 1)
    weight = np.where(weekday(days) >= 5, weekend, 1.0)
    owner = timeline.month_of(days)
    within = weight / np.bincount(owner, weight)[owner]
    at = np.searchsorted(np.cumsum(within), month + rng.random(len(month))).clip(max=len(days) - 1)
    chosen: Ints = days[at]
    return chosen


def lognormal_cents(mean_yuan: Floats, sigma: float, rng: np.random.Generator) -> Ints:
    """Amounts of at least one yuan whose mean is ``mean_yuan``."""
    factor = np.exp(sigma * rng.standard_normal(len(mean_yuan)) - sigma * sigma / 2)
    return np.maximum(np.rint(mean_yuan * factor * 100), 100).astype(np.int64)


def clock(count: int, first_hour: int, last_hour: int, rng: np.random.Generator) -> Ints:
    """Seconds since midnight between two hours."""
    return rng.integers(first_hour * 3600, last_hour * 3600, count)


def merchant(category: str, region: Ints, rng: np.random.Generator) -> Ints:
    """A merchant of the region, a few of them much visited."""
    pick = np.minimum(rng.geometric(0.08, len(region)) - 1, MERCHANTS - 1)
    code: Ints = (CODE[category] * len(REGIONS) + region) * MERCHANTS + pick
    return code


EMPLOYER_BASE = len(CATEGORIES) * len(REGIONS) * MERCHANTS
PERSON_BASE = EMPLOYER_BASE + len(REGIONS) * EMPLOYERS_PER_REGION


def employer(persons: Persons, customer: Ints, job: Ints) -> Ints:
    """The employer of a customer's n-th job."""
    number = (customer * 7919 + job * 104_729) % EMPLOYERS_PER_REGION
    return EMPLOYER_BASE + persons.region[customer] * EMPLOYERS_PER_REGION + number


def counterparty_word(code: int) -> str:
    """The lender's number for a counterparty code."""
    if code < EMPLOYER_BASE:
        return f"M{code:07d}"
    if code < PERSON_BASE:
        return f"E{code - EMPLOYER_BASE:07d}"
    return f"B{code - PERSON_BASE:07d}"
