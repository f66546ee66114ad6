"""Default, performance window, maturity: which rows may be learned from, and what they say.

Belongs here: the label specification and the labelled population. Does not belong here: features or splits.
"""

from tierline.labels.outcomes import application_population, customers_in_bad_outcome
from tierline.labels.performance import LabelCounts, LabelledPopulation, month_end_population
from tierline.labels.spec import LabelSpec

__all__ = [
    "LabelCounts",
    "LabelSpec",
    "LabelledPopulation",
    "application_population",
    "customers_in_bad_outcome",
    "month_end_population",
]
