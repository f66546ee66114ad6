"""Money that comes in: salaries on a payday, bonuses, takings of sole proprietors; and gaps in them.

Belongs here: income and how stress and the industry's cycle cut it. Does not belong here: loans and transfers.
"""

from __future__ import annotations

import numpy as np

from tierline.sources.simulated.macro import Macro
from tierline.sources.simulated.persons import Persons
from tierline.sources.simulated.rows import Grid, Rows, clock, employer, join, lognormal_cents, make_rows, spread_days
from tierline.sources.simulated.timeline import DAY, Ints, Timeline, weekday
from tierline.sources.simulated.vocabulary import QR, TRANSFER

SALARY_CHANCE = np.array([0.995, 0.97, 0.20])  # that this month's salary arrives, by stress
SALARY_LEVEL = np.array([1.0, 0.86, 0.65])
BONUS_MONTH, BONUS_SHARE = 1, 0.6
TAKINGS = 4.0  # payments received a month by a sole proprietor
TAKINGS_LEVEL = np.array([1.0, 0.75, 0.30])


def incomes(grid: Grid, persons: Persons, macro: Macro, timeline: Timeline, rng: np.random.Generator) -> Rows:
    """All income rows; days before a customer's first day are still among them."""
    employed = ~persons.proprietor[grid.customer]
    jobs = _job_number(grid)
    return join(
        [
            *_salaries(_of(grid, employed), jobs[employed], persons, timeline, rng),
            _takings(_of(grid, ~employed), persons, macro, timeline, rng),
        ]
    )


def _of(grid: Grid, chosen: np.typing.NDArray[np.bool_]) -> Grid:
    return Grid(grid.customer[chosen], grid.month[chosen], grid.stress[chosen])


def _job_number(grid: Grid) -> Ints:
    """Counts the times a customer came out of acute stress: a new employer each time."""
    same = np.concatenate([[False], grid.customer[1:] == grid.customer[:-1]])
    out = same & np.concatenate([[False], (grid.stress[:-1] == 2) & (grid.stress[1:] < 2)])
    total = np.cumsum(out)
    start = np.flatnonzero(~same)
    number: Ints = total - np.repeat(total[start], np.diff(np.append(start, len(total))))
    return number


def _salaries(grid: Grid, jobs: Ints, persons: Persons, timeline: Timeline, rng: np.random.Generator) -> list[Rows]:
    paid = rng.random(len(grid.customer)) < SALARY_CHANCE[grid.stress]
    who, month, stress = grid.customer[paid], grid.month[paid], grid.stress[paid]
    day = timeline.month_first[month] + persons.payday[who] - 1
    day -= np.maximum(weekday(day) - 4, 0)  # a payday at the weekend moves to Friday
    day = np.maximum(day, timeline.month_first[month])
    mean = persons.income[who] * SALARY_LEVEL[stress]
    cents = lognormal_cents(mean, 0.04, rng)
    second = day * DAY + clock(len(who), 6, 11, rng)
    payer = employer(persons, who, jobs[paid])
    lucky = (timeline.calendar_month()[month] == BONUS_MONTH) & (stress == 0) & (rng.random(len(who)) < 0.7)
    bonus = lognormal_cents(mean[lucky] * BONUS_SHARE, 0.5, rng)
    return [
        make_rows(who, second, cents, ("salary", TRANSFER), None, payer),
        make_rows(who[lucky], second[lucky] + 60, bonus, ("bonus", TRANSFER), None, payer[lucky]),
    ]


def _takings(grid: Grid, persons: Persons, macro: Macro, timeline: Timeline, rng: np.random.Generator) -> Rows:
    hard = np.empty(len(grid.customer))
    for index in range(timeline.months):
        here = grid.month == index
        owners = grid.customer[here]
        hard[here] = macro.at(persons.region[owners], persons.industry[owners], index)
    level = TAKINGS_LEVEL[grid.stress] * np.exp(-0.10 * hard)
    count = rng.poisson(TAKINGS * np.sqrt(level))
    who, month = np.repeat(grid.customer, count), np.repeat(grid.month, count)
    mean = persons.income[who] * np.repeat(np.sqrt(level), count) * 1.15 / TAKINGS
    second = spread_days(month, 0.8, timeline, rng) * DAY + clock(len(who), 8, 21, rng)
    return make_rows(who, second, lognormal_cents(mean, 0.7, rng), ("business_income", QR), None, None)
