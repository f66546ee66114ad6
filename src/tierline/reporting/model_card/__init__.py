"""The model card: everything a reader must know of a bundle before using it, from the bundle alone.

Belongs here: the card as Markdown and HTML, and writing both. Does not belong here: computing a figure at training, or
deciding which model is used.
"""

from tierline.reporting.model_card.card import card_page, write_model_card
from tierline.reporting.model_card.judgement import calibration_chart, ranking_charts, tiers_of
from tierline.reporting.model_card.segments import SegmentRow, segment_rows
from tierline.reporting.page import to_html, to_markdown

__all__ = [
    "SegmentRow",
    "calibration_chart",
    "card_page",
    "ranking_charts",
    "segment_rows",
    "tiers_of",
    "to_html",
    "to_markdown",
    "write_model_card",
]
