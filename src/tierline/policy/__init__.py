"""Policy as data: profiles, the entry in force on a date, and the typed numbers the decisions take.

Belongs here: reading and checking a profile. Does not belong here: applying it.
"""

from tierline.policy.cap import glide_in_force
from tierline.policy.load import load_policy, require_in_force
from tierline.policy.model import FundingPolicy, LimitPolicy, Policy, PricingPolicy, ScalePolicy

__all__ = [
    "FundingPolicy",
    "LimitPolicy",
    "Policy",
    "PricingPolicy",
    "ScalePolicy",
    "glide_in_force",
    "load_policy",
    "require_in_force",
]
