"""Charts of a what-if, of stress and of the frontier. Words are English (``charts``).

Belongs here: what is drawn from which columns. Does not belong here: file formats (``render``).
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from tierline.reporting.charts import HEIGHT, WIDTH, require_columns
from tierline.reporting.render import Chart

_BEFORE, _AFTER = "#9aa5b1", "#1f5a94"


def before_after_chart(figures: pd.DataFrame, dimension: str, metric: str, title: str) -> Chart:
    """Bars before and after side by side, one pair per member.

    ``figures``: dimension, member, metric, before, after, as a what-if writes them. Raises ``ValueError`` where the
    dimension has no such metric.
    """
    rows = figures[(figures["dimension"] == dimension) & (figures["metric"] == metric)]
    require_columns(rows, ("member", "before", "after"))
    tall = rows.melt(id_vars=["member"], value_vars=["before", "after"], var_name="side", value_name="value")
    chart: Chart = (
        alt.Chart(tall.assign(member=tall["member"].replace("", "own only")))
        .mark_bar()
        .encode(
            x=alt.X("member:N", title=dimension, axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("side:N", sort=["before", "after"]),
            y=alt.Y("value:Q", title=metric.replace("_", " ")),
            color=alt.Color("side:N", title=None, scale=alt.Scale(domain=["before", "after"], range=[_BEFORE, _AFTER])),
        )
        .properties(title=title, width=WIDTH, height=HEIGHT)
    )
    return chart


def stress_chart(stress: pd.DataFrame, title: str) -> Chart:
    """Profit by scenario beside the night as it is; ``stress``: scenario, profit (yuan a year)."""
    require_columns(stress, ("scenario", "profit"))
    chart: Chart = (
        alt.Chart(stress)
        .mark_bar(color=_AFTER)
        .encode(
            y=alt.Y("scenario:N", title=None, sort=stress["scenario"].tolist(), axis=alt.Axis(labelLimit=220)),
            x=alt.X("profit:Q", title="risk-adjusted profit, yuan a year"),
        )
        .properties(title=title, width=WIDTH, height=HEIGHT)
    )
    return chart


def frontier_chart(frontier: pd.DataFrame, title: str) -> Chart:
    """Profit against volume along the efficient frontier; ``frontier``: exposure, profit (yuan), raroc (fraction)."""
    require_columns(frontier, ("exposure", "profit", "raroc"))
    base = alt.Chart(frontier).encode(
        x=alt.X("exposure:Q", title="limits in all, yuan", scale=alt.Scale(zero=False)),
        y=alt.Y("profit:Q", title="risk-adjusted profit, yuan a year", scale=alt.Scale(zero=False)),
    )
    line = base.mark_line(color=_BEFORE)
    points = base.mark_point(filled=True, opacity=1, size=60).encode(
        color=alt.Color("raroc:Q", title="RAROC", legend=alt.Legend(format="%"))
    )
    return alt.layer(line, points).properties(title=title, width=WIDTH, height=HEIGHT)
