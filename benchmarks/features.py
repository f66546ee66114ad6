"""The contenders of the feature stage: scan-and-sum, a full recompute, the next night, the panel.

Belongs here: what each contender does, as functions that can run in a process of their own. Does not belong here: other
tools' ways of doing it (``peers``), or the order of the runs (``__main__``).

``scansum`` is DuckDB scanning the columns the features need and computing one sum and one maximum per customer: the
least that any feature stage must do.
"""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.skewed import LAST, VOCABULARY
from tierline.engine import map_buckets, session
from tierline.features import FeatureContext, NightlyRun, nightly_features
from tierline.features.build import BucketTask, panel_parts, panel_tasks
from tierline.lake import Lake
from tierline.months import month_end, months_before
from tierline.parquet import write_arrow

CONTEXT = FeatureContext("UTC", VOCABULARY)
COUNTED = (
    *("occurred_on", "occurred_at", "known_on", "direction", "category", "transaction_id"),
    *("counterparty_key", "scenario_id"),
)
"""Columns the features need beside those that scansum adds up and compares."""


def window_files(root: Path) -> list[Path]:
    """Transaction files that hold a day of the last 365."""
    first = (LAST - timedelta(days=364)).isoformat()
    return [path for path in Lake(root).files("transactions") if path.parent.name.split("_")[1] >= first]


def scansum(root: Path) -> None:
    listed = ", ".join(f"'{path}'" for path in window_files(root))
    counted = ", ".join(f"count({name})" for name in COUNTED)
    with session() as connection:
        connection.sql(
            f"SELECT customer_key, sum(amount), max(balance_after), {counted}"
            f" FROM read_parquet([{listed}], hive_partitioning = false)"
            f" WHERE occurred_on > DATE '{LAST}' - 365 GROUP BY customer_key"
        ).to_arrow_table()


def full_recompute(root: Path, target: Path) -> None:
    """Every feature at one date from the lake, one file per bucket; no state is read or left."""
    shutil.rmtree(target, ignore_errors=True)
    lake = Lake(root)
    _write(panel_tasks(lake, (LAST,), CONTEXT), target)


def _write(tasks: list[BucketTask], target: Path) -> None:
    map_buckets(_write_part, [(number, task, target) for number, task in enumerate(tasks)], "features")


def _write_part(given: tuple[int, BucketTask, Path]) -> None:
    number, task, target = given
    parts = panel_parts(task)
    for day in task.dates:  # one at a time: no date's rows stand in memory while the next is computed
        write_arrow(target / f"as_of={day}" / f"part={number:03d}.parquet", next(parts), quickly=True)


def night(root: Path, work: Path, as_of: date) -> None:
    """The nightly run of ``as_of``, with whatever state stands below ``work``; leaves state for the next night."""
    run = NightlyRun(Lake(root), as_of, CONTEXT, work / f"as_of={as_of}", work / "state")
    shutil.rmtree(run.target, ignore_errors=True)
    nightly_features(run)


def next_night(root: Path, work: Path) -> None:
    """The night after the one whose state stands below ``work``; fails if a bucket was not carried on."""
    run = NightlyRun(Lake(root), LAST, CONTEXT, work / f"as_of={LAST}", work / "state")
    shutil.rmtree(run.target, ignore_errors=True)
    ways = {report.way for report in nightly_features(run)}
    if ways != {"carried"}:
        raise RuntimeError(f"the night was not carried on from state: {ways}")


def month_ends_before(count: int) -> tuple[date, ...]:
    return tuple(month_end(months_before(LAST, back)) for back in reversed(range(count)))


def panel(root: Path, target: Path, dates: tuple[date, ...]) -> None:
    """Every feature at many dates from one reading."""
    lake = Lake(root)
    _write(panel_tasks(lake, dates, CONTEXT), target)


def one_by_one(root: Path, target: Path, dates: tuple[date, ...]) -> None:
    """The same by one full recompute per date."""
    for day in dates:
        panel(root, target / str(day), (day,))


def rows_in_window(root: Path) -> int:
    """Transactions in the files of the window, from their footers."""
    return sum(pq.read_metadata(path).num_rows for path in window_files(root))
