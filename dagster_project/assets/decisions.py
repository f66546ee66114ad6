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
from tierline.decide import funded_tables, funding_inputs, limit_stage, price_stage, tier_stage
from tierline.funding import FundingResult, fund_portfolio, report_lines
from tierline.limits import household_note
from tierline.night import Night
from tierline.policy import Policy, load_policy
from tierline.policy.model import DEFAULT_TIER
from tierline.pricing import disclosure_table, offer_note
from tierline.release import known_of
from tierline.reporting import NIGHTS, markdown_image, migration_chart, tier_distribution_chart
from tierline.reporting.model_card import tiers_of
from tierline.schemas import PUBLISHED
from tierline.tiers import neighbours_apart, tier_migration
from tierline.tiers.migration import ENTERED, LEFT

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
    known = known_of(night)
    earlier = known.previous.get("scores")
    table = tier_stage(night.staged("scored"), known, policy)
    LOGGER.info("tier: %s", ", ".join(f"{t} {n:,}" for t, n in _counts(table, "tier")))
    chart = tier_distribution_chart(_tier_frame(table), f"Tiers, {night.as_of}")
    image = dg.MetadataValue.md(markdown_image(chart, "tiers"))
    extra = {"tiers": image, **_tier_moves(earlier, table, policy), **_tiers_apart(night, policy)}
    return staged_result(table, night.stage_contract(PUBLISHED["scores"], table), **extra)


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
    table = price_stage(known_of(night), policy)
    offered, note = pc.sum(table.column("offered")).as_py(), offer_note(table)
    LOGGER.info("price: %d of %d offered under %.2f %%", offered, table.num_rows, 100 * policy.pricing.price_cap)
    if note:
        LOGGER.warning("price: %s", note)
    extra = {"cap_rule": policy.pricing.cap_rule, "note": note or "none"}
    texts = {name: dg.MetadataValue.text(text) for name, text in extra.items()}
    return staged_result(table, night.stage_contract(PUBLISHED["pricing"], table), **texts)


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
    inputs, scored, prices = (night.staged(name) for name in ("decision_inputs", "scores", "pricing"))
    table = limit_stage(inputs, scored, prices, known_of(night), policy)
    LOGGER.info("limit: %s", ", ".join(f"{a} {n:,}" for a, n in _counts(table, "action")))
    note = household_note(inputs)
    if note:
        LOGGER.warning("limit: %s", note)
    extra = {"note": dg.MetadataValue.text(note or "none")}
    return staged_result(table, night.stage("wanted_limits", table), **extra)


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
    wanted, inputs, prices = (night.staged(name) for name in ("wanted_limits", "decision_inputs", "pricing"))
    known = known_of(night)
    result = fund_portfolio(funding_inputs(wanted, inputs, prices, known), policy)
    for note in result.notes:
        LOGGER.warning("fund: %s", note)
    for line in report_lines(result):
        LOGGER.info("fund: %s", line)
    extra = _funding_metadata(result)
    for name, table in funded_tables(result, known).items():
        staged = staged_result(table, night.stage_contract(PUBLISHED[name], table), **extra)
        yield dg.MaterializeResult(asset_key=name, metadata=staged.metadata)


def _funding_metadata(result: FundingResult) -> dict[str, dg.MetadataValue]:
    return {
        "used_cents": dg.MetadataValue.json(result.used),
        "lowered": dg.MetadataValue.int(result.cut),
        "profit": dg.MetadataValue.float(result.objective),
        "gap": dg.MetadataValue.float(result.gap),
        "last_plan_kept": dg.MetadataValue.bool(result.kept),
    }


def _tier_moves(earlier: pa.Table | None, table: pa.Table, policy: Policy) -> dict[str, dg.MetadataValue]:
    """The migration matrix as a picture and as a figure; nothing on the first night."""
    moves = tier_migration(earlier, table)
    if moves.empty:
        return {}
    stayed = moves["before"].isin([ENTERED]) | moves["now"].isin([LEFT]) | (moves["before"] == moves["now"])
    names = [*policy.scale.tiers, DEFAULT_TIER, ENTERED, LEFT]
    image = markdown_image(migration_chart(moves, names, "Tier migration", NIGHTS), "tier migration")
    moved = int(moves.loc[~stayed, "customers"].sum())
    return {"tier_migration": dg.MetadataValue.md(image), "changed_tier": dg.MetadataValue.int(moved)}


def _tiers_apart(night: Night, policy: Policy) -> dict[str, dg.MetadataValue]:
    """Whether neighbouring tiers differ in the outcomes of the champion's test rows; nothing where it has none."""
    outcomes = tiers_of(night.registry.load_champion(night.as_of).card)
    if outcomes.empty:
        return {}
    pairs = neighbours_apart(outcomes, policy.scale.tiers)
    return {"neighbours_apart": dg.MetadataValue.json(pairs.to_dict("records"))}


def _tier_frame(table: pa.Table) -> pd.DataFrame:
    grouped = table.select(["tier", "pd_12m"]).to_pandas().groupby("tier")["pd_12m"]
    frame: pd.DataFrame = grouped.agg(customers="size", mean_pd="mean").reset_index()
    return frame


def _counts(table: pa.Table, column: str) -> list[tuple[str, int]]:
    counted = table.column(column).to_pandas().value_counts().sort_index()
    return list(counted.items())
