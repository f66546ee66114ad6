"""When each instalment is paid, and how: on the day, early, late, in parts, at once, or never.

Belongs here: the translation of the monthly walk into days and payments. Does not belong here: the walk (``paths``).

At the end of a month with bucket k every instalment due up to k months before is paid; arrears are paid before the due
day of the month of payment, so that the day of the 90th day past due and the chain never disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tierline.sources.simulated.law import DEFAULT, RECOVERED
from tierline.sources.simulated.loans import Instalments, Loans
from tierline.sources.simulated.macro import Floats
from tierline.sources.simulated.paths import NOT_YET, Paths
from tierline.sources.simulated.persons import Flags, Persons
from tierline.sources.simulated.timeline import DAY, Ints, Timeline

NEVER = -1
PARTIAL_OF_LATE, PARTIAL_OF_LOST = 0.35, 0.40  # shares paid in part before the rest, or before nothing
CLEARANCE = 3  # arrears are paid at least so many days before the due day


@dataclass(frozen=True)
class Changes:
    """New versions of instalments: index of the instalment, new due day, interest in cents, second of recording."""

    instalment: Ints
    due_on: Ints
    interest: Ints
    recorded: Ints


@dataclass(frozen=True)
class Payments:
    """One entry per payment: index of the instalment, second, cents, and whether it came after the due day."""

    instalment: Ints
    paid_at: Ints
    amount: Ints
    late_days: Ints


@dataclass
class _Book:
    """The instalments while the months pass; ``due`` is the due month now in force."""

    customer: Ints
    due: Ints
    interest: Ints
    paid_month: Ints
    how: Ints  # 0 in the course of things, 1 settled early, 2 recovered after default


@dataclass(frozen=True)
class _Days:
    """Days within the month by (month, customer): of payment relative to the due day, and of catching up."""

    offset: Ints
    catch_up: Ints
    other: Ints  # settlement and recovery: days after the due day


def pay(
    loans: Loans, plan: Instalments, paths: Paths, timeline: Timeline, persons: Persons, rng: np.random.Generator
) -> tuple[Changes, Payments]:
    """Every change of a schedule and every payment that the walk implies."""
    days = _days(paths, persons, timeline, rng)
    book = _Book(
        loans.customer[plan.loan],
        plan.due_month.copy(),
        plan.interest.copy(),
        np.full(len(plan.loan), NEVER),
        np.zeros(len(plan.loan), dtype=np.int64),
    )
    drawn = loans.month[plan.loan]
    changes = [
        part
        for month in range(len(paths.bucket))
        for part in _month(book, drawn, month, paths, (timeline, persons, days))
    ]
    columns = [np.concatenate([getattr(part, name) for part in changes]) for name in Changes.__dataclass_fields__]
    return Changes(*columns), _payments(book, plan, timeline, persons, days, rng)


def _days(paths: Paths, persons: Persons, timeline: Timeline, rng: np.random.Generator) -> _Days:
    shape = paths.bucket.shape
    stress = np.array([0.0, 0.9, 1.6])[paths.stress]
    late = rng.random(shape) < _sigmoid(-2.7 - 0.5 * persons.prudence + 0.3 * persons.indebtedness + stress)
    early = ~late & (rng.random(shape) < _sigmoid(-1.9 + 0.4 * persons.prudence - 0.5 * stress))
    room = (timeline.month_length[: shape[0], None] - persons.due_day).clip(min=1)
    offset = np.where(late, np.minimum(rng.geometric(0.3, shape), room), 0)
    offset = np.where(early, -rng.integers(1, 6, shape), offset)
    catch_up = 1 + (rng.random(shape) * (persons.due_day - CLEARANCE)).astype(np.int64)
    return _Days(offset, catch_up, np.minimum(1 + (rng.random(shape) * room).astype(np.int64), room))


def _month(book: _Book, drawn: Ints, month: int, paths: Paths, world: tuple[Timeline, Persons, _Days]) -> list[Changes]:
    """Mark what is paid in the month; return the schedules that changed."""
    timeline, persons, days = world
    who = book.customer
    waiting = (book.paid_month == NEVER) & (drawn < month)
    put_off = paths.restructured[month][who]
    moved = np.flatnonzero(waiting & (put_off > 0))
    book.due[moved] += put_off[moved]
    first = timeline.month_first[month]
    agreed = (first + days.catch_up[month][who[moved]] - 1) * DAY + 12 * 3600
    changes = [Changes(moved, _due_day(book.due[moved], who[moved], timeline, persons), book.interest[moved], agreed)]
    bucket = paths.bucket[month][who]
    regular = waiting & (bucket >= 0) & (bucket < DEFAULT) & (book.due <= month - bucket)
    book.paid_month[regular] = month
    settled = np.flatnonzero(waiting & ~regular & paths.settled[month][who])
    book.paid_month[settled], book.how[settled], book.interest[settled] = month, 1, 0
    moment = _other_moment(month, who[settled], timeline, persons, days)
    changes.append(
        Changes(settled, _due_day(book.due[settled], who[settled], timeline, persons), book.interest[settled], moment)
    )
    before = paths.bucket[month - 1][who] if month else np.full(len(who), NOT_YET)
    recovered = waiting & (bucket == RECOVERED) & (before == DEFAULT)
    book.paid_month[recovered], book.how[recovered] = month, 2
    return changes


def _due_day(month: Ints, who: Ints, timeline: Timeline, persons: Persons) -> Ints:
    day: Ints = timeline.month_first[month] + persons.due_day[who] - 1
    return day


def _other_moment(month: int | Ints, who: Ints, timeline: Timeline, persons: Persons, days: _Days) -> Ints:
    day = _due_day(np.asarray(month), who, timeline, persons) + days.other[month, who]
    second: Ints = day * DAY + 15 * 3600
    return second


def _payments(
    book: _Book, plan: Instalments, timeline: Timeline, persons: Persons, days: _Days, rng: np.random.Generator
) -> Payments:
    """Final payments, preceded in part of the late ones by a smaller one; lost instalments may see only that."""
    who, month = book.customer, book.paid_month
    paid = month != NEVER
    at = np.where(paid, month, 0)
    due_on = _due_day(book.due, who, timeline, persons)
    regular = due_on + days.offset[at, who]
    arrears = timeline.month_first[at] + days.catch_up[at, who] - 1
    clock = 7 * 3600 + (rng.random(len(who)) * 15 * 3600).astype(np.int64)
    second = np.where(month > book.due, arrears, regular) * DAY + clock
    other = _other_moment(at, who, timeline, persons, days) + 60
    second = np.where(book.how > 0, other, second)
    part, part_at = _parts(book, plan, due_on, second, rng)
    total = plan.principal + book.interest
    everything = np.arange(len(who))
    some = part > 0
    index = np.concatenate([everything[some], everything[paid]])
    moments = np.concatenate([part_at[some], second[paid]])
    amounts = np.concatenate([part[some], (total - part)[paid]])
    return Payments(index, moments, amounts, np.maximum(moments // DAY - due_on[index], 0))


def _parts(book: _Book, plan: Instalments, due_on: Ints, final: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Cents and second of a partial payment before the final one; 0 where there is none."""
    paid = book.paid_month != NEVER
    late = paid & (book.how == 0) & (book.paid_month > book.due) & (rng.random(len(due_on)) < PARTIAL_OF_LATE)
    lost = _oldest_lost(book) & (rng.random(len(due_on)) < PARTIAL_OF_LOST)
    wait = np.where(late, rng.integers(1, 6, len(due_on)), rng.integers(20, 80, len(due_on)))
    moment = (due_on + wait) * DAY + 9 * 3600 + rng.integers(0, 36_000, len(due_on))
    late &= moment < final - DAY
    share = rng.uniform(0.15, 0.6, len(due_on))
    amount = np.floor((plan.principal + book.interest) * share).astype(np.int64)
    return np.where(late | lost, amount, 0), moment


def _oldest_lost(book: _Book) -> Flags:
    """The instalment of each customer that is unpaid to the end and was due first; those not yet due come later."""
    lost = np.flatnonzero(book.paid_month == NEVER)
    order = lost[np.lexsort((lost, book.due[lost], book.customer[lost]))]
    first = np.ones(len(order), dtype=bool)
    first[1:] = book.customer[order][1:] != book.customer[order][:-1]
    result = np.zeros(len(book.due), dtype=bool)
    result[order[first]] = True
    return result


def _sigmoid(logit: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-logit))
