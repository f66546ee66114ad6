"""Two models on the same rows with known outcomes: each figure, and the interval of the difference.

Belongs here: pairing the rows and the paired bootstrap. Does not belong here: the figures themselves (``measures``).

Customers are drawn, not rows, since rows of one customer share their luck; both models are judged on the same draw, so
that what the draw does to both cancels in the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tierline.comparison.measures import BETTER, MEASURES, Ranked, figures, ranked, tier_gaps
from tierline.errors import TierlineError

BOOTSTRAPS = 500
LEVEL = (2.5, 97.5)
_KEY = ["customer_key", "as_of"]


@dataclass(frozen=True)
class Judged:
    """Rows both models were tested on: customer_key, as_of, defaulted, champion_pd, challenger_pd.

    ``disagreeing``: rows whose outcome the two tests knew differently; the newer test's holds.
    """

    rows: pd.DataFrame
    disagreeing: int


@dataclass(frozen=True)
class OutcomeComparison:
    """``figures``: measure, champion, challenger, difference (challenger - champion), low, high, verdict.

    ``calibration``: tier and, for each model in its own tiers, rows, mean PD and default rate; then the difference of
    the distances |mean PD - default rate| with low and high. NaN where a tier has no rows.
    """

    rows: int
    customers: int
    defaults: int
    figures: pd.DataFrame
    calibration: pd.DataFrame


def common_rows(champion: pa.Table, challenger: pa.Table, *, challenger_is_newer: bool) -> Judged:
    """Pair the test rows of two bundles (customer_key, as_of, defaulted, pd_12m) by customer and date; may be empty.

    A customer with two loans on one day has two rows of equal PD; they are paired by outcome.
    """
    pair = _numbered(champion).merge(_numbered(challenger), on=[*_KEY, "number"], suffixes=("_old", "_new"))
    pair = pair.sort_values(["as_of", "customer_key", "number"], ignore_index=True)
    newer = pair["defaulted_new" if challenger_is_newer else "defaulted_old"]
    rows = pair[_KEY].assign(defaulted=newer, champion_pd=pair["pd_12m_old"], challenger_pd=pair["pd_12m_new"])
    return Judged(rows, int((pair["defaulted_old"] != pair["defaulted_new"]).sum()))


def compare_outcomes(
    judged: Judged, tier_of: dict[str, Sequence[str]], tiers: Sequence[str], seed: int
) -> OutcomeComparison:
    """Judge both models on the same rows.

    ``tier_of``: per side (``champion``, ``challenger``) the tier of each row by its own PD; ``tiers`` lists them, best
    first. Intervals are percentiles (95 %) of ``BOOTSTRAPS`` draws of customers. Raises ``TierlineError`` without rows
    or with outcomes of one kind only.
    """
    rows = judged.rows
    defaulted = rows["defaulted"].to_numpy(dtype=bool)
    if defaulted.all() or not defaulted.any():
        raise TierlineError("comparison: the common rows need defaults and non-defaults to judge two models by")
    index = {name: position for position, name in enumerate(tiers)}
    sides = [
        ranked(
            rows[f"{side}_pd"].to_numpy(dtype=float),
            defaulted,
            np.array([index[tier] for tier in tier_of[side]], dtype=np.int64),
            len(tiers),
        )
        for side in ("champion", "challenger")
    ]
    codes, keys = pd.factorize(rows["customer_key"], sort=True)
    drawn, distance = _differences(sides, codes, len(keys), seed)
    return OutcomeComparison(
        rows=len(rows),
        customers=len(keys),
        defaults=int(defaulted.sum()),
        figures=_figure_frame(sides, drawn),
        calibration=_calibration_frame(sides, tiers, distance),
    )


def _numbered(rows: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = rows.select([*_KEY, "defaulted", "pd_12m"]).to_pandas()
    frame = frame.sort_values([*_KEY, "defaulted", "pd_12m"], ignore_index=True)
    return frame.assign(number=frame.groupby(_KEY).cumcount())


def _differences(
    sides: list[Ranked], customer: npt.NDArray[np.int64], customers: int, seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Challenger minus champion in every draw: draws × measures, and draws × tiers of the distances."""
    generator = np.random.default_rng(seed)
    measures, distances = [], []
    for _ in range(BOOTSTRAPS):
        times = np.bincount(generator.integers(customers, size=customers), minlength=customers)
        weight = times[customer].astype(np.float64)
        old, new = (figures(side, weight) for side in sides)
        measures.append([new[name] - old[name] for name in MEASURES])
        gaps = [np.abs(tier_gaps(side, weight)[1]) for side in sides]
        distances.append(gaps[1] - gaps[0])
    return np.array(measures), np.array(distances)


def _interval(draws: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Percentiles of the draws in which the figure exists; NaN if it does in none."""
    known = draws[np.isfinite(draws)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.percentile(known, LEVEL)
    return float(low), float(high)


def _figure_frame(sides: list[Ranked], drawn: npt.NDArray[np.float64]) -> pd.DataFrame:
    every = np.ones(len(sides[0].pd_12m))
    old, new = (figures(side, every) for side in sides)
    lines = []
    for position, name in enumerate(MEASURES):
        low, high = _interval(drawn[:, position])
        lines.append((name, old[name], new[name], new[name] - old[name], low, high, _verdict(name, low, high)))
    columns = ["measure", "champion", "challenger", "difference", "low", "high", "verdict"]
    return pd.DataFrame(lines, columns=columns)


def _verdict(measure: str, low: float, high: float) -> str:
    """Which model the interval speaks for; ``open`` where it holds 0."""
    if low > 0 or high < 0:
        return "challenger" if (low > 0) == (BETTER[measure] > 0) else "champion"
    return "open"


def _calibration_frame(sides: list[Ranked], tiers: Sequence[str], distance: npt.NDArray[np.float64]) -> pd.DataFrame:
    frame = pd.DataFrame({"tier": list(tiers)})
    gaps = []
    for name, side in zip(("champion", "challenger"), sides, strict=True):
        count, gap = tier_gaps(side, np.ones(len(side.pd_12m)))
        bads = np.bincount(side.tier, side.defaulted.astype(float), side.tiers)
        rate = np.divide(bads, count, out=np.full(side.tiers, np.nan), where=count > 0)
        frame[f"{name}_rows"] = count.astype(np.int64)
        frame[f"{name}_pd"] = gap + rate
        frame[f"{name}_rate"] = rate
        gaps.append(np.abs(gap))
    frame["difference"] = gaps[1] - gaps[0]
    frame[["low", "high"]] = [_interval(distance[:, position]) for position in range(len(tiers))]
    return frame
