"""Rules of households in ``credit_limits``: what the members of one may have together.

Belongs here: sums over a household, from the published limits and the inputs. Does not belong here: caps of a single
customer (``audit.limits``), or who of a household should have given way.
"""

from __future__ import annotations

from math import floor

import pandas as pd

from tierline.audit.finding import Finding, Rows
from tierline.audit.night import Night, joined


def audit_households(night: Night) -> list[Finding]:
    """Judge what each household could owe: of each member the limit, or what is drawn where that is more.

    A household that is above a cap by what is drawn alone keeps it: then nobody may draw more. Inputs older than
    the column, and customers of whom no household is known, bind nobody.
    """
    if not night.has("credit_limits") or "household_key" not in night.inputs.frame:
        return []
    both = joined(night.tables["credit_limits"], night.inputs, ["household_key", "segment", "drawn_balance"])
    members = both.frame[both.frame["household_key"].notna()]
    consumers = members[members["segment"] == "consumer"]
    cap = night.profile.cents("limits.consumer_cap")
    found = _within(consumers, cap, "household_cap", "consumers of one household together")
    if night.net_assets is not None:
        most = floor(night.profile.exact("limits.related_share_of_net_assets") * night.net_assets)
        found += _within(members, most, "related_parties", "a household with all its members")
    return found


def _within(members: pd.DataFrame, most: int, rule: str, who: str) -> list[Finding]:
    owed = members[["credit_limit", "drawn_balance_other"]].max(axis=1)
    columns = {"household_key": members["household_key"], "credit_limit": members["credit_limit"]}
    table = pd.DataFrame({**columns, "could_owe": owed, "drawn": members["drawn_balance_other"]})
    sums = table.groupby("household_key", as_index=False).sum()
    holds = (sums["could_owe"] <= most) | (sums["could_owe"] <= sums["drawn"])
    shown = Rows("credit_limits", sums.assign(could_owe=sums["could_owe"] / 100), ("household_key",))
    must = f"{who} must have at most {most / 100:.2f}, unless that is drawn already"
    return shown.judge(rule, holds, must, ["could_owe", "credit_limit"])
