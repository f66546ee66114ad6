"""Models, their log and a comparison, in tables a person can read.

Belongs here: figures as text. Does not belong here: printing them (``console``) or computing them (``comparison``).
"""

from __future__ import annotations

import pandas as pd

from tierline.challengers import Comparison
from tierline.errors import TierlineError
from tierline.home import Home
from tierline.models import Registry, RegistryEntry
from tierline.models.bundle import load_bundle
from tierline.summary import Row, Section

ABSENT = "–"
FIGURES = ("measure", "champion", "challenger", "difference", "95 % interval", "speaks for")
CALIBRATION = ("tier", "rows", "mean PD", "defaulted", "rows", "mean PD", "defaulted", "difference of gaps")


def models_table(home: Home) -> Section:
    """Every registered bundle with its out-of-time figures; one that is damaged says so instead."""
    rows = [_model_row(home, entry) for entry in Registry(home.models).entries()]
    columns = ("model", "role", "trained", "author", "AUC", "Gini", "log-loss", "slope", "champion from")
    return Section("models", columns, rows)


def log_table(home: Home) -> Section:
    """What was decided of which model, by whom and why, oldest first."""
    rows = [
        (str(event.on), event.event, event.model_id, event.who, str(event.champion_from or ABSENT), event.why)
        for event in Registry(home.models).log()
    ]
    return Section("log of the register", ("day", "event", "model", "who", "champion from", "why"), rows)


def comparison_tables(comparison: Comparison) -> list[Section]:
    """Figures on outcomes where there are any, migration of tiers, and the customers that move most."""
    sections = []
    if comparison.outcomes is not None:
        outcomes = comparison.outcomes
        title = f"on {outcomes.rows:,} rows of {outcomes.customers:,} customers, {outcomes.defaults:,} defaults"
        sections.append(Section(title, FIGURES, [_figure_row(row) for _, row in outcomes.figures.iterrows()]))
        title = "calibration per tier: champion, then challenger"
        sections.append(Section(title, CALIBRATION, [_tier_row(row) for _, row in outcomes.calibration.iterrows()]))
    return [*sections, _migration(comparison.book.migration), _movers(comparison.book.movers)]


def comparison_lines(comparison: Comparison) -> list[str]:
    """What the tables do not say: how far the PDs differ, who is swapped, and what could not be compared."""
    book = comparison.book
    return [
        f"{comparison.challenger} against the champion {comparison.champion}, night of {comparison.as_of}",
        f"  PSI of the PD {book.psi.psi:.4f} (p {book.psi.p_value:.3f}); of {book.customers:,} customers"
        f" {len(book.changes):,} change tier, {book.swapped['in']:,} would be newly accepted,"
        f" {book.swapped['out']:,} newly refused",
        *(f"  note: {note}" for note in comparison.notes),
    ]


def _model_row(home: Home, entry: RegistryEntry) -> Row:
    try:
        metrics = load_bundle(home.models / entry.model_id).card.metrics
        figures = [f"{metrics[name]:.3f}" for name in ("auc", "gini")]
        figures += [f"{metrics['log_loss']:.4f}", f"{metrics['calibration_slope']:.2f}"]
    except (TierlineError, ValueError):  # damaged, or of another version of the card: the list must still be readable
        figures = ["damaged", ABSENT, ABSENT, ABSENT]
    trained = str(entry.trained_as_of)
    return (entry.model_id, entry.role, trained, entry.trained_by, *figures, str(entry.champion_from or ABSENT))


def _figure_row(row: pd.Series) -> Row:
    interval = f"[{row['low']:+.4f}, {row['high']:+.4f}]"
    values = (f"{row['champion']:.4f}", f"{row['challenger']:.4f}", f"{row['difference']:+.4f}")
    return (str(row["measure"]), *values, interval, str(row["verdict"]))


def _tier_row(row: pd.Series) -> Row:
    cells = [str(row["tier"])]
    for side in ("champion", "challenger"):
        cells += [f"{row[f'{side}_rows']:,}", _percent(row[f"{side}_pd"]), _percent(row[f"{side}_rate"])]
    known = pd.notna(row["difference"]) and pd.notna(row["low"])
    gap = f"{row['difference']:+.2%} [{row['low']:+.2%}, {row['high']:+.2%}]" if known else ABSENT
    return (*cells, gap)


def _percent(value: float) -> str:
    return ABSENT if pd.isna(value) else f"{value:.2%}"


def _migration(migration: pd.DataFrame) -> Section:
    tiers = list(dict.fromkeys(migration["champion_tier"]))
    counts = migration.pivot_table(index="champion_tier", columns="challenger_tier", values="customers")
    rows = [(tier, *(f"{counts.loc[tier, other]:,.0f}" for other in tiers)) for tier in tiers]
    return Section("tonight's tiers: champion down, challenger across", ("", *tiers), rows)


def _movers(movers: pd.DataFrame) -> Section:
    rows = [
        (
            str(row["customer_key"]),
            f"{row['champion_tier']} → {row['challenger_tier']}",
            f"{row['champion_pd']:.2%}",
            f"{row['challenger_pd']:.2%}",
            f"{row['log_odds']:+.2f}",
        )
        for _, row in movers.head(5).iterrows()
    ]
    columns = ("customer", "tier", "champion PD", "challenger PD", "log-odds")
    return Section("customers that move most", columns, rows)
