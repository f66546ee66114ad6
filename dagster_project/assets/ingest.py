"""ingest and validate: from the landing zone to a lake that keeps its contracts."""

import logging
from collections.abc import Iterator
from typing import Any

import dagster as dg

from dagster_project.metadata import contract_metadata
from dagster_project.partitions import nightly_partitions
from dagster_project.resources import TierlineHome
from tierline.ingest import ingest_through
from tierline.lake import Lake
from tierline.schemas import LAKE
from tierline.validation import TableVerdict
from tierline.validation.data_docs import write_data_docs
from tierline.validation.pending import validate_pending

LOGGER = logging.getLogger("tierline.ingest")


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            key=["lake", name],
            group_name="ingest",
            description=contract.description,
            metadata=contract_metadata(contract),
            kinds={"duckdb", "parquet"},
        )
        for name, contract in LAKE.items()
    ],
    partitions_def=nightly_partitions,
)
def lake_tables(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> Iterator[dg.MaterializeResult]:
    """Every landing day up to the night's, typed, pseudonymised and reconciled; what is there already is left alone."""
    night = tierline_home.night(context.partition_key)
    report = ingest_through(night.home, night.settings, night.as_of)
    for warning in report.warnings:
        LOGGER.warning(warning)
    for name in LAKE:
        totals = report.totals.get(name)
        metadata: dict[str, Any] = {"new_loads": dg.MetadataValue.json(report.new)}
        if totals is not None:
            metadata |= {"dagster/row_count": totals.rows_used, **totals.model_dump()}
        yield dg.MaterializeResult(asset_key=["lake", name], metadata=metadata)


@dg.asset(
    group_name="validate",
    partitions_def=nightly_partitions,
    deps=[dg.AssetKey(["lake", name]) for name in LAKE],
    check_specs=[
        dg.AssetCheckSpec(f"{name}_keeps_its_contract", asset="validated_lake", blocking=True) for name in LAKE
    ],
    kinds={"great_expectations"},
)
def validated_lake(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """Great Expectations suites made from the contracts, over every load that has not passed them yet."""
    night = tierline_home.night(context.partition_key)
    loads = [load for load in Lake(night.home.lake).loads() if load.first_day <= night.as_of]
    verdicts = validate_pending(night.home, night.settings, loads)
    LOGGER.info(
        "validate: %d tables of new loads, %d expectations, %d failed",
        len(verdicts),
        sum(verdict.expectations for verdict in verdicts),
        sum(not verdict.success for verdict in verdicts),
    )
    metadata: dict[str, Any] = {"tables_judged": len(verdicts)}
    docs = write_data_docs(night.home, verdicts)
    if docs is not None:
        LOGGER.info("validate: Data Docs of the last verdicts: %s", docs)
        metadata["data_docs"] = dg.MetadataValue.path(docs)
    checks = [_check(name, [v for v in verdicts if v.table == name]) for name in LAKE]
    return dg.MaterializeResult(metadata=metadata, check_results=checks)


def _check(name: str, verdicts: list[TableVerdict]) -> dg.AssetCheckResult:
    failed = [line for verdict in verdicts for line in verdict.failed]
    for line in failed:
        LOGGER.error("validate: %s", line)
    return dg.AssetCheckResult(
        check_name=f"{name}_keeps_its_contract",
        passed=not failed,
        metadata={
            "failed": dg.MetadataValue.json(failed),
            "rows": sum(verdict.rows for verdict in verdicts),
            "expectations": sum(verdict.expectations for verdict in verdicts),
        },
    )
