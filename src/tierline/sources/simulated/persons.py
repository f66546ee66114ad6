"""The customers as they are: latent traits, circumstances and habits. Every cause in the world starts here.

Belongs here: what does not change for a customer during the simulation. Does not belong here: what happens to them.

Customers are numbered in the order of registration, so that the customers known at a month-end are a prefix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tierline.sources.simulated.macro import INDUSTRIES, REGIONS, Floats
from tierline.sources.simulated.timeline import Ints, Timeline

Flags = npt.NDArray[np.bool_]

FOUNDERS = 0.45  # share registered before the first day
EARLY = 0.10  # share registered in the first three months
FIRST_DUE_DAY, LAST_DUE_DAY = 8, 25
"""Day of the month on which all instalments of a customer fall due. Within these bounds the 90th day past due of an
instalment of month m always lies in month m + 3, so that the monthly chain and the daily count agree."""


@dataclass(frozen=True)
class Persons:
    """One entry per customer. Latents are about N(0, 1): more ``stability`` and ``prudence`` are good, more
    ``indebtedness`` is bad; ``gambling`` is 0 for most. Money in yuan per month."""

    registered: Ints  # day
    active_from: Ints  # first day with transactions
    entry: Ints  # month index of active_from
    region: Ints
    industry: Ints
    proprietor: Flags
    stability: Floats
    prudence: Floats
    indebtedness: Floats
    gambling: Floats
    income: Floats
    spending: Floats  # factor on ordinary spending
    limit: Floats  # the lender's revolving limit, yuan
    due_day: Ints
    payday: Ints
    renter: Flags
    commuter: Flags  # pays a fare every day

    def __len__(self) -> int:
        return len(self.registered)


def make_persons(customers: int, timeline: Timeline, rng: np.random.Generator) -> Persons:
    """Draw the customers of a world, in the order of registration."""
    registered = _registrations(customers, timeline, rng)
    active_from = np.maximum(registered, timeline.first_day)
    shared = rng.normal(size=(4, customers))
    stability = shared[0]
    prudence = 0.25 * stability + 0.97 * shared[1]
    indebtedness = -0.35 * prudence + 0.94 * shared[2]
    habit = rng.random(customers) < 1 / (1 + np.exp(2.1 + 0.5 * prudence))
    gambling = habit * rng.gamma(3.0, 0.4, customers)
    income = 6_300 * np.exp(0.40 * shared[3] + 0.15 * stability)
    commuters = max(1, customers * 3 // 1000)
    return Persons(
        registered=registered,
        active_from=active_from,
        entry=timeline.month_of(active_from),
        region=rng.choice(len(REGIONS), customers, p=_weights(len(REGIONS))),
        industry=rng.choice(len(INDUSTRIES), customers, p=_weights(len(INDUSTRIES))),
        proprietor=rng.random(customers) < 0.15,
        stability=stability,
        prudence=prudence,
        indebtedness=indebtedness,
        gambling=gambling,
        income=income,
        spending=np.exp(-0.10 * prudence + 0.06 * indebtedness + rng.normal(0, 0.12, customers)),
        limit=_limits(income, prudence, rng),
        due_day=rng.integers(FIRST_DUE_DAY, LAST_DUE_DAY + 1, customers),
        payday=rng.choice(np.array([1, 5, 8, 10, 15, 20, 25, 28]), customers),
        renter=rng.random(customers) < 0.45,
        commuter=np.arange(customers) < commuters,  # founders, so that no day is without a transaction
    )


def _registrations(customers: int, timeline: Timeline, rng: np.random.Generator) -> Ints:
    """Nearly half before the first day, a tenth in the first three months, the others steadily until the end."""
    founders, early = int(np.ceil(FOUNDERS * customers)), int(EARLY * customers)
    quarter = min(timeline.first_day + 92, timeline.last_day)
    before = rng.integers(timeline.first_day - 730, timeline.first_day, founders)
    soon = rng.integers(timeline.first_day, quarter, early)
    later = rng.integers(quarter, timeline.last_day + 1, customers - founders - early)
    return np.sort(np.concatenate([before, soon, later]))


def _weights(count: int) -> Floats:
    """Unequal shares: the largest region or industry is about four times the smallest."""
    raw = 1.0 + 3.0 * ((np.arange(count) * 7) % count) / count
    shares: Floats = raw / raw.sum()
    return shares


def _limits(income: Floats, prudence: Floats, rng: np.random.Generator) -> Floats:
    """About three months' income, better for the prudent, in thousands between 5,000 and 80,000."""
    raw = 2.8 * income * np.exp(0.10 * prudence + rng.normal(0, 0.35, len(income)))
    limits: Floats = np.clip(np.round(raw, -3), 5_000, 80_000)
    return limits
