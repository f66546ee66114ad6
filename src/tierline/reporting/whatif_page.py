"""Pages of a what-if, of stress and of the frontier: charts and tables in one HTML file each.

Belongs here: what such a page shows. Does not belong here: computing it (``whatif``), the form of a page (``page``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tierline.home import replace_file
from tierline.reporting.page import Block, Grid, Page, Part, Picture, Words, to_html
from tierline.reporting.render import Chart, to_svg
from tierline.reporting.whatif_charts import before_after_chart, frontier_chart, stress_chart
from tierline.whatif import Difference, figure

CHARTS = (
    ("tier", "customers", "Customers with a limit, by tier"),
    ("tier", "exposure", "Limits by tier, yuan"),
    ("region", "exposure", "Limits by region, yuan"),
    ("partner", "exposure", "Limits by partner of the customer, yuan"),
    ("rate", "exposure", "Limits by annual rate, yuan"),
)


def whatif_page(path: Path, difference: Difference, policies: tuple[str, str], notes: Sequence[str]) -> Path:
    """Write ``index.html`` of a what-if into the directory ``path``; returns the file."""
    figures = difference.figures
    count = len(difference.customers)
    said = f"{count:,} customers are decided differently." if count else "No customer is decided differently."
    parts = [Part("What changes", [Words([f"{policies[0]} → {policies[1]}", said, *notes]), _grid(figures, "book")])]
    for dimension in ("tier", "segment", "region", "partner", "rate", "constraint"):
        pictures = [_picture(before_after_chart(figures, *chart), chart) for chart in CHARTS if chart[0] == dimension]
        parts.append(Part(f"By {dimension}", [*pictures, _changes(figures, dimension)]))
    return _write(path, Page(f"What-if: {policies[1]}", parts))


def _picture(chart: Chart, named: tuple[str, str, str]) -> Picture:
    return Picture(f"{named[0]}-{named[1]}", to_svg(chart), f"{named[2]}, before and after")


def _grid(figures: pd.DataFrame, dimension: str) -> Grid:
    rows = figures[figures["dimension"] == dimension]
    cells = [
        (
            str(row.member) or "own only",
            str(row.metric).replace("_", " "),
            *(figure(str(row.metric), float(str(value))) for value in (row.before, row.after, row.change)),
        )
        for row in rows.itertuples()
    ]
    return Grid((dimension, "figure", "before", "after", "change"), cells, left=("figure",))


def _changes(figures: pd.DataFrame, dimension: str) -> Block:
    rows = figures[(figures["dimension"] == dimension) & (figures["change"] != 0)]
    return Words(["Nothing changes."]) if rows.empty else _grid(rows, dimension)


def stress_page(path: Path, stress: pd.DataFrame) -> Path:
    """Write ``index.html`` of the scenarios into the directory ``path``; returns the file. ``stress``: its table."""
    chart = stress_chart(stress_bars(stress), "Profit under stress")
    parts = [Part("Profit", [Picture("stress-profit", to_svg(chart), "Profit by scenario", alone=True)])]
    for scenario, rows in stress.groupby("scenario", sort=False):
        cells = [
            (
                str(row.metric).replace("_", " "),
                *(_or_none(str(row.metric), v) for v in (row.before, row.after, row.change)),
            )
            for row in rows.itertuples()
        ]
        grid = Grid(("figure", "before", "after", "change"), cells)
        parts.append(Part(str(scenario).replace("_", " "), [Words([str(rows["note"].iloc[0])]), grid]))
    return _write(path, Page("Stress", parts))


def stress_bars(stress: pd.DataFrame) -> pd.DataFrame:
    """The frame ``stress_chart`` draws: profit as published and of every scenario with a plan."""
    profit = stress[stress["metric"] == "profit"]
    base = pd.DataFrame({"scenario": ["as published"], "profit": [profit["before"].iloc[0]]})
    bars = profit.dropna(subset=["after"]).rename(columns={"after": "profit"})[["scenario", "profit"]]
    return pd.concat([base, bars], ignore_index=True)


def _or_none(metric: str, value: object) -> str:
    number = float(str(value))
    return "no plan" if number != number else figure(metric, number)


def frontier_page(path: Path, frontier: pd.DataFrame) -> Path:
    """Write ``index.html`` of the frontier into the directory ``path``; returns the file. ``frontier``: its table."""
    chart = frontier_chart(frontier, "Efficient frontier of volume against return")
    cells = [
        (f"{row.exposure:,.0f}", f"{row.profit:,.0f}", f"{row.raroc:.2%}", f"{row.economic_capital:,.0f}")
        for row in frontier.itertuples()
    ]
    words = Words(["Each point is the most risk-adjusted profit at its volume of limits, with every rule kept."])
    grid = Grid(("limits in all", "profit a year", "RAROC", "economic capital"), cells)
    return _write(
        path,
        Page(
            "Frontier",
            [Part("Frontier", [words, Picture("frontier", to_svg(chart), "Profit against limits", alone=True), grid])],
        ),
    )


def _write(path: Path, page: Page) -> Path:
    target = path / "index.html"
    replace_file(target, to_html(page).encode())
    return target
