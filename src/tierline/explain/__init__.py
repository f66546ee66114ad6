"""Explaining one customer on request: what their PD rests on, and the smallest change that would move the tier.

Belongs here: contributions of one customer, what can be changed, and the search. Does not belong here: the reasons
published for every customer (``scoring``), or any decision.
"""

from tierline.explain.book import Contribution, beside_book
from tierline.explain.changeable import Changeable, load_changeable
from tierline.explain.customer import Change, Explanation, Move, Standing, Step, change_of_tier, explain_customer

__all__ = [
    "Change",
    "Changeable",
    "Contribution",
    "Explanation",
    "Move",
    "Standing",
    "Step",
    "beside_book",
    "change_of_tier",
    "explain_customer",
    "load_changeable",
]
