"""Rules of ``funding_allocation`` over the whole book: what each funder carries in all.

Belongs here: a partner's commitment and concentration, the lender's leverage. Does not belong here: single loans
(``audit.funding``).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from tierline.audit.finding import Finding, finding
from tierline.audit.night import OWN, Night

_TABLE = "funding_allocation"


def audit_capacity(night: Night) -> list[Finding]:
    """Judge the totals of ``funding_allocation``; money is exact."""
    if not night.has(_TABLE):
        return []
    frame = night.tables[_TABLE].frame
    totals = {str(funder): int(total) for funder, total in frame.groupby("funder_id")["amount"].sum().items()}
    known = sorted(set(totals) & set(night.partners))
    rules: dict[str, list[str]] = {"commitment": [], "tier1_share": [], "joint_loan_share": []}
    for partner in known:
        for rule, (carried, most) in _room(night, night.partners[partner], totals[partner]).items():
            if carried > most:
                rules[rule].append(f"{partner} carries {float(carried):.2f} of at most {float(most):.2f}")
    found = [
        finding(rule, _TABLE, len(lines), f"{_MUST[rule]}; {len(lines)} partners exceed it, first {lines[0]}")
        for rule, lines in rules.items()
        if lines
    ]
    return [*found, *_leverage(night, totals.get(OWN, 0))]


_MUST = {
    "commitment": "allocated and drawn must stay within the partner's commitment",
    "tier1_share": "allocated and drawn must stay within the partner's share of net tier-1 capital",
    "joint_loan_share": "allocated and joint loans must stay within the partner's share of all loans",
}


def _room(night: Night, partner: Mapping[str, object], total: int) -> dict[str, tuple[Fraction, Fraction]]:
    """Per rule what the partner carries and the most it may, yuan."""
    new = Fraction(total, 100)
    yuan = {
        name: Fraction(str(partner[name]))
        for name in ("commitment", "drawn", "net_tier1_capital", "joint_loan_balance", "total_loans")
    }
    tier1 = night.profile.exact("funding.partner_tier1_cap") * yuan["net_tier1_capital"]
    joint = night.profile.exact("funding.partner_joint_cap") * yuan["total_loans"]
    return {
        "commitment": (yuan["drawn"] + new, yuan["commitment"]),
        "tier1_share": (yuan["drawn"] + new, tier1),
        "joint_loan_share": (yuan["joint_loan_balance"] + new, joint),
    }


def _leverage(night: Night, own: int) -> list[Finding]:
    if night.net_assets is None:
        return []
    profile = night.profile
    times = 1 + profile.exact("funding.non_standard_leverage") + profile.exact("funding.standard_leverage")
    most = times * night.net_assets
    if own <= most:
        return []
    text = (
        f"the lender's own part must stay within {float(times):g} times net assets,"
        f" {float(most) / 100:.2f}; {OWN} carries {own / 100:.2f}"
    )
    return [finding("leverage", _TABLE, 1, text)]
