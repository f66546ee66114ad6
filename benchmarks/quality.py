"""Section ``model``: ``tierline.training.fit`` against its peers on the same splits, in invented worlds and real data.

Belongs here: which worlds, sizes and splits. Does not belong here: the peers (``rivals``) or figures (``verdicts``).

Probabilities of the peers are kept below ``benchmarks/.lakes/quality``, since their code does not change here; ours
are made anew each time. Real sets are looked for in ``../shared/data`` or ``TIERLINE_REAL_DATA``, and left out where
absent.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from threadpoolctl import threadpool_limits

from benchmarks import lender
from benchmarks.real_sets import real_table
from benchmarks.rivals import CONTENDERS, OURS, TARGET, Contender, threads
from benchmarks.verdicts import Round, compared, drawn, resplit
from benchmarks.worlds import WORLDS, World, draw
from tierline.errors import TierlineError

HERE = Path(__file__).parent
KEPT = HERE / ".lakes" / "quality"
DATA = Path(os.environ.get("TIERLINE_REAL_DATA", HERE.parents[1] / "shared" / "data"))
SIZES = {
    "small": {1_000: 4, 10_000: 1},
    "100k": {1_000: 10, 10_000: 3, 100_000: 1},
    "1m": {1_000: 10, 10_000: 3, 100_000: 1, 500_000: 1},
}
TEST_ROWS = 50_000
FEWEST_DEFAULTS = 20  # fewer are not modelled: ``fit`` and the peer with five folds both refuse them


def run(scale: str) -> list[str]:
    """All tables of a scale; ``QUALITY`` chooses one part: ``worlds``, ``superlender``, ``berka``, or ``lender``."""
    only = os.environ.get("QUALITY") or ""
    if only == "lender":
        return lender.run(scale)
    lines = []
    for rows, rounds in SIZES[scale].items():
        for world in WORLDS if only in ("", "worlds") else ():
            lines += in_world(world, rows, rounds)
    for name, part in (("superlender", superlender), ("berka", berka)):
        if only in ("", name):
            lines += part() if (DATA / name).is_dir() else [f"{name}: {DATA / name} is not there: left out", ""]
    return lines


def in_world(world: World, rows: int, rounds: int) -> list[str]:
    """Each round learns from ``rows`` customers and is judged on others, as many as give tight figures."""
    if world.rate * rows < FEWEST_DEFAULTS:
        return [f"### {world.name}, {rows:,} rows", "", f"About {world.rate * rows:.0f} defaults: not compared.", ""]
    found, refused = [], []
    for number in range(rounds):
        train, test = draw(world, rows, 10 + 2 * number), draw(world, TEST_ROWS, 11 + 2 * number)
        try:
            found.append(one_round(KEPT / f"world-{world.seed}-{rows}-{number}", train, test))
        except TierlineError as error:
            refused.append(f"- draw {number + 1}, {train[TARGET].sum()} defaults, left out: fit refuses: {error}")
    title = f"{world.name}, {rows:,} rows, {len(found)} draws"
    return [*(compared(title, found, drawn) if found else [f"### {title}", ""]), *refused, ""]


def one_round(kept: Path, train: pd.DataFrame, test: pd.DataFrame, ours: Contender | None = None) -> Round:
    """Fit every contender on ``train`` and predict ``test``; peers are read where an earlier run left them."""
    predicted = {}
    for name, contender in CONTENDERS.items():
        path = kept / f"{name.replace(' ', '_')}.npy"
        if name != OURS and path.exists():
            predicted[name] = np.load(path)
            continue
        begun = perf_counter()
        run_it: Callable[..., npt.NDArray[np.float64]] = ours if ours and name == OURS else contender
        with threadpool_limits(threads(train)):
            predicted[name] = run_it(train, test, 1)
        print(f"{kept.name}: {name}: {perf_counter() - begun:.1f} s", file=sys.stderr, flush=True)
        if name != OURS:
            kept.mkdir(parents=True, exist_ok=True)
            np.save(path, predicted[name])
    return Round(test[TARGET].to_numpy() == 1, predicted, len(train))


def superlender() -> list[str]:
    """The last 30 % by approval, as the night splits them, and five folds."""
    table = real_table("superlender", DATA, HERE)
    last = one_round(KEPT / "superlender-last", *table.last(), table.pipeline)
    lines = compared("superlender, last 30 % by approval", [last], drawn)
    card = table.bundle.card
    for name in ("auc", "log_loss", "brier", "calibration_slope", "logistic_auc"):
        low, high = card.intervals[name]
        lines.append(f"- {name}: {card.metrics[name]:.3f} [{low:.3f}, {high:.3f}]")
    lines.append("")
    parts = StratifiedKFold(5, shuffle=True, random_state=1).split(table.frame, table.frame[TARGET])
    rounds = [
        one_round(KEPT / f"superlender-{number}", table.frame.iloc[fit], table.frame.iloc[held], table.ours)
        for number, (fit, held) in enumerate(parts)
    ]
    return lines + compared("superlender, five folds", rounds, resplit)


def berka() -> list[str]:
    """Twenty splits of the 354 loans, 30 % of the good and of the bad held out."""
    table = real_table("berka", DATA, HERE)
    splitter = StratifiedShuffleSplit(20, test_size=0.3, random_state=1)
    rounds = [
        one_round(KEPT / f"berka-{number}", table.frame.iloc[fit], table.frame.iloc[held], table.ours)
        for number, (fit, held) in enumerate(splitter.split(table.frame, table.frame[TARGET]))
    ]
    bads = int(table.frame[TARGET].sum())
    return compared(f"berka, {len(table.frame)} loans with {bads} bad, twenty splits", rounds, resplit)
