"""The parts of a model card that say how well the model did on its test rows.

Belongs here: figures, calibration, ranking, segments. Does not belong here: computing them at training
(``training.evaluation``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tierline.calibration import reliability_frame
from tierline.models import BundleCard, ModelBundle
from tierline.reporting.charts import gains_chart, reliability_chart
from tierline.reporting.model_card.sections import ABSENT, figure
from tierline.reporting.model_card.segments import (
    FEWEST_OF_AN_OUTCOME,
    FEWEST_ROWS,
    SegmentRow,
    missing_columns,
    segment_rows,
)
from tierline.reporting.model_charts import gains_frame, ks_chart, ks_frame, tier_level_chart
from tierline.reporting.page import Block, Grid, Part, Picture, Words
from tierline.reporting.render import Chart, to_svg
from tierline.tiers import neighbours_apart

FIGURES = {
    "auc": ("AUC", ".3f", "chance that a default has the higher PD"),
    "gini": ("Gini", ".3f", "2 · AUC − 1"),
    "ks": ("KS", ".3f", "largest distance between the PDs of defaults and of the others"),
    "log_loss": ("log-loss", ".4f", "of the PD; lower is better"),
    "brier": ("Brier", ".4f", "mean squared error of the PD; lower is better"),
    "ece": ("ECE", ".4f", "mean gap of PD and rate over ten bins; noise only adds to it"),
    "calibration_slope": ("calibration slope", ".2f", "ideal 1; below it PDs are spread too widely"),
    "calibration_intercept": ("calibration intercept", ".2f", "ideal 0"),
    "logistic_auc": ("AUC, logistic", ".3f", "plain logistic regression on the same rows and features: the floor"),
    "logistic_log_loss": ("log-loss, logistic", ".4f", "the same"),
    "unseen_gini": ("Gini, unseen", ".3f", "on customers no learning row belongs to"),
}
GAINS_AT = (0.05, 0.1, 0.2, 0.3, 0.5)


def figures_part(card: BundleCard) -> Part:
    """Metrics with their intervals."""
    rows = []
    for name, (label, form, meaning) in FIGURES.items():
        low, high = card.intervals.get(name, (None, None))
        rows.append((label, figure(card.metrics.get(name), form), figure(low, form), figure(high, form), meaning))
    words = "On the test rows, of the tested model; 95 % intervals by bootstrap of customers."
    columns = ("figure", "value", "low", "high", "what it is")
    return Part("Figures out of time", [Words([words]), Grid(columns, rows, left=("what it is",))])


def calibration_chart(bundle: ModelBundle) -> Chart:
    """Observed against predicted rate in ten bins of the test rows."""
    return reliability_chart(reliability_frame(bundle.card.reliability_bins), "Calibration on the test rows")


def tiers_of(card: BundleCard) -> pd.DataFrame:
    """The reliability rows per tier; empty where there are none."""
    return pd.DataFrame([row for row in card.reliability if row["grouping"] == "tier"])


def calibration_part(bundle: ModelBundle) -> Part:
    """The plots, the level of each tier, and how the PD is made from the margin."""
    card, tiers = bundle.card, tiers_of(bundle.card)
    blocks: list[Block] = []
    if any(predicted > 0 for _, predicted, _ in card.reliability_bins):
        picture = to_svg(calibration_chart(bundle))
        blocks.append(Picture("calibration", picture, "Observed against predicted default rate in ten bins"))
    if len(tiers):
        picture = to_svg(tier_level_chart(tiers, "Level per tier on the test rows"))
        blocks.append(Picture("tiers", picture, "Observed rate and mean PD of each tier"))
        blocks.append(_tier_grid(tiers))
    return Part("Calibration", [*blocks, Words(_steps(card), points=True)])


def _tier_grid(tiers: pd.DataFrame) -> Grid:
    order = tiers.sort_values("mean_pd")["tier"].tolist()
    apart = neighbours_apart(tiers, order).set_index("worse")["p_value"]
    rows = [
        (
            str(row["tier"]),
            f"{row['rows']:,}",
            f"{row['defaults']:,}",
            f"{row['mean_pd']:.2%}",
            f"{row['observed']:.2%}",
            f"{row['low']:.2%} to {row['high']:.2%}",
            f"{row['jeffreys_p_overlap']:.3f}",
            figure(apart.get(row["tier"]), ".3f"),
        )
        for _, row in tiers.iterrows()
    ]
    columns = (
        "tier",
        "rows",
        "defaults",
        "mean PD",
        "observed",
        "95 % interval",
        "Jeffreys p (small: PD too low)",
        "Fisher p (small: worse than the tier before)",
    )
    return Grid(columns, rows)


def _steps(card: BundleCard) -> list[str]:
    calibration, choice = card.calibration, card.calibrator_choice
    tendency = calibration.central_tendency
    return [
        f"Calibrator {calibration.calibrator.kind}, fitted on {choice.rows:,} rows with {choice.defaults:,} defaults:"
        f" {choice.chosen_because}.",
        "Central tendency: none."
        if tendency is None
        else f"Central tendency: moved to {tendency.long_run_rate:.2%} from {tendency.observed_rate:.2%}.",
        f"Overlay: {calibration.overlay.scenario}, shift {calibration.overlay.shift:g} in log-odds.",
        f"Floor: {calibration.floor:.2%}.",
    ]


def ranking_charts(bundle: ModelBundle) -> dict[str, Chart]:
    """Gains and KS curves of the test rows, by name; those their outcomes allow."""
    p, y = bundle.test_rows.column("pd_12m").to_numpy(), bundle.test_rows.column("defaulted").to_numpy()
    if not y.any() or y.all():
        return {}
    return {
        "gains": gains_chart(gains_frame(p, y), "Gains on the test rows"),
        "ks_curves": ks_chart(ks_frame(p, y), "KS on the test rows"),
    }


def ranking_part(bundle: ModelBundle) -> Part:
    """Gains and KS curves, and the gains as a table."""
    charts = ranking_charts(bundle)
    if not charts:
        return Part("Ranking", [Words(["The test rows have outcomes of one kind only: nothing can be ranked."])])
    told = {"gains": "Share of defaults among the worst customers", "ks_curves": "PDs of defaults and of the others"}
    pictures = [Picture(name, to_svg(chart), told[name]) for name, chart in charts.items()]
    p, y = bundle.test_rows.column("pd_12m").to_numpy(), bundle.test_rows.column("defaulted").to_numpy()
    worst = y[np.argsort(-p, kind="stable")]
    rows = []
    for share in GAINS_AT:
        taken = worst[: max(1, round(share * len(worst)))]
        rows.append((f"{share:.0%}", f"{len(taken):,}", f"{taken.mean():.2%}", f"{taken.sum() / worst.sum():.1%}"))
    return Part("Ranking", [*pictures, Grid(("worst customers", "rows", "default rate", "of all defaults"), rows)])


def segments_part(bundle: ModelBundle) -> Part:
    """The test rows by segment, region, thin file and age band."""
    missing = missing_columns(bundle)
    if missing:
        words = f"Not shown: the test rows lack {', '.join(missing)}, as those of a flat table do."
        return Part("Segments", [Words([words])])
    words = (
        f"Groups of fewer than {FEWEST_ROWS} rows are taken together. The interval is Jeffreys' (95 %); AUC where both"
        f" outcomes have at least {FEWEST_OF_AN_OUTCOME} rows. Thin file is told by the months of account history, age"
        " by the year of birth."
    )
    columns = ("", "group", "rows", "defaults", "observed", "95 % interval", "mean PD", "AUC", "PD is")
    return Part("Segments", [Words([words]), Grid(columns, _segment_cells(segment_rows(bundle)), left=("group",))])


def _segment_cells(rows: list[SegmentRow]) -> list[tuple[str, ...]]:
    cells: list[tuple[str, ...]] = []
    before = ""
    for row in rows:
        cells.append(
            (
                row.grouping if row.grouping != before else "",
                row.group,
                f"{row.rows:,}",
                f"{row.defaults:,}",
                f"{row.observed:.2%}",
                f"{row.low:.2%} to {row.high:.2%}",
                f"{row.mean_pd:.2%}",
                figure(row.auc) if row.auc is not None else ABSENT,
                row.level,
            )
        )
        before = row.grouping
    return cells
