"""The table of portfolio constraints by plain loops over customers, with decimals and SciPy's normal distribution."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from scipy.stats import norm

Row = dict[str, Any]
CENT = Decimal("0.01")


def basel(pd_12m: float, lgd: float = 0.5, r: float = 0.04) -> float:
    p = max(pd_12m, 0.0005)
    return lgd * (float(norm.cdf((norm.ppf(p) + math.sqrt(r) * norm.ppf(0.999)) / math.sqrt(1 - r))) - p)


def others(amount: Decimal) -> Decimal:
    """What is left of an amount beside the lender's 30 %, whose odd cent is the lender's."""
    return amount - (amount * Decimal("0.3")).quantize(CENT, rounding="ROUND_CEILING")


def out_of(key: str, limit: Decimal, drawn: Decimal, amount: Decimal, before: list[Row]) -> Decimal:
    """What the partner carries of the loan that is out."""
    stood = [row for row in before if row["customer_key"] == key]
    if drawn == 0:
        return Decimal(0)
    if not stood:
        return min(amount, others(min(drawn, limit)))
    theirs = sum((row["amount"] for row in stood if row["funder_id"] != "OWN"), Decimal(0))
    whole = sum((row["amount"] for row in stood), Decimal(0))
    return min(theirs, others(min(drawn, whole)), others(limit))


def constraints_by_hand(night: Any) -> list[Row]:
    """Rows without ``as_of`` and ``policy_id``; the policy's numbers are the packaged ones unless replaced."""
    facts = {row["customer_key"]: row for row in night.inputs}
    limits = {r["customer_key"]: r["credit_limit"] for r in night.tables["credit_limits"] if r["credit_limit"] > 0}
    total = sum(limits.values(), Decimal(0))
    own: dict[str, Decimal] = {}
    new: dict[str, Decimal] = {}
    theirs: dict[str, Decimal] = {}
    guaranteed = dict.fromkeys(limits, 0.0)  # yuan of the limit whose first losses are the lender's
    share = {p["partner_id"]: p.get("first_loss_share") or 0.0 for p in night.partners or []}
    for row in night.tables["funding_allocation"]:
        key, amount = row["customer_key"], row["amount"]
        if key not in limits:
            continue
        if row["funder_id"] == "OWN":
            own[key] = amount
            continue
        out = out_of(key, limits[key], facts[key]["drawn_balance"], amount, night.before)
        new[row["funder_id"]] = new.get(row["funder_id"], Decimal(0)) + max(amount - out, Decimal(0))
        guaranteed[key] += share.get(row["funder_id"], 0.0) * float(amount)
        theirs[row["funder_id"]] = theirs.get(row["funder_id"], Decimal(0)) + amount
    rows = []
    for p in night.partners or []:
        name, more = p["partner_id"], new.get(p["partner_id"], Decimal(0))
        rows.append(_row("partner_commitment", name, p["drawn"] + more, p["commitment"]))
        rows.append(_row("partner_tier1", name, p["drawn"] + more, _down(p["net_tier1_capital"] / 4)))
        rows.append(_row("partner_joint", name, p["joint_loan_balance"] + more, _down(p["total_loans"] / 2)))
        rows.append(
            _row("partner_share", name, _part(theirs.get(name), total), night.policy_number("partner_share_cap"))
        )
    for rule, fact in (("region", "region_code"), ("industry", "industry_code"), ("scenario", "scenario_id")):
        of: dict[str, Decimal] = {}
        for key, limit in limits.items():
            member = facts[key].get(fact)
            if member is not None:
                of[member] = of.get(member, Decimal(0)) + limit
        cap = night.policy_number(f"{rule}_share_cap")
        rows += [_row(f"{rule}_share", member, _part(used, total), cap) for member, used in of.items()]
    loss = required = 0.0
    for key, limit in limits.items():
        lent = min(limit, facts[key]["drawn_balance"])
        exposure = float(lent) + 0.5 * float(limit - lent)
        loss += facts[key]["pd_12m"] * 0.5 * exposure
        tied = basel(facts[key]["pd_12m"]) * float(own.get(key, 0)) + guaranteed[key]
        required += exposure * tied / float(limit)
    rows.append(
        _row("expected_loss", "book", loss / (float(total) or 1.0), night.policy_number("expected_loss_budget"))
    )
    sole = sum((limit for key, limit in limits.items() if facts[key]["segment"] == "sole_proprietor"), Decimal(0))
    rows.append(_row("inclusive", "book", _part(sole, total), night.policy_number("inclusive_floor"), least=True))
    positions = [row for row in night.position or [] if row["as_of"] <= night.as_of]
    if positions:
        assets = max(positions, key=lambda row: row["as_of"])["net_assets"]
        rows.append(_row("leverage", "book", sum(own.values(), Decimal(0)), 6 * assets))
        rows.append(_row("capital", "book", required, night.policy_number("capital_budget") * float(assets)))
    return rows


def _part(amount: Decimal | None, total: Decimal) -> float:
    return float(amount / total) if amount and total else 0.0


def _down(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding="ROUND_FLOOR")


def _row(constraint: str, member: str, used: Any, bound: Any, least: bool = False) -> Row:
    left = float(used) - float(bound)
    row = {"constraint": constraint, "member": member, "used": float(used), "bound": float(bound)}
    return row | {"slack": left if least else -left, "shadow_price": 0.0, "text_en": "text", "text_zh": "text"}
