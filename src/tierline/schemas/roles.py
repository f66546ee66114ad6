"""The roles a transaction category may have: what features understand of a lender's own words.

Belongs here: the roles. Does not belong here: any lender's vocabulary (``sources``).
"""

from __future__ import annotations

ROLES = (
    "income",
    "own_transfer",
    "loan_flow",
    "cash",
    "gambling",
    "essential",
    "discretionary",
    "refund",
    "fee",
    "other",
)
