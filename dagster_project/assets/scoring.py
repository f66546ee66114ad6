"""score: PD, default status and reasons of every customer, and the inputs of the decisions."""

import logging

import dagster as dg

from dagster_project.metadata import contract_metadata, staged_result
from dagster_project.partitions import nightly_partitions
from dagster_project.resources import TierlineHome
from tierline.labels import customers_in_bad_outcome
from tierline.schemas import DECISION_INPUTS
from tierline.scoring import SCORED, score_book
from tierline.scoring import decision_inputs as assemble_inputs

LOGGER = logging.getLogger("tierline.scoring")


@dg.asset(
    group_name="score",
    partitions_def=nightly_partitions,
    deps=["customer_features", "champion_model"],
    metadata=contract_metadata(SCORED),
    kinds={"lightgbm", "parquet"},
)
def scored_book(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """Calibrated PD and exact reasons, one row per customer."""
    night = tierline_home.night(context.partition_key)
    bundle = night.registry.load_champion(night.as_of)
    bad = customers_in_bad_outcome(night.lake, night.as_of)
    scored = score_book(bundle, night.feature_parts(), bad, night.as_of)
    LOGGER.info("score: %d customers with reasons", scored.num_rows)
    return staged_result(scored, night.stage_contract(SCORED, scored))


@dg.asset(
    group_name="score",
    partitions_def=nightly_partitions,
    deps=["scored_book", "customer_features"],
    metadata=contract_metadata(DECISION_INPUTS),
    kinds={"duckdb", "parquet"},
)
def decision_inputs(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """Everything the decisions may look at, one row per customer."""
    night = tierline_home.night(context.partition_key)
    inputs = assemble_inputs(night.lake, night.staged("scored"), night.features(), night.as_of)
    return staged_result(inputs, night.stage_contract(DECISION_INPUTS, inputs))
