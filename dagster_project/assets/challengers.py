"""score, compare: challengers in shadow of the champion, and one of them held against it."""

import logging
from typing import Any

import dagster as dg

from dagster_project.config import ComparisonRunConfig
from dagster_project.metadata import contract_metadata
from dagster_project.partitions import nightly_partitions
from dagster_project.resources import TierlineHome
from tierline.challengers import (
    Comparison,
    compare_with_champion,
    comparison_directory,
    frame_records,
    score_challengers,
)
from tierline.reporting import difference_chart, markdown_image, migration_chart
from tierline.schemas import SHADOW_SCORES

LOGGER = logging.getLogger("tierline.challengers")


@dg.asset(
    group_name="score",
    partitions_def=nightly_partitions,
    deps=["customer_features", "release"],  # after the release: whatever a challenger does, the night is out
    metadata=contract_metadata(SHADOW_SCORES),
    kinds={"lightgbm", "parquet"},
)
def shadow_scores(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """What each challenger says of tonight's customers; a challenger that cannot is left out with a warning."""
    night = tierline_home.night(context.partition_key)
    report = score_challengers(night)
    if report.rows:
        LOGGER.info("shadow: %d challengers scored", len(report.rows))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(report.rows.values()),
            "rows": dg.MetadataValue.json(report.rows),
            "left_out": dg.MetadataValue.json(report.left_out),
        }
    )


@dg.asset(
    group_name="compare",
    partitions_def=nightly_partitions,
    deps=["shadow_scores", "scores", "pricing", "champion_model", "challenger_model"],
    kinds={"parquet"},
)
def model_comparison(
    context: dg.AssetExecutionContext, config: ComparisonRunConfig, tierline_home: TierlineHome
) -> dg.MaterializeResult:
    """Champion and challenger: figures with paired intervals, tiers that change, customers that are swapped."""
    night = tierline_home.night(context.partition_key)
    comparison = compare_with_champion(night, config.challenger)
    LOGGER.info("compare: %s against %s", comparison.challenger, comparison.champion)
    path = comparison_directory(night, comparison.challenger)
    return dg.MaterializeResult(metadata={**_metadata(comparison), "path": dg.MetadataValue.path(str(path))})


def _metadata(comparison: Comparison) -> dict[str, Any]:
    book = comparison.book
    tiers = list(dict.fromkeys(book.migration["champion_tier"]))
    migration = migration_chart(book.migration, tiers, f"Tiers of {book.customers:,} customers, {comparison.as_of}")
    shown: dict[str, Any] = {
        "champion": comparison.champion,
        "challenger": comparison.challenger,
        "notes": dg.MetadataValue.json(list(comparison.notes)),
        "psi": book.psi.psi,
        "tier_changes": len(book.changes),
        "newly_accepted": book.swapped["in"],
        "newly_refused": book.swapped["out"],
        "migration": dg.MetadataValue.md(markdown_image(migration, "migration")),
    }
    if comparison.outcomes is not None:
        outcomes = comparison.outcomes
        shown |= {
            "common_rows": outcomes.rows,
            "common_defaults": outcomes.defaults,
            "figures": dg.MetadataValue.json(frame_records(outcomes.figures)),
            "calibration": dg.MetadataValue.json(frame_records(outcomes.calibration)),
            "differences": dg.MetadataValue.md(markdown_image(difference_chart(outcomes.figures), "differences")),
        }
    return shown
