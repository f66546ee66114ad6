"""What a borrower is shown, against schedules paid month by month."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from unit.policy.profiles import packaged_policy, policy_with

from tierline.pricing import FundingCosts, disclosure_table, price_grid

DAY = date(2026, 8, 1)
COSTS = FundingCosts(own=0.05, partner=0.03)
CHINESE = re.compile("[\u4e00-\u9fff]")
Row = dict[str, Any]


def shown(day: date = DAY) -> tuple[dict[tuple[str, int], Row], list[Row]]:
    prices = price_grid(packaged_policy(day), day, COSTS)
    table = disclosure_table(prices, packaged_policy(day), day)
    return {(row["tier"], row["term_months"]): row for row in prices.to_pylist()}, table.to_pylist()


def interest_paid(principal: float, rate: float, term: int) -> float:
    """All interest of equal instalments: the instalment from discount factors, then month by month."""
    instalment = principal / sum((1 + rate / 12) ** -month for month in range(1, term + 1))
    owed, interest = principal, 0.0
    for _ in range(term):
        month = owed * rate / 12
        interest += month
        owed += month - instalment
    assert abs(owed) < 1e-6
    return interest


def test_interest_is_what_the_schedule_pays() -> None:
    prices, rows = shown()
    interest = [row for row in rows if row["item"] == "interest"]
    assert len(interest) == len(prices)
    for row in interest:
        price = prices[row["tier"], row["term_months"]]
        expected = interest_paid(10_000, price["annual_rate"], row["term_months"])
        assert abs(float(row["amount"]) - expected) <= 0.005 + 1e-9
        assert row["principal"] == Decimal("10000.00")
        assert row["annualised_all_in"] == pytest.approx(price["annual_rate"], abs=1e-9)


def test_breach_is_half_as_much_again_but_never_above_the_cap() -> None:
    prices, rows = shown()
    for row in (row for row in rows if row["item"] == "breach"):
        rate = min(prices[row["tier"], row["term_months"]]["annual_rate"] * 1.5, 0.24)
        assert abs(float(row["amount"]) - 10_000 * rate / 365) <= 0.005 + 1e-9
        assert row["standard"] == f"{rate:.2%} a year"
        assert f"{rate:.2%}" in row["text_en"]
        assert f"{rate:.2%}" in row["text_zh"]


def test_only_offers_are_disclosed_each_with_interest_and_breach() -> None:
    prices, rows = shown(date(2028, 1, 1))
    offered = {cell for cell, price in prices.items() if price["offered"]}
    assert offered
    assert len(offered) < len(prices)
    items = sorted((row["tier"], row["term_months"], row["item"]) for row in rows)
    assert items == sorted((*cell, item) for cell in offered for item in ("breach", "interest"))


def test_every_line_is_in_both_languages_with_its_figures() -> None:
    prices, rows = shown()
    for row in rows:
        assert CHINESE.search(row["text_zh"])
        assert not CHINESE.search(row["text_en"])
        assert str(row["amount"]) in row["text_en"]
        assert str(row["amount"]) in row["text_zh"]
        rate = prices[row["tier"], row["term_months"]]["annual_rate"]
        if row["item"] == "interest":
            assert f"{rate:.2%}" in row["text_en"]
            assert f"{rate:.2%}" in row["text_zh"]
        assert row["no_other_charges"]
        assert row["charging_party"]


@pytest.mark.parametrize(
    ("day", "rule"), [(date(2026, 7, 31), "house disclosure"), (DAY, "个人贷款业务明示综合融资成本规定")]
)
def test_the_rule_is_the_one_in_force(day: date, rule: str) -> None:
    assert {row["rule"].startswith(rule) for row in shown(day)[1]} == {True}


def test_where_nothing_is_offered_nothing_is_disclosed(tmp_path: Path) -> None:
    policy = policy_with(tmp_path, DAY, {"pricing.price_cap": 0.03, "pricing.rate_floor": 0.0})
    prices = price_grid(policy, DAY, COSTS)
    assert not any(prices.column("offered").to_pylist())
    assert disclosure_table(prices, policy, DAY).num_rows == 0


def test_another_example_is_shown_in_full(tmp_path: Path) -> None:
    policy = policy_with(tmp_path, DAY, {"pricing.example_principal": 1234.56})
    rows = disclosure_table(price_grid(policy, DAY, COSTS), policy, DAY).to_pylist()
    assert {row["principal"] for row in rows} == {Decimal("1234.56")}
    assert all("1234.56" in row["text_en"] for row in rows if row["item"] == "interest")
