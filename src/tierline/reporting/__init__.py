"""Charts, drawn once and used both in Dagster metadata and in reports.

Belongs here: Altair charts as pure functions of small frames, and turning them into SVG, PNG and Markdown. Does not
belong here: computing what is drawn (``training``, ``monitoring``).
"""

from tierline.reporting.charts import (
    gains_chart,
    reliability_chart,
    roc_chart,
    score_bands,
    score_histogram,
    tier_distribution_chart,
)
from tierline.reporting.comparison import NIGHTS, difference_chart, migration_chart
from tierline.reporting.render import markdown_image, to_png, to_svg

__all__ = [
    "NIGHTS",
    "difference_chart",
    "gains_chart",
    "markdown_image",
    "migration_chart",
    "reliability_chart",
    "roc_chart",
    "score_bands",
    "score_histogram",
    "tier_distribution_chart",
    "to_png",
    "to_svg",
]
