"""The limit of every customer: what they can afford, what the caps allow, and how fast it may move.

Belongs here: limits and their reasons. Does not belong here: whose money it is (``funding``).
"""

from tierline.limits.before import stamp_changes
from tierline.limits.decide import LimitContext, decide_limits
from tierline.limits.household import household_note

__all__ = ["LimitContext", "decide_limits", "household_note", "stamp_changes"]
