"""tier, price, limit, fund: the decisions of the night, as pure functions of the policy in force."""

import logging
from collections.abc import Iterator

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dagster_project.metadata import contract_metadata, staged_result
from dagster_project.partitions import nightly_partitions
from dagster_project.resources import TierlineHome
from tierline.funding import FundingInputs, FundingResult, fund_portfolio, funding_costs, report_lines
from tierline.funding.costs import newest_position
from tierline.limits import LimitContext, decide_limits
from tierline.night import Night
from tierline.policy import load_policy
from tierline.pricing import disclosure_table, price_grid
from tierline.publishing import previous_snapshot
from tierline.release import known_or_none
from tierline.reporting import markdown_image, tier_distribution_chart
from tierline.schemas import PUBLISHED
from tierline.tiers import tiered_scores

LOGGER = logging.getLogger("tierline.decisions")


@dg.asset(
    group_name="tier",
    deps=["scored_book"],
    metadata=contract_metadata(PUBLISHED["scores"]),
    partitions_def=nightly_partitions,
    kinds={"parquet"},
)
def scores(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """PD, score points, tier and reasons of every customer."""
    night = tierline_home.night(context.partition_key)
    policy = load_policy(night.policy_name, night.effective_on)
    table = tiered_scores(night.staged("scored"), policy.scale)
    LOGGER.info("tier: %s", ", ".join(f"{t} {n:,}" for t, n in _counts(table, "tier")))
    chart = tier_distribution_chart(_tier_frame(table), f"Tiers, {night.as_of}")
    image = dg.MetadataValue.md(markdown_image(chart, "tiers"))
    return staged_result(table, night.stage_contract(PUBLISHED["scores"], table), tiers=image)


@dg.asset(
    group_name="price",
    deps=["validated_lake"],
    metadata=contract_metadata(PUBLISHED["pricing"]),
    partitions_def=nightly_partitions,
    kinds={"parquet"},
)
def pricing(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """The price of each tier and term with its components, under the cap in force."""
    night = tierline_home.night(context.partition_key)
    policy = load_policy(night.policy_name, night.effective_on)
    partners, position = known_or_none(night, "funding_partners"), known_or_none(night, "lender_position")
    costs = funding_costs(policy, partners, position, night.as_of)
    table = price_grid(policy, night.as_of, costs)
    LOGGER.info("price: %d of %d prices offered", pc.sum(table.column("offered")).as_py(), table.num_rows)
    return staged_result(table, night.stage_contract(PUBLISHED["pricing"], table))


@dg.asset(
    group_name="price",
    deps=["pricing"],
    metadata=contract_metadata(PUBLISHED["disclosures"]),
    partitions_def=nightly_partitions,
    kinds={"parquet"},
)
def disclosures(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """The all-in cost table of every price on offer."""
    night = tierline_home.night(context.partition_key)
    policy = load_policy(night.policy_name, night.effective_on)
    table = disclosure_table(night.staged("pricing"), policy, night.as_of)
    return staged_result(table, night.stage_contract(PUBLISHED["disclosures"], table))


@dg.asset(
    group_name="limit",
    deps=["scores", "decision_inputs", "pricing"],
    partitions_def=nightly_partitions,
    kinds={"parquet"},
)
def wanted_limits(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """Limits from affordability, caps and the ladder, before it is known whether they can be funded."""
    night = tierline_home.night(context.partition_key)
    policy = load_policy(night.policy_name, night.effective_on)
    before = previous_snapshot(night.home, night.as_of)
    position = newest_position(known_or_none(night, "lender_position"), night.as_of)
    given = LimitContext(
        as_of=night.as_of,
        prices=night.staged("pricing"),
        previous=before.read("credit_limits") if before else None,
        net_assets=float(str(position["net_assets"])) if position else None,
    )
    table = decide_limits(night.staged("decision_inputs"), night.staged("scores"), given, policy)
    LOGGER.info("limit: %s", ", ".join(f"{a} {n:,}" for a, n in _counts(table, "action")))
    return staged_result(table, night.stage("wanted_limits", table))


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "credit_limits",
            group_name="limit",
            deps=["wanted_limits"],
            description="The limit of every customer that can be funded, and what changed it.",
            metadata=contract_metadata(PUBLISHED["credit_limits"]),
            kinds={"parquet"},
        ),
        dg.AssetSpec(
            "funding_allocation",
            group_name="fund",
            deps=["wanted_limits", "decision_inputs"],
            description="Who funds each limit: the lender and at most one partner.",
            metadata=contract_metadata(PUBLISHED["funding_allocation"]),
            kinds={"parquet"},
        ),
        dg.AssetSpec(
            "portfolio_constraints",
            group_name="fund",
            deps=["wanted_limits", "decision_inputs", "pricing"],
            description="What each rule of the book allows, what is used of it, and what more of it would be worth.",
            metadata=contract_metadata(PUBLISHED["portfolio_constraints"]),
            kinds={"parquet"},
        ),
    ],
    partitions_def=nightly_partitions,
)
def funded_limits(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> Iterator[dg.MaterializeResult]:
    """Choose limits and funders of the whole book for the greatest profit under every rule."""
    night = tierline_home.night(context.partition_key)
    policy = load_policy(night.policy_name, night.effective_on)
    result = fund_portfolio(_funding_inputs(night), policy)
    for note in result.notes:
        LOGGER.warning("fund: %s", note)
    for line in report_lines(result):
        LOGGER.info("fund: %s", line)
    extra = _funding_metadata(result)
    tables = {
        "credit_limits": result.limits,
        "funding_allocation": result.allocation,
        "portfolio_constraints": result.constraints,
    }
    for name, table in tables.items():
        staged = staged_result(table, night.stage_contract(PUBLISHED[name], table), **extra)
        yield dg.MaterializeResult(asset_key=name, metadata=staged.metadata)


def _funding_inputs(night: Night) -> FundingInputs:
    before = previous_snapshot(night.home, night.as_of)
    return FundingInputs(
        as_of=night.as_of,
        limits=night.staged("wanted_limits"),
        inputs=night.staged("decision_inputs"),
        prices=night.staged("pricing"),
        partners=known_or_none(night, "funding_partners"),
        position=known_or_none(night, "lender_position"),
        previous_limits=before.read("credit_limits") if before else None,
        previous_allocation=before.read("funding_allocation") if before else None,
    )


def _funding_metadata(result: FundingResult) -> dict[str, dg.MetadataValue]:
    return {
        "used_cents": dg.MetadataValue.json(result.used),
        "lowered": dg.MetadataValue.int(result.cut),
        "profit": dg.MetadataValue.float(result.objective),
        "gap": dg.MetadataValue.float(result.gap),
        "last_plan_kept": dg.MetadataValue.bool(result.kept),
    }


def _tier_frame(table: pa.Table) -> pd.DataFrame:
    grouped = table.select(["tier", "pd_12m"]).to_pandas().groupby("tier")["pd_12m"]
    frame: pd.DataFrame = grouped.agg(customers="size", mean_pd="mean").reset_index()
    return frame


def _counts(table: pa.Table, column: str) -> list[tuple[str, int]]:
    counted = table.column(column).to_pandas().value_counts().sort_index()
    return list(counted.items())
