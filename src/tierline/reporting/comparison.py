"""Charts of two models, or of two nights, side by side.

Belongs here: what is drawn from the tables of ``comparison`` and of ``tiers.migration``. Does not belong here:
computing them.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from tierline.reporting.charts import HEIGHT, WIDTH, require_columns
from tierline.reporting.render import Chart

Axes = tuple[tuple[str, str], tuple[str, str]]
MODELS: Axes = (("champion_tier", "champion"), ("challenger_tier", "challenger"))
NIGHTS: Axes = (("before", "in the release before"), ("now", "tonight"))
_INK, _MUTED = "#1f5a94", "#9aa5b1"


def migration_chart(
    migration: pd.DataFrame, tiers: Sequence[str], title: str = "Tier migration", axes: Axes = MODELS
) -> Chart:
    """Customers by tier of the champion (rows) and of the challenger (columns), shaded by their share of the row.

    ``migration``: champion_tier, challenger_tier, customers, or the columns that ``axes`` names for rows and columns;
    ``tiers``: all of them, best first.
    """
    (row_name, row_title), (column_name, column_title) = axes
    require_columns(migration, (row_name, column_name, "customers"))
    row = migration.groupby(row_name)["customers"].transform("sum")
    data = migration.assign(share=(migration["customers"] / row.where(row > 0, 1)))
    base = alt.Chart(data).encode(
        x=alt.X(f"{column_name}:N", title=column_title, sort=list(tiers), axis=alt.Axis(labelAngle=0)),
        y=alt.Y(f"{row_name}:N", title=row_title, sort=list(tiers)),
    )
    shade = alt.Color("share:Q", legend=None, scale=alt.Scale(scheme="blues", domain=[0, 1]))
    cells = base.mark_rect().encode(color=shade)
    ink = alt.condition("datum.share > 0.5", alt.value("white"), alt.value("black"))
    words = base.mark_text(fontSize=11).encode(text=alt.Text("customers:Q", format=","), color=ink)
    return alt.layer(cells, words).properties(title=title, width=WIDTH, height=HEIGHT)


def difference_chart(figures: pd.DataFrame, title: str = "Challenger minus champion") -> Chart:
    """The difference of each figure with its 95 % interval; an interval that holds 0 decides nothing.

    ``figures``: measure, difference, low, high; each measure on an axis of its own.
    """
    require_columns(figures, ("measure", "difference", "low", "high"))
    base = alt.Chart(figures).encode(y=alt.Y("measure:N", title=None, axis=None))
    bars = base.mark_rule(color=_INK).encode(x=alt.X("low:Q", title=None), x2="high:Q")
    points = base.mark_point(filled=True, color=_INK, size=60, opacity=1).encode(x="difference:Q")
    zero = alt.Chart(figures).mark_rule(color=_MUTED, strokeDash=[4, 4]).encode(x=alt.datum(0))
    chart: Chart = (
        alt.layer(zero, bars, points)
        .properties(width=WIDTH, height=40)
        .facet(row=alt.Row("measure:N", title=None, sort=figures["measure"].tolist()))
        .resolve_scale(x="independent", y="independent")
        .properties(title=title)
    )
    return chart
