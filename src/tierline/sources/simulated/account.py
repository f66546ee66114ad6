"""The payment account: what keeps it above zero, what is put aside, and the balance after every row.

Belongs here: transfers to and from savings, cash advances when the savings are gone, running balances. Does not belong
here: the other rows.

A month opens with a transfer in if its rows would take the account below zero, out of savings as long as they last,
then as a cash advance or from family; it closes by putting aside most of what stands above the buffer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tierline.sources.simulated.persons import Persons
from tierline.sources.simulated.rows import PERSON_BASE, Rows, clock, join, make_rows
from tierline.sources.simulated.timeline import DAY, Ints, Timeline
from tierline.sources.simulated.vocabulary import APP, CARD, TRANSFER

PUT_ASIDE = 0.8
SMALLEST_TRANSFER = 10_000  # cents
ADVANCE = 0.7  # share of shortages beyond the savings met by a cash advance; the rest comes from family


@dataclass(frozen=True)
class _Months:
    """Cents by (month, customer): net of the month's rows, and the lowest point within it relative to its opening."""

    net: Ints
    lowest: Ints


def settle_accounts(rows: Rows, persons: Persons, timeline: Timeline, rng: np.random.Generator) -> tuple[Rows, Ints]:
    """All rows with the transfers they call for, sorted by customer and time, and the balance after each in cents."""
    rows = rows.take(_order(rows))
    opening = np.rint(persons.income * 100 * rng.uniform(0.1, 0.8, len(persons))).astype(np.int64)
    transfers = _transfers(_monthly(rows, persons, timeline), opening, persons, timeline, rng)
    everything = join([rows, *transfers])
    everything = everything.take(_order(everything))
    return everything, opening[everything.customer] + _running(everything)


def _order(rows: Rows) -> Ints:
    """By customer and second, equal ones as they were made."""
    start = int(rows.second.min())
    key = rows.customer.astype(np.int64) << 32 | (rows.second - start)
    return np.argsort(key, kind="stable")


def _running(rows: Rows) -> Ints:
    """Cents since the customer's first row."""
    total = np.cumsum(rows.cents)
    starts = np.flatnonzero(np.diff(rows.customer, prepend=-1))
    before = total[starts] - rows.cents[starts]
    return total - np.repeat(before, np.diff(np.append(starts, len(rows))))


def _monthly(rows: Rows, persons: Persons, timeline: Timeline) -> _Months:
    month = timeline.month_of(rows.second // DAY)
    cell = month * len(persons) + rows.customer
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    total = np.cumsum(rows.cents)
    before = total[starts] - rows.cents[starts]
    shape = (timeline.months, len(persons))
    net, lowest = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    net.flat[cell[starts]] = np.add.reduceat(rows.cents, starts)
    lowest.flat[cell[starts]] = np.minimum.reduceat(total, starts) - before
    return _Months(net, lowest)


def _transfers(
    months: _Months, opening: Ints, persons: Persons, timeline: Timeline, rng: np.random.Generator
) -> list[Rows]:
    buffer = np.rint(persons.income * 100 * np.exp(-1.2 + 0.4 * persons.prudence)).astype(np.int64)
    savings = np.rint(persons.income * 100 * np.exp(-0.4 + 0.8 * persons.prudence)).astype(np.int64)
    balance, parts = opening.copy(), []
    for month in range(timeline.months):
        here = np.flatnonzero(persons.entry <= month)
        short = np.maximum(-(balance + months.lowest[month]), 0)[here]
        need = np.where(short > 0, -(-short // SMALLEST_TRANSFER) * SMALLEST_TRANSFER, 0)
        saved = need <= savings[here]
        balance[here] += need + months.net[month][here]
        aside = np.floor(PUT_ASIDE * np.maximum(balance - buffer, 0)[here] / SMALLEST_TRANSFER).astype(np.int64)
        aside *= SMALLEST_TRANSFER
        balance[here] -= aside
        savings[here] += aside - np.where(saved, need, 0)
        parts += _month_rows(month, here, (need, saved, aside), persons, timeline, rng)
    return parts


def _month_rows(
    month: int,
    here: Ints,
    moves: tuple[Ints, np.typing.NDArray[np.bool_], Ints],
    persons: Persons,
    timeline: Timeline,
    rng: np.random.Generator,
) -> list[Rows]:
    """Transfers in before anything else of the month, and out after everything else."""
    need, saved, aside = moves
    first = np.maximum(timeline.month_first[month], persons.active_from[here])
    early = first * DAY + clock(len(here), 1, 5, rng)
    late = timeline.month_last[month] * DAY + 23 * 3600 + clock(len(here), 0, 1, rng) * 9 // 10
    advance = rng.random(len(here)) < ADVANCE
    own = PERSON_BASE + here
    family = PERSON_BASE + (here * 17 + 4) % len(persons)
    kinds = (
        ((need > 0) & saved, early, need, ("own_transfer_in", TRANSFER), own),
        ((need > 0) & ~saved & advance, early, need, ("cash_advance", CARD), None),
        ((need > 0) & ~saved & ~advance, early, need, ("peer_transfer_in", TRANSFER), family),
        (aside > 0, late, -aside, ("own_transfer_out", APP), own),
    )
    return [
        make_rows(here[on], second[on], cents[on], kind, None, None if other is None else other[on])
        for on, second, cents, kind, other in kinds
    ]
