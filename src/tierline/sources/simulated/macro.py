"""The economy: a national cycle with one downturn, regions and industries that follow it, and what gets published.

Belongs here: the latent cycles and the series as published, with lag and revision. Does not belong here: what the cycle
does to people (``law``).

A cycle of 0 is an ordinary month, +1 a hard one. The downturn stands at 55 % of the history, so that every default
history holds a good stretch before it, the fall and a recovery.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tierline.sources.simulated.timeline import DAY, Ints, Timeline

Floats = npt.NDArray[np.float64]

# fmt: off
REGIONS = (
    "110000", "120000", "130000", "140000", "150000", "210000", "220000", "230000", "310000", "320000",
    "330000", "340000", "350000", "360000", "370000", "410000", "420000", "430000", "440000", "450000",
    "460000", "500000", "510000", "520000", "530000", "540000", "610000", "620000", "630000", "640000",
    "650000",
)
# fmt: on
"""Provincial codes of GB/T 2260."""
INDUSTRIES = ("A", "C", "E", "F", "G", "H", "I", "J", "K", "L", "O", "P")
"""Section codes of GB/T 4754: farming, manufacturing, construction, trade, transport, hotels, IT, finance, real estate,
business services, personal services, education."""

HISTORY = 12  # periods before the first month that arrive in one load on the first day
PERSISTENCE = 0.85  # monthly autocorrelation of what is peculiar to one region or industry
LPR_START, LPR_STEP, LPR_END = 0.0365, 0.0005, 0.0300


@dataclass(frozen=True)
class Macro:
    """Cycles by (region or industry, month); column ``HISTORY`` is the first month of the timeline."""

    regions: Floats
    industries: Floats
    national: Floats

    def at(self, region: Ints, industry: Ints, month: int) -> Floats:
        """What a person in this region and industry feels in a month: 0 ordinary, about 1 in the downturn."""
        column = HISTORY + month
        felt: Floats = 0.6 * self.regions[region, column] + 0.4 * self.industries[industry, column]
        return felt


def make_macro(timeline: Timeline, rng: np.random.Generator) -> Macro:
    """Draw the cycles for the history, the simulated months and the year after them."""
    columns = HISTORY + len(timeline.month_first)
    months = np.arange(columns, dtype=float) - HISTORY
    return Macro(
        regions=_followers(len(REGIONS), months, timeline, rng),
        industries=_followers(len(INDUSTRIES), months, timeline, rng),
        national=_national(months, timeline),
    )


def _national(months: Floats, timeline: Timeline) -> Floats:
    """A slow wave and one downturn in the middle of the observed history."""
    peak, width = 0.55 * timeline.months, 0.15 * timeline.months + 1.0
    return 1.25 * np.exp(-(((months - peak) / width) ** 2)) + 0.12 * np.sin(2 * np.pi * months / 21.0)


def _followers(count: int, months: Floats, timeline: Timeline, rng: np.random.Generator) -> Floats:
    """Each follows the nation with its own strength and lag, plus an autoregressive part of its own."""
    strength = rng.uniform(0.5, 1.5, count)
    lag = rng.uniform(-2.0, 3.0, count)
    own = np.zeros((count, len(months)))
    shocks = rng.normal(0, 0.16, own.shape)
    own[:, 0] = shocks[:, 0]
    for month in range(1, len(months)):
        own[:, month] = PERSISTENCE * own[:, month - 1] + shocks[:, month]
    return np.stack([s * _national(months - d, timeline) for s, d in zip(strength, lag, strict=True)]) + own


@dataclass(frozen=True)
class Published:
    """Rows of the macro table: series, day of the period, value, second of publication."""

    series: list[str]
    period: Ints
    value: Floats
    published: Ints


def publish(macro: Macro, timeline: Timeline, rng: np.random.Generator) -> Published:
    """Every value as first published and as revised, up to the last simulated day.

    Unemployment and industry indices come about 25 days after the month and are revised a month later (the first value
    errs); consumer prices after 10 days, unrevised; the loan prime rate on the 20th of its own month.
    """
    rows = [
        _releases(f"unemployment_{code}", 0.050 + 0.012 * cycle, timeline, rng)
        for code, cycle in zip(REGIONS, macro.regions, strict=True)
    ]
    rows += [
        _releases(f"industry_index_{code}", 100.0 - 6.0 * cycle, timeline, rng)
        for code, cycle in zip(INDUSTRIES, macro.industries, strict=True)
    ]
    rows.append(_unrevised("cpi", np.round(0.012 - 0.008 * macro.national, 4), 40 * DAY, timeline))
    rows.append(_unrevised("lpr_1y", _prime_rate(macro.national), 19 * DAY, timeline))
    return Published(
        [name for part in rows for name in part.series],
        np.concatenate([part.period for part in rows]),
        np.concatenate([part.value for part in rows]),
        np.concatenate([part.published for part in rows]),
    )


def _periods(timeline: Timeline) -> Ints:
    """First day of each period, history included, over the whole calendar."""
    start = timeline.month_first[0].astype("datetime64[D]").astype("datetime64[M]")
    months = start + np.arange(-HISTORY, len(timeline.month_first))
    days: Ints = months.astype("datetime64[D]").astype(np.int64)
    return days


def _releases(name: str, values: Floats, timeline: Timeline, rng: np.random.Generator) -> Published:
    scale = 0.02 * float(np.abs(values).mean())
    lag = rng.integers(52, 60, len(values)) * DAY  # from the first day of the period
    moment = rng.integers(1, 9, len(values)) * 3600
    first = np.round(values + rng.normal(0, scale, len(values)), 4)
    early = _known(name, first, lag + moment, timeline)
    late = _known(name, np.round(values, 4), lag + 31 * DAY + moment, timeline)
    revised = late.published >= timeline.first_day * DAY + 2 * 3600  # a load of history holds the final values only
    final = np.isin(early.period, late.period[~revised])
    return Published(
        [name] * (int((~final).sum()) + len(late.period)),
        np.concatenate([early.period[~final], late.period]),
        np.concatenate([early.value[~final], late.value]),
        np.concatenate([early.published[~final], late.published]),
    )


def _unrevised(name: str, values: Floats, lag: int, timeline: Timeline) -> Published:
    return _known(name, values, np.full(len(values), lag + 2 * 3600 + 900), timeline)


def _known(name: str, values: Floats, lag: Ints, timeline: Timeline) -> Published:
    """Rows published by the last day; what was published before the first day arrives in one load on it."""
    period = _periods(timeline)
    load = timeline.first_day * DAY + 1800
    published = np.maximum(period * DAY + lag, load)
    keep = published < (timeline.last_day + 1) * DAY
    return Published([name] * int(keep.sum()), period[keep], values[keep], published[keep])


def _prime_rate(national: Floats) -> Floats:
    """Falls in steps while times are hard, never below its end value."""
    hardship = np.clip(np.cumsum(np.maximum(national, 0.0)) / np.maximum(national, 0.0).sum(), 0, 1)
    steps = np.round(hardship * (LPR_START - LPR_END) / LPR_STEP)
    rate: Floats = np.round(LPR_START - LPR_STEP * steps, 4)
    return rate
