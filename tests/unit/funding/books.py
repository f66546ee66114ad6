"""Small books written out by hand for the portfolio, and plans read back as plain amounts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from unit.policy.profiles import policy_with

from tierline.funding import FundingInputs, FundingResult, fund_portfolio
from tierline.schemas import DECISION_INPUTS, LAKE, PUBLISHED

DAY = date(2026, 6, 30)
Row = dict[str, Any]
Previous = dict[str, dict[str, str]]
WIDE = {
    "funding.partner_share_cap": 1.0,
    "funding.region_share_cap": 1.0,
    "funding.industry_share_cap": 1.0,
    "funding.scenario_share_cap": 1.0,
    "funding.expected_loss_budget": 1.0,
    "funding.capital_budget": 10.0,
    "funding.inclusive_floor": 0.0,
}
"""Rules of the whole book that never bind; each test tightens the one it is about."""


def partner(partner_id: str = "P", **facts: Any) -> Row:
    """A national bank with room for everything."""
    row: Row = {"partner_id": partner_id, "licence": "national", "home_region": "310000", "regions": "*"}
    row |= {"net_tier1_capital": 10**9, "total_loans": 10**10, "joint_loan_balance": 0, "notice_days": 60}
    row |= {"commitment": 10**8, "drawn": 0, "expires_on": None, "accepted_tiers": "*", "cost_of_funds": 0.03}
    row |= {"first_loss_share": None}
    assert facts.keys() <= row.keys()
    return row | facts


def customer(key: str, limit: str = "1000.00", **facts: Any) -> Row:
    """A consumer of tier A with consent, nothing drawn and no limit before."""
    row: Row = {"customer_key": key, "tier": "A", "region_code": "110000", "consent_partner_sharing": True}
    row |= {"segment": "consumer", "pd_12m": 0.004, "industry_code": None, "scenario_id": None, "drawn": "0"}
    row |= {"previous_limit": None}
    assert facts.keys() <= row.keys()
    return row | facts | {"credit_limit": limit}


def fund(
    folder: Path,
    customers: list[Row],
    partners: list[Row] | None,
    net_assets: str | None = None,
    previous: Previous | None = None,
    **numbers: Any,
) -> FundingResult:
    """The portfolio of a book; ``previous``: amounts by customer and funder; ``numbers`` of ``funding`` by name."""
    policy = policy_with(folder, DAY, WIDE | {f"funding.{name}": value for name, value in numbers.items()})
    return fund_portfolio(given(customers, partners, net_assets, previous), policy)


def given(
    customers: list[Row], partners: list[Row] | None, net_assets: str | None = None, previous: Previous | None = None
) -> FundingInputs:
    return FundingInputs(
        as_of=DAY,
        limits=_limits(customers),
        inputs=_inputs(customers),
        prices=_prices(),
        partners=None if partners is None else _table(LAKE["funding_partners"].arrow_schema, partners),
        position=None if net_assets is None else _position(net_assets),
        previous_allocation=None if previous is None else _allocation(previous),
    )


def amounts(result: FundingResult) -> Previous:
    """Amount by customer and funder."""
    found: Previous = {}
    for row in result.allocation.to_pylist():
        found.setdefault(row["customer_key"], {})[row["funder_id"]] = str(row["amount"])
    return found


def constraint(result: FundingResult, name: str, member: str = "book") -> Row:
    """The one row of a constraint."""
    (row,) = [r for r in result.constraints.to_pylist() if (r["constraint"], r["member"]) == (name, member)]
    return row


def limit_row(result: FundingResult, key: str) -> Row:
    (row,) = [r for r in result.limits.to_pylist() if r["customer_key"] == key]
    return row


def _prices() -> pa.Table:
    """20 % for all tiers and terms, of which 2 % operating cost."""
    fixed = {"annual_rate": 0.2, "operating_cost": 0.02, "offered": True}
    return pa.Table.from_pylist([{"tier": tier, "term_months": term} | fixed for tier in "ABCDEFG" for term in (3, 12)])


def _limits(customers: list[Row]) -> pa.Table:
    fixed: Row = {"as_of": DAY, "action": "grant", "policy_arm": "policy", "action_reason": "FIRST_GRANT"}
    fixed |= {"binding_constraint": "affordability", "propensity": 1.0, "policy_id": "p"}
    rows = [row | fixed | {"drawn_balance": row["drawn"]} for row in customers]
    return _table(PUBLISHED["credit_limits"].arrow_schema, rows)


def _inputs(customers: list[Row]) -> pa.Table:
    fixed: Row = {"in_default": False, "thin_file": False, "declared_income_monthly": None, "dpd": 0}
    fixed |= {"income_recurring_monthly": None, "instalment_burden_monthly": 0, "max_dpd_90d": 0}
    fixed |= {"on_time_streak": 0, "months_on_book": 0}
    rows = [row | fixed | {"drawn_balance": row["drawn"]} for row in customers]
    return _table(DECISION_INPUTS.arrow_schema, rows)


def _position(net_assets: str) -> pa.Table:
    row: Row = {"as_of": DAY, "net_assets": net_assets, "standard_funding": 0, "non_standard_funding": 0}
    return _table(LAKE["lender_position"].arrow_schema, [row | {"cost_of_funds": 0.05}])


def _allocation(previous: Previous) -> pa.Table:
    fixed: Row = {"as_of": DAY, "share": 0.0, "policy_id": "p"}
    rows = [
        fixed | {"customer_key": key, "funder_id": funder, "amount": amount}
        for key, parts in previous.items()
        for funder, amount in parts.items()
    ]
    return _table(PUBLISHED["funding_allocation"].arrow_schema, rows)


def _table(schema: pa.Schema, rows: list[Row]) -> pa.Table:
    known: Row = {"known_on": DAY, "recorded_at": pa.scalar(DAY, pa.date32()).cast(pa.timestamp("us", "UTC")).as_py()}
    columns = {}
    for field in schema:
        values = [(known | row).get(field.name) for row in rows]
        if pa.types.is_decimal(field.type):
            values = [None if value is None else Decimal(str(value)).quantize(Decimal("0.01")) for value in values]
        columns[field.name] = pa.array(values, field.type)
    return pa.table(columns, schema=schema)
