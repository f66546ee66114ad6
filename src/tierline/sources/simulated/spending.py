"""Money that goes out for living and for habits: purchases, rent, utilities, fares, gambling, cash, refunds, fees.

Belongs here: spending and how traits and stress change it. Does not belong here: loans (``flows``) and what keeps the
account above zero (``account``).
"""

from __future__ import annotations

import numpy as np

from tierline.sources.simulated.macro import Floats
from tierline.sources.simulated.persons import Persons
from tierline.sources.simulated.rows import (
    NOBODY,
    PERSON_BASE,
    Grid,
    Rows,
    clock,
    join,
    lognormal_cents,
    make_rows,
    merchant,
    spread_days,
)
from tierline.sources.simulated.timeline import DAY, Ints, Timeline
from tierline.sources.simulated.vocabulary import APP, AUTO, CARD, CODE, HABITS, QR, TRANSFER, Habit

RENT_SHARE, UTILITY_SHARE = 0.20, 0.03
REFUND_SHARE = 0.03  # of purchases
GAMBLING_STRESS = np.array([1.0, 1.8, 2.4])
CASH_STRESS = np.array([1.0, 1.5, 1.8])
ADVANCE_STRESS = np.array([1.0, 2.6, 3.2])
PEER_STRESS = np.array([1.0, 1.0, 1.5])


def spend(grid: Grid, persons: Persons, timeline: Timeline, rng: np.random.Generator) -> Rows:
    """All spending rows; days before a customer's first day are still among them."""
    parts = [_purchases(habit, grid, persons, timeline, rng) for habit in HABITS]
    shopping = parts[[habit.category for habit in HABITS].index("shopping")]
    parts.append(_refunds(shopping, rng))
    parts += [_monthly("rent", grid, persons, timeline, rng), _monthly("utilities", grid, persons, timeline, rng)]
    parts.append(_fares(persons, timeline, rng))
    parts += [_gambling(word, grid, persons, timeline, rng) for word in ("gaming_bet", "lottery")]
    parts += [_cash(grid, persons, timeline, rng), _advances(grid, persons, timeline, rng)]
    parts += [*_peers(grid, persons, timeline, rng)]
    parts.append(_service_fees(grid, timeline, rng))
    return join(parts)


def _events(
    rate: Floats, weekend: float, grid: Grid, timeline: Timeline, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints]:
    """Position in the grid, customer and day of a Poisson number of events per customer-month."""
    at = np.repeat(np.arange(len(rate)), rng.poisson(rate))
    return at, grid.customer[at], spread_days(grid.month[at], weekend, timeline, rng)


def _purchases(habit: Habit, grid: Grid, persons: Persons, timeline: Timeline, rng: np.random.Generator) -> Rows:
    season = np.ones(13)
    for month, factor in habit.season:
        season[month] = factor
    stress = np.array(habit.stress)[grid.stress]
    rate = habit.rate * stress * season[timeline.calendar_month()[grid.month]] * persons.spending[grid.customer]
    _, who, day = _events(rate, habit.weekend, grid, timeline, rng)
    mean = persons.income[who] * habit.share / habit.rate
    second = day * DAY + clock(len(who), 7, 22, rng)
    seller = merchant(habit.category, persons.region[who], rng)
    cents = -lognormal_cents(mean, habit.spread, rng)
    return make_rows(who, second, cents, (habit.category, habit.channel), _scenario(habit, who, rng), seller)


def _scenario(habit: Habit, who: Ints, rng: np.random.Generator) -> Ints | None:
    """Half the purchases come through a scenario; a customer keeps to a favourite."""
    if habit.scenarios is None:
        return None
    first, last = habit.scenarios
    width = last - first + 1
    favourite = who * 31 % width
    pick = np.where(rng.random(len(who)) < 0.6, favourite, rng.integers(0, width, len(who)))
    return np.where(rng.random(len(who)) < 0.5, first + pick, NOBODY)


def _refunds(shopping: Rows, rng: np.random.Generator) -> Rows:
    back = shopping.take(rng.random(len(shopping)) < REFUND_SHARE)
    second = back.second + rng.integers(1, 8, len(back)) * DAY
    return make_rows(back.customer, second, -back.cents, ("refund", APP), back.scenario, back.counterparty)


