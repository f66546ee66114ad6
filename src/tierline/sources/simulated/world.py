"""The whole world of one specification, before any of it is written.

Belongs here: the order in which causes follow each other. Does not belong here: the causes themselves, or files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tierline.sources.simulated.law import DEFAULT, MonthLaw, law_of
from tierline.sources.simulated.macro import Floats, Macro, make_macro
from tierline.sources.simulated.paths import NOT_YET, Paths, walk
from tierline.sources.simulated.persons import Flags, Persons, make_persons
from tierline.sources.simulated.randomness import streams
from tierline.sources.simulated.spec import SimulationSpec
from tierline.sources.simulated.timeline import WINDOW, Timeline, to_date
from tierline.sources.simulated.true_pd import true_pd


@dataclass(frozen=True)
class World:
    """Economy, customers, law and walk; ``streams`` holds the generators of what is still to be drawn."""

    spec: SimulationSpec
    timeline: Timeline
    macro: Macro
    persons: Persons
    laws: list[MonthLaw]
    paths: Paths
    streams: dict[str, np.random.Generator]


def make_world(spec: SimulationSpec) -> World:
    """Draw the economy and the customers, and walk them through the months."""
    timeline, generators = Timeline.of(spec), streams(spec.seed)
    macro = make_macro(timeline, generators["macro"])
    persons = make_persons(spec.customers, timeline, generators["persons"])
    laws = [law_of(persons, macro, month) for month in range(timeline.months + WINDOW)]
    paths = walk(laws[: timeline.months], persons.entry, generators["chain"])
    return World(spec, timeline, macro, persons, laws, paths, generators)


@dataclass(frozen=True)
class MonthEnd:
    """What is true at the end of one month of the customers known then (a prefix of all)."""

    month: int
    pd: Floats  # NaN in default or repaid after it
    population: Flags
    defaults: Flags  # reached 90 days past due within the window, as far as it is simulated
    mature: bool  # the whole window lies within the history up to as_of


def month_ends(world: World) -> list[MonthEnd]:
    """The truth at every month-end of the history."""
    timeline, paths = world.timeline, world.paths
    months = timeline.observed_months
    known = [
        int(np.searchsorted(world.persons.registered, timeline.month_last[month], side="right")) for month in months
    ]
    truths = true_pd(paths, world.laws, months, known)
    return [_month_end(world, month, count, pd) for month, count, pd in zip(months, known, truths, strict=True)]


def _month_end(world: World, month: int, count: int, pd: Floats) -> MonthEnd:
    paths, bucket = world.paths, world.paths.bucket[month, :count]
    ahead = slice(month + 1, month + 1 + WINDOW)
    healthy = (bucket > NOT_YET) & (bucket < DEFAULT)
    lent = (paths.remaining[month, :count] > 0) | (bucket > 0)
    will_draw = (paths.term[ahead, :count] > 0).any(axis=0)
    defaults = (paths.bucket[ahead, :count] == DEFAULT).any(axis=0)
    mature = bool(world.timeline.month_last[month + WINDOW] <= world.timeline.as_of)
    return MonthEnd(month, pd, healthy & (lent | will_draw), healthy & defaults, mature)


def default_rates(world: World, ends: list[MonthEnd]) -> dict[str, float]:
    """Share of the label population in default within twelve months, by year of the mature month-ends."""
    last = world.timeline.month_last
    mature = [(str(to_date(int(last[end.month])).year), end) for end in ends if end.mature]
    rates: dict[str, float] = {}
    for year in sorted({year for year, _ in mature}):
        population = sum(int(end.population.sum()) for which, end in mature if which == year)
        defaults = sum(int((end.defaults & end.population).sum()) for which, end in mature if which == year)
        rates[year] = round(defaults / max(population, 1), 5)
    return rates
