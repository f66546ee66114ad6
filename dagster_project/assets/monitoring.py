"""monitor: the quality of the book and the watch list."""

import logging
from datetime import timedelta

import dagster as dg

from dagster_project.metadata import contract_metadata, staged_result
from dagster_project.partitions import nightly_partitions
from dagster_project.resources import TierlineHome
from tierline.engine import session
from tierline.monitoring import drift_frame, load_thresholds, loan_state, previous_month_end
from tierline.monitoring import portfolio_quality as measure_quality
from tierline.monitoring import watch_list as list_warnings
from tierline.publishing import previous_snapshot
from tierline.schemas import PUBLISHED
from tierline.scoring import drift_samples
from tierline.tiers import tier_migration

LOGGER = logging.getLogger("tierline.monitoring")


@dg.asset(
    group_name="monitor",
    partitions_def=nightly_partitions,
    deps=["scores", "scored_book", "customer_features"],
    metadata=contract_metadata(PUBLISHED["portfolio_quality"]),
    kinds={"duckdb", "parquet"},
)
def portfolio_quality(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """Buckets, classes, stages, provisions, roll rates, vintages, moves between tiers, and drift."""
    night = tierline_home.night(context.partition_key)
    with session() as connection:
        state = loan_state(connection, night.lake, night.as_of)
        before = loan_state(connection, night.lake, previous_month_end(night.as_of))
    bundle = night.registry.load_champion(night.as_of)
    learned, tonight = drift_samples(bundle, night.features(), night.staged("scored"))
    LOGGER.info("monitor: %d open loans", int(state["is_open"].sum()))
    drift = drift_frame(learned, tonight, load_thresholds().drift.bins)
    earlier = previous_snapshot(night.home, night.as_of)
    moved = tier_migration(earlier.read("scores") if earlier else None, night.staged("scores"))
    table = measure_quality(state, night.as_of, before, drift, moved)
    return staged_result(table, night.stage_contract(PUBLISHED["portfolio_quality"], table))


@dg.asset(
    group_name="monitor",
    partitions_def=nightly_partitions,
    deps=["validated_lake"],
    metadata=contract_metadata(PUBLISHED["watch_list"]),
    kinds={"duckdb", "parquet"},
)
def watch_list(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """Loans and customers that need a person to look."""
    night = tierline_home.night(context.partition_key)
    with session() as connection:
        state = loan_state(connection, night.lake, night.as_of)
        yesterday = loan_state(connection, night.lake, night.as_of - timedelta(days=1))
    table = list_warnings(state, night.as_of, yesterday)
    LOGGER.info("monitor: %d entries on the watch list", table.num_rows)
    return staged_result(table, night.stage_contract(PUBLISHED["watch_list"], table))
