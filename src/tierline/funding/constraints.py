"""The published table of constraints: how much of each is used, and what one more unit would be worth.

Belongs here: rules in words, with shadow prices. Does not belong here: computing either (``ledger``, ``programme``).
"""

from __future__ import annotations

from datetime import date

import pandas as pd
import pyarrow as pa

from tierline.funding.ledger import Use
from tierline.funding.programme import Plan, Programme
from tierline.parquet import conform
from tierline.schemas import PUBLISHED

_EN = {
    "partner_commitment": "one more yuan of {m}'s commitment",
    "partner_tier1": "one more yuan of what {m} may carry of its tier-1 capital",
    "partner_joint": "one more yuan of what {m} may carry as joint loans",
    "partner_share": "one more percentage point for {m}'s part of all limits",
    "leverage": "one more yuan that the lender may carry itself",
    "capital": "one more yuan of the capital budget",
    "region_share": "one more percentage point for region {m}",
    "industry_share": "one more percentage point for industry {m}",
    "scenario_share": "one more percentage point for scenario {m}",
    "expected_loss": "one more percentage point of expected loss",
    "inclusive": "one percentage point less for sole proprietors",
}
_ZH = {
    "partner_commitment": "合作方{m}承诺额度每增加1元",
    "partner_tier1": "合作方{m}一级资本占比上限每增加1元",
    "partner_joint": "合作方{m}联合贷款上限每增加1元",
    "partner_share": "合作方{m}占全部额度的上限每提高1个百分点",
    "leverage": "自有资金承担上限每增加1元",
    "capital": "资本预算每增加1元",
    "region_share": "地区{m}占比上限每提高1个百分点",
    "industry_share": "行业{m}占比上限每提高1个百分点",
    "scenario_share": "场景{m}占比上限每提高1个百分点",
    "expected_loss": "预期损失率上限每提高1个百分点",
    "inclusive": "普惠占比下限每降低1个百分点",
}
POINT = 0.01


def constraints_table(uses: list[Use], programme: Programme, plan: Plan, as_of: date, policy_id: str) -> pa.Table:
    """One row per rule and member; returns the published table ``portfolio_constraints``.

    ``used`` is what the night's limits use, not the relaxed plan. The shadow price is yuan of yearly profit per yuan of
    a money bound, and per percentage point of a share: there the row's dual times a hundredth of all limits.
    """
    prices = {
        (rule.constraint, rule.member): float(dual) * (plan.total * POINT if rule.is_share else 1.0)
        for rule, dual in zip(programme.rules, plan.duals, strict=True)
    }
    rows = []
    for use in uses:
        unit = 1.0 if use.is_share else 100.0
        price = prices.get((use.constraint, use.member), 0.0)
        used, bound = use.used / unit, use.bound / unit
        slack = used - bound if use.constraint == "inclusive" else bound - used
        rows.append((as_of, use.constraint, use.member, bound, used, slack, price, *_words(use, price), policy_id))
    frame = pd.DataFrame(rows, columns=list(_CONTRACT.column_names))
    return conform(pa.Table.from_pandas(frame, schema=_CONTRACT.arrow_schema, preserve_index=False), _CONTRACT)


_CONTRACT = PUBLISHED["portfolio_constraints"]


def _words(use: Use, price: float) -> tuple[str, str]:
    worth = f"{price:,.4f}" if price < 1 else f"{price:,.0f}"
    return (
        f"{_EN[use.constraint].format(m=use.member)} is worth {worth} yuan a year",
        f"{_ZH[use.constraint].format(m=use.member)}，年利润增加{worth}元",
    )
