"""Nights of the feature stage over small lakes, for tests of state, resumption and damage.

Belongs here: an indexed lake and a night's run over it. Does not belong here: any expectation.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import lakes
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from lakes import World
from unit.features.worlds import VOCABULARY

from tierline.engine import session
from tierline.features import (
    BucketReport,
    FeatureContext,
    NightlyRun,
    build_features,
    customer_spine,
    nightly_features,
    read_features,
)
from tierline.ingest.revisions import update_revisions
from tierline.lake import Lake

CONTEXT = FeatureContext("UTC", VOCABULARY)


def indexed_lake(
    root: Path, world: World, buckets: int = 1, splits: Sequence[date] = (), timezone: str = "UTC"
) -> Lake:
    """A lake with the index of revisions that ingest leaves."""
    lake = lakes.write_lake(root, world, buckets=buckets, splits=splits, timezone=timezone)
    with session() as connection:
        update_revisions(connection, lake)
    return lake


def run_of(lake: Lake, folder: Path, as_of: date, context: FeatureContext = CONTEXT) -> NightlyRun:
    return NightlyRun(lake, as_of, context, folder / "work" / as_of.isoformat(), folder / "state")


def night(run: NightlyRun) -> tuple[pa.Table, list[BucketReport]]:
    """Run a night; its features and how each bucket was made."""
    reports = nightly_features(run)
    return read_features(run.target), reports


def recomputed(lake: Lake, as_of: date, context: FeatureContext = CONTEXT) -> pa.Table:
    """The oracle: everything from the lake."""
    return build_features(lake, customer_spine(lake, as_of), context)


def differences(found: pa.Table, expected: pa.Table) -> list[str]:
    """Columns that are not equal to the bit."""
    assert found.num_rows == expected.num_rows
    return [name for name in expected.column_names if bits(found, name) != bits(expected, name)]


def bits(table: pa.Table, name: str) -> list[object]:
    """The values of a column; doubles as the integers of their bits, so that 0 is not -0."""
    column = table.column(name).combine_chunks()
    if not pa.types.is_floating(column.type):
        return list(column.to_pylist())
    whole = pc.fill_null(column, 0.0).to_numpy(zero_copy_only=False).view(np.int64)
    return list(zip(whole.tolist(), column.is_null().to_pylist(), strict=True))
