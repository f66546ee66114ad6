"""Watching the book: loan state, quality of the portfolio, drift, early warning.

Belongs here: figures about loans already out and about how far tonight's customers are from the model's training
sample. Does not belong here: decisions about customers (``tiers``, ``limits``), charts (``reporting``).
"""

from tierline.monitoring.book import loan_state, previous_month_end
from tierline.monitoring.drift import drift_frame
from tierline.monitoring.quality import portfolio_quality
from tierline.monitoring.thresholds import Thresholds, load_thresholds
from tierline.monitoring.watch import watch_list

__all__ = [
    "Thresholds",
    "drift_frame",
    "load_thresholds",
    "loan_state",
    "portfolio_quality",
    "previous_month_end",
    "watch_list",
]
