"""features: every registered feature of every customer, as known at the end of the night's day."""

import logging

import dagster as dg

from dagster_project.metadata import staged_result
from dagster_project.partitions import nightly_partitions
from dagster_project.resources import TierlineHome
from tierline.features import FEATURES, build_features, customer_spine, feature_set_hash

LOGGER = logging.getLogger("tierline.features")
_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn(name=f.name, type="double", description=f"{f.family}, {f.unit}; null: {f.null_means}")
        for f in FEATURES
    ]
)


@dg.asset(
    group_name="features",
    partitions_def=nightly_partitions,
    deps=["validated_lake"],
    metadata={"dagster/column_schema": _COLUMNS},
    kinds={"duckdb", "parquet"},
)
def customer_features(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """Point-in-time features, one row per customer."""
    night = tierline_home.night(context.partition_key)
    features = build_features(night.lake, customer_spine(night.lake, night.as_of), night.context)
    path = night.stage("customer_features", features)
    LOGGER.info("features: %d customers, %d features each", features.num_rows, len(FEATURES))
    return staged_result(features, path, feature_set=dg.MetadataValue.text(feature_set_hash()))
