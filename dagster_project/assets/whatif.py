"""what-if: a published night under a proposed policy, on bad days, and along the frontier. Nothing is published."""

import logging
from typing import Any

import dagster as dg

from dagster_project.config import WhatIfRunConfig
from dagster_project.partitions import nightly_partitions
from dagster_project.resources import TierlineHome
from tierline.proposals import keep, run_frontier, run_stress, run_whatif
from tierline.reporting import markdown_image
from tierline.reporting.whatif_charts import before_after_chart, frontier_chart, stress_chart
from tierline.reporting.whatif_page import CHARTS, frontier_page, stress_bars, stress_page, whatif_page

LOGGER = logging.getLogger("tierline.whatif")
BOOK = ("customers", "customers_up", "customers_down", "exposure", "expected_loss", "profit", "raroc")


@dg.asset(group_name="whatif", partitions_def=nightly_partitions, deps=["release"], kinds={"parquet"})
def policy_whatif(
    context: dg.AssetExecutionContext, config: WhatIfRunConfig, tierline_home: TierlineHome
) -> dg.MaterializeResult:
    """The decision stages under a proposed policy, held against the published night."""
    night = tierline_home.night(context.partition_key)
    result = run_whatif(night, config.policy, drafts=config.drafts)
    figures = result.difference.figures
    frames = {"whatif_figures": figures, "whatif_customers": result.difference.customers}
    directory = keep(night, result.policies[1], frames)
    page = whatif_page(directory, result.difference, result.policies, result.notes)
    book = figures[(figures["dimension"] == "book") & figures["metric"].isin(BOOK)]
    charts: dict[str, Any] = {
        f"{dimension}_{metric}": dg.MetadataValue.md(
            markdown_image(before_after_chart(figures, dimension, metric, title), title)
        )
        for dimension, metric, title in CHARTS
    }
    return dg.MaterializeResult(
        metadata={
            "policies": " → ".join(result.policies),
            "customers_changed": len(result.difference.customers),
            "book": dg.MetadataValue.json(book[["metric", "before", "after", "change"]].to_dict(orient="records")),
            "notes": dg.MetadataValue.json(list(result.notes)),
            "page": dg.MetadataValue.path(str(page)),
            **charts,
        }
    )


@dg.asset(group_name="whatif", partitions_def=nightly_partitions, deps=["release"], kinds={"parquet"})
def stress_tests(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """Bad days on the published night: what each changes and what it costs."""
    night = tierline_home.night(context.partition_key)
    table = run_stress(night)
    page = stress_page(keep(night, "stress", {"stress": table}), table)
    chart = stress_chart(stress_bars(table), f"Profit under stress, {night.as_of}")
    return dg.MaterializeResult(
        metadata={
            "scenarios": int(table["scenario"].nunique()),
            "profit": dg.MetadataValue.md(markdown_image(chart, "profit under stress")),
            "page": dg.MetadataValue.path(str(page)),
        }
    )


@dg.asset(group_name="whatif", partitions_def=nightly_partitions, deps=["release"], kinds={"parquet"})
def efficient_frontier(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """The most profit at each volume of limits, every rule kept."""
    night = tierline_home.night(context.partition_key)
    table = run_frontier(night)
    page = frontier_page(keep(night, "frontier", {"frontier": table}), table)
    chart = frontier_chart(table, f"Efficient frontier, {night.as_of}")
    return dg.MaterializeResult(
        metadata={
            "points": len(table),
            "frontier": dg.MetadataValue.md(markdown_image(chart, "efficient frontier")),
            "page": dg.MetadataValue.path(str(page)),
        }
    )
