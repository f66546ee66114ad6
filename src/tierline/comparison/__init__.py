"""Champion and challenger side by side: on tonight's book, and on rows whose outcome is known.

Belongs here: figures of two models on the same rows. Does not belong here: scoring (``scoring``), choosing the champion
(``models``), charts (``reporting``).
"""

from tierline.comparison.book import BookComparison, BookSide, compare_books
from tierline.comparison.outcomes import Judged, OutcomeComparison, common_rows, compare_outcomes

__all__ = [
    "BookComparison",
    "BookSide",
    "Judged",
    "OutcomeComparison",
    "common_rows",
    "compare_books",
    "compare_outcomes",
]
