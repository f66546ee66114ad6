"""What each constraint is worth: the published table ``portfolio_constraints``.

Belongs here: bounds, use, slack and shadow prices with their words. Does not belong here: solving.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tierline.funding.book import Floats, Ints
from tierline.funding.optimum import Night, Optimum
from tierline.funding.rules import Plan, Rule, totals_of, used_of
from tierline.parquet import conform
from tierline.policy.model import Currency
from tierline.schemas import PUBLISHED

_POINT = 0.01
_PARTNERS = ("partner_commitment", "partner_tier1", "partner_joint", "partner_share")
_EN = {
    "partner_commitment": "partner {}'s commitment",
    "partner_tier1": "partner {}'s share of its tier-1 capital",
    "partner_joint": "partner {}'s joint loans",
    "partner_share": "partner {}'s part of all limits",
    "region_share": "region {}'s part of all limits",
    "industry_share": "industry {}'s part of all limits",
    "scenario_share": "scenario {}'s part of all limits",
    "leverage": "what the lender may carry itself",
    "capital": "the capital budget",
    "expected_loss": "the expected loss budget",
    "inclusive": "the inclusive floor",
}
_ZH = {
    "partner_commitment": "合作银行{}的承诺额度",
    "partner_tier1": "合作银行{}的一级资本占比上限",
    "partner_joint": "合作银行{}的联合贷款上限",
    "partner_share": "合作银行{}占全部额度的上限",
    "region_share": "地区{}占全部额度的上限",
    "industry_share": "行业{}占全部额度的上限",
    "scenario_share": "场景{}占全部额度的上限",
    "leverage": "自有资金承担上限",
    "capital": "资本预算",
    "expected_loss": "预期损失预算",
    "inclusive": "普惠下限",
}


def duals(optimum: Optimum) -> dict[Rule, float]:
    """Yuan of yearly profit per yuan that a rule gives; only rules with a row in the programme."""
    found = zip(optimum.programme.rows, optimum.solution.dual, strict=True)
    return {row.rule: float(dual) for row, dual in found}


def constraints_table(as_of: date, night: Night, plan: Plan, optimum: Optimum) -> pa.Table:
    """``portfolio_constraints`` of a plan; prices are those of the programme over cells."""
    totals = totals_of(night.book, plan, night.lender, night.policy.funding)
    price = duals(optimum)
    rows = []
    for rule in night.rules:
        used, worth = used_of(rule, totals, night.lender), price.get(rule, 0.0)
        if rule.share is None:
            bound, used, unit = rule.bound / 100, used / 100, 1.0
        else:
            bound, used = float(rule.share), used / totals.limit if totals.limit else 0.0
            unit = optimum.limit * _POINT
        slack = used - bound if rule.least else bound - used
        text_en, text_zh = _words(rule, worth * unit, night.policy.currency)
        rows.append(
            {
                "as_of": as_of,
                "constraint": rule.constraint,
                "member": rule.member,
                "bound": bound,
                "used": float(used),
                "slack": slack,
                "shadow_price": worth * unit,
                "text_en": text_en,
                "text_zh": text_zh,
                "policy_id": night.policy.policy_id,
            }
        )
    contract = PUBLISHED["portfolio_constraints"]
    return conform(pa.Table.from_pylist(rows, schema=contract.arrow_schema), contract)


def _words(rule: Rule, price: float, money: Currency) -> tuple[str, str]:
    english, chinese = _EN[rule.constraint].format(rule.member), _ZH[rule.constraint].format(rule.member)
    if rule.share is None:
        unit_en, unit_zh, worth = money.en.removesuffix("s"), money.zh, f"{price:.4f}"
    else:
        unit_en, unit_zh, worth = "percentage point", "个百分点", f"{price:,.0f}"
    more_en, more_zh = (f"one {unit_en} less", "降低") if rule.least else (f"one more {unit_en}", "增加")
    if price <= 0:
        return (
            f"{more_en} of {english} is worth nothing: it does not bind",
            f"{chinese}每{more_zh}1{unit_zh}不增加利润：未起约束作用",
        )
    return (
        f"{more_en} of {english} is worth {worth} {money.en} a year",
        f"{chinese}每{more_zh}1{unit_zh}，每年利润增加{worth}{money.zh}",
    )


def binding_names(night: Night, optimum: Optimum, who: Ints) -> npt.NDArray[np.object_]:
    """Per customer the constraint that its limit costs most of, for ``binding_constraint`` of lowered limits.

    ``portfolio_return``: nothing binds it, it does not earn its cost; ``portfolio_rounding``: the last step to whole
    customers took it.
    """
    book = night.book
    best = np.zeros(len(who))
    name = np.where(book.margin[who] < 0, "portfolio_return", "portfolio_rounding").astype(object)
    for rule, price in sorted(duals(optimum).items(), key=lambda one: (one[0].constraint, one[0].member)):
        if price <= 0 or rule.constraint in _PARTNERS:
            continue
        cost = price * _weight(night, rule)[who]
        name[cost > best] = f"portfolio_{rule.constraint}"
        best = np.maximum(best, cost)
    return name


def _weight(night: Night, rule: Rule) -> Floats:
    """What a yuan of limit, all own money, uses of a rule."""
    book, ccf, share = night.book, night.policy.funding.ccf, float(rule.share or 0)
    if rule.constraint == "leverage":
        return np.ones(len(book))
    if rule.constraint == "capital":
        return ccf * book.capital
    if rule.constraint == "expected_loss":
        return ccf * book.loss - share
    if rule.constraint == "inclusive":
        return np.where(book.sole, share - 1, share)
    mine: Floats = (book.code[rule.constraint.removesuffix("_share")] == rule.index) - share
    return mine
