"""The night's features, bucket by bucket: carried on from yesterday's state where that holds, recomputed where not.

Belongs here: which way each bucket goes, resuming, and what is kept. Does not belong here: either way's SQL.

A bucket is done when its file stands with tonight's fingerprint in its footer: a night that is started again after a
crash goes on at the first bucket without one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tierline.engine import bucket_session, map_buckets
from tierline.features.accounts import make_stairs, show_state, take_state
from tierline.features.assemble import feature_rows
from tierline.features.build import (
    BucketTask,
    FeatureContext,
    make_customers,
    make_tables,
    prepare_customers,
    prepared,
)
from tierline.features.environment import economy_of
from tierline.features.increment import advance
from tierline.features.lending import carry_loans
from tierline.features.registry import FEATURE_TABLE, feature_set_hash
from tierline.features.state import FORMAT, AccountState, StateStore, fingerprint
from tierline.lake import Lake
from tierline.parquet import described_schema, write_arrow

LOGGER = logging.getLogger("tierline.features")
MADE_OF = b"tierline.made_of"
FEATURE_SCHEMA = described_schema(FEATURE_TABLE)
LARGEST_RECOMPUTE = 5
"""A bucket where more than one in this many customers has irregular news is recomputed as a whole."""


@dataclass(frozen=True)
class NightlyRun:
    """Where one night's features go: ``target`` gets one file per bucket, ``state`` what the next night carries on."""

    lake: Lake
    as_of: date
    context: FeatureContext
    target: Path
    state: Path

    def made_of(self, day: date) -> str:
        """Fingerprint of everything that features of ``day`` depend on."""
        return fingerprint(
            {
                "as_of": day,
                "lake": self.lake.digest(day),
                "buckets": self.lake.buckets,
                "features": feature_set_hash(),
                "timezone": self.context.timezone,
                "vocabulary": sorted(self.context.vocabulary.items()),
                "engine": duckdb.__version__,
                "state": FORMAT,
            }
        )


@dataclass(frozen=True)
class BucketNight:
    """One bucket of a night: the fingerprints and the economy are computed once for all."""

    run: NightlyRun
    bucket: int
    made_of: str
    before: str  # fingerprint that yesterday's state must have
    economy: Mapping[str, pa.Table]

    @property
    def path(self) -> Path:
        """The bucket's file."""
        return self.run.target / f"bucket={self.bucket:03d}.parquet"


@dataclass(frozen=True)
class BucketReport:
    """How a bucket was made: ``kept`` (it stood there), ``carried`` or ``recomputed``, and why not carried."""

    bucket: int
    rows: int
    way: str
    why: str = ""
    recomputed_customers: int = 0


def nightly_features(run: NightlyRun) -> list[BucketReport]:
    """Write the features of every customer known at the end of ``as_of``, one Parquet file per bucket."""
    yesterday = run.as_of - timedelta(days=1)
    made_of, before = run.made_of(run.as_of), run.made_of(yesterday)
    economy = economy_of(run.lake, run.as_of)
    nights = [BucketNight(run, bucket, made_of, before, economy) for bucket in range(run.lake.buckets)]
    reports = map_buckets(bucket_night, nights, "features")
    for why in sorted({report.why for report in reports if report.why}):
        count = sum(report.why == why for report in reports)
        LOGGER.info("features: %d of %d buckets recomputed in full: %s", count, len(reports), why)
    StateStore(run.state).keep_only({run.as_of, yesterday})
    return reports


def bucket_night(night: BucketNight) -> BucketReport:
    """Make one bucket's file, and its state before it."""
    if night.path.exists() and (pq.read_schema(night.path).metadata or {}).get(MADE_OF) == night.made_of.encode():
        return BucketReport(night.bucket, pq.read_metadata(night.path).num_rows, "kept")
    run, store = night.run, StateStore(night.run.state)
    task = BucketTask(run.lake, night.bucket, (run.as_of,), run.context)
    yesterday = run.as_of - timedelta(days=1)
    revisions = run.lake.revisions_sql("transactions", night.bucket)
    state = (
        "the lake has no index of revisions" if revisions is None else store.read(yesterday, night.bucket, night.before)
    )
    if isinstance(state, AccountState) and revisions is not None:
        carried = _carry_on(night, task, state, revisions)
        if carried is not None:
            return carried
        state = "too many customers with corrections or late rows"
    with prepared(task) as (connection, spans):
        make_tables(connection, task, run.as_of, spans)
        make_stairs(connection, run.as_of)
        store.write(take_state(connection, run.as_of), run.as_of, night.bucket, night.made_of)
        rows = _finish(connection, night)
    return BucketReport(night.bucket, rows, "recomputed", str(state))


def _carry_on(night: BucketNight, task: BucketTask, state: AccountState, revisions: str) -> BucketReport | None:
    """Carry yesterday's state on; None where too many customers would have to be recomputed."""
    as_of = night.run.as_of
    with bucket_session() as connection:
        had = len(state.keys)
        numbers = pa.array(np.arange(1, had + 1, dtype=np.int32))
        connection.register("had", pa.table({"customer_key": state.keys, "no": numbers}))
        prepare_customers(connection, task, "had")
        irregular = advance(connection, task, state, revisions, LARGEST_RECOMPUTE)
        if irregular is None:
            return None
        carry_loans(connection, task, state, had)
        StateStore(night.run.state).write(state, as_of, night.bucket, night.made_of)
        show_state(connection, state, as_of)
        make_customers(connection, task, as_of)
        for name, table in night.economy.items():
            connection.register(name, table)
        rows = _finish(connection, night)
    return BucketReport(night.bucket, rows, "carried", "", irregular)


def _finish(connection: duckdb.DuckDBPyConnection, night: BucketNight) -> int:
    rows = feature_rows(connection, night.run.as_of)
    schema = FEATURE_SCHEMA.with_metadata({**FEATURE_SCHEMA.metadata, MADE_OF: night.made_of.encode()})
    write_arrow(night.path, rows.cast(schema), quickly=True)
    return int(rows.num_rows)


def feature_parts(target: Path) -> Iterator[pa.Table]:
    """Each bucket's file as a table, one at a time, in the order of the buckets."""
    for file in sorted(target.glob("bucket=*.parquet")):
        yield pq.read_table(file, partitioning=None).replace_schema_metadata()


def read_features(target: Path) -> pa.Table:
    """Every bucket's file as one table, sorted by customer."""
    return pa.concat_tables(feature_parts(target)).sort_by([("customer_key", "ascending")])