def _monthly(word: str, grid: Grid, persons: Persons, timeline: Timeline, rng: np.random.Generator) -> Rows:
    """One payment a month to one payee: rent (skipped now and then when the income is gone), utilities."""
    rent = word == "rent"
    skip = np.array([0.01, 0.03, 0.30]) if rent else np.array([0.02, 0.04, 0.12])
    pays = rng.random(len(grid.customer)) >= skip[grid.stress]
    if rent:
        pays &= persons.renter[grid.customer]
    who, month = grid.customer[pays], grid.month[pays]
    day = timeline.month_first[month] + (who * 13 + (0 if rent else 5)) % 27
    share, spread = (RENT_SHARE, 0.02) if rent else (UTILITY_SHARE, 0.3)
    cents = -lognormal_cents(persons.income[who] * share, spread, rng)
    payee = (CODE[word] * 31 + persons.region[who]) * 40 + who % 40
    return make_rows(who, day * DAY + clock(len(who), 8, 12, rng), cents, (word, AUTO), None, payee)


def _fares(persons: Persons, timeline: Timeline, rng: np.random.Generator) -> Rows:
    """A fare every day: no day of the feed is empty."""
    riders = np.flatnonzero(persons.commuter)
    who = np.repeat(riders, len(timeline.days))
    day = np.tile(timeline.days, len(riders))
    cents = -rng.integers(200, 800, len(who))
    payee = merchant("transport", persons.region[who], rng)
    return make_rows(who, day * DAY + clock(len(who), 7, 9, rng), cents, ("transport", QR), None, payee)


def _gambling(word: str, grid: Grid, persons: Persons, timeline: Timeline, rng: np.random.Generator) -> Rows:
    """Bets of gamblers, more under stress; a lottery ticket now and then for anyone."""
    habit = persons.gambling[grid.customer] * GAMBLING_STRESS[grid.stress]
    rate = 1.6 * habit if word == "gaming_bet" else 0.04 + 0.4 * habit
    _, who, day = _events(rate, 1.3, grid, timeline, rng)
    share = 0.014 if word == "gaming_bet" else 0.003
    cents = -lognormal_cents(persons.income[who] * share, 0.9, rng)
    seller = merchant(word, persons.region[who], rng)
    return make_rows(who, day * DAY + clock(len(who), 12, 22, rng), cents, (word, APP), None, seller)


def _cash(grid: Grid, persons: Persons, timeline: Timeline, rng: np.random.Generator) -> Rows:
    rate = 0.30 * CASH_STRESS[grid.stress] * np.exp(-0.15 * persons.prudence[grid.customer])
    _, who, day = _events(rate, 1.1, grid, timeline, rng)
    cents = -np.maximum(lognormal_cents(persons.income[who] * 0.05, 0.5, rng) // 10_000, 1) * 10_000
    return make_rows(who, day * DAY + clock(len(who), 9, 20, rng), cents, ("cash_withdrawal", CARD), None, None)


def _advances(grid: Grid, persons: Persons, timeline: Timeline, rng: np.random.Generator) -> Rows:
    """Cash advances on a card: a habit of the over-indebted, and a way out under stress."""
    who = grid.customer
    rate = 0.05 * np.exp(0.7 * persons.indebtedness[who] + 0.2 * persons.gambling[who]) * ADVANCE_STRESS[grid.stress]
    _, who, day = _events(rate, 1.0, grid, timeline, rng)
    cents = np.maximum(lognormal_cents(persons.income[who] * 0.12, 0.6, rng) // 10_000, 1) * 10_000
    return make_rows(who, day * DAY + clock(len(who), 8, 22, rng), cents, ("cash_advance", CARD), None, None)


def _peers(grid: Grid, persons: Persons, timeline: Timeline, rng: np.random.Generator) -> list[Rows]:
    """Red packets and help between people, in both directions; more comes in when the income is gone."""
    parts = []
    for word, sign, factor in (("peer_transfer_out", -1, np.ones(3)), ("peer_transfer_in", 1, PEER_STRESS)):
        rate = 0.35 * factor[grid.stress]
        _, who, day = _events(rate, 1.2, grid, timeline, rng)
        cents = sign * lognormal_cents(persons.income[who] * 0.03, 1.0, rng)
        other = PERSON_BASE + (who * 17 + rng.integers(0, 9, len(who))) % len(persons)
        parts.append(make_rows(who, day * DAY + clock(len(who), 8, 22, rng), cents, (word, TRANSFER), None, other))
    return parts


def _service_fees(grid: Grid, timeline: Timeline, rng: np.random.Generator) -> Rows:
    _, who, day = _events(np.full(len(grid.customer), 0.03), 1.0, grid, timeline, rng)
    cents = -rng.integers(2, 20, len(who)) * 100
    return make_rows(who, day * DAY + clock(len(who), 9, 18, rng), cents, ("service_fee", AUTO), None, None)
