"""features: every registered feature of every customer, as known at the end of the night's day."""

import logging
from collections import Counter

import dagster as dg

from dagster_project.metadata import contract_metadata
from dagster_project.partitions import nightly_partitions
from dagster_project.resources import TierlineHome
from tierline.features import FEATURE_TABLE, FEATURES, feature_set_hash, nightly_features

LOGGER = logging.getLogger("tierline.features")


@dg.asset(
    group_name="features",
    partitions_def=nightly_partitions,
    deps=["validated_lake"],
    metadata=contract_metadata(FEATURE_TABLE),
    kinds={"duckdb", "parquet"},
)
def customer_features(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """Point-in-time features, one row per customer: carried on from yesterday's state, or recomputed."""
    run = tierline_home.night(context.partition_key).feature_run
    reports = nightly_features(run)
    rows = sum(report.rows for report in reports)
    ways = Counter(report.way for report in reports)
    described = ", ".join(f"{count} {way}" for way, count in sorted(ways.items()))
    LOGGER.info("features: %d customers, %d features each; buckets: %s", rows, len(FEATURES), described)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "columns": len(FEATURE_TABLE.columns),
            "path": dg.MetadataValue.path(str(run.target)),
            "buckets": dg.MetadataValue.json(dict(sorted(ways.items()))),
            "recomputed_customers": sum(report.recomputed_customers for report in reports),
            "feature_set": feature_set_hash(),
        }
    )
