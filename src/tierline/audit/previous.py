"""Rules that tie a night to the release before it.

Belongs here: what tonight's tables say of the release before. Does not belong here: who may fund a loan that is out
(``audit.keeping``).
"""

from __future__ import annotations

from tierline.audit.finding import Finding
from tierline.audit.night import Night, beside


def audit_previous(night: Night) -> list[Finding]:
    """``previous_limit`` is the limit of the release before, and null for a customer that does not stand there."""
    if not night.has("credit_limits") or "credit_limits" not in night.previous:
        return []
    limits, before = night.tables["credit_limits"], night.previous["credit_limits"].frame
    said, was = limits.frame["previous_limit"], beside(limits.frame, before, ["credit_limit"])["credit_limit"]
    same = (said == was) | (said.isna() & was.isna())
    must = "previous_limit must be the limit of the release before"
    shown = limits.with_frame(limits.frame.assign(previous_release=was / 100))
    return shown.judge("previous_limit", same, must, ["previous_limit", "previous_release"])
