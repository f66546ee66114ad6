"""What a borrower is shown, against schedules paid month by month."""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from unit.policy.profiles import packaged_policy, policy_with

from tierline.policy import load_policy
from tierline.pricing import FundingCosts, disclosure_table, price_grid

DAY = date(2026, 8, 1)
COSTS = FundingCosts(own=0.05, partner=0.03)
CAP = 0.21  # 24 % less two quarters of the glide to 12 %
ITEMS = ("principal", "interest", "annualised_all_in", "breach", "no_other_charges")
CHINESE = re.compile("[\u4e00-\u9fff]")
Row = dict[str, Any]


def shown(day: date = DAY) -> tuple[dict[tuple[str, int], Row], list[Row]]:
    prices = price_grid(packaged_policy(day), day, COSTS)
    table = disclosure_table(prices, packaged_policy(day), day)
    return {(row["tier"], row["term_months"]): row for row in prices.to_pylist()}, table.to_pylist()


def interest_paid(rate: float, term: int) -> Decimal:
    """Interest on 10,000 paid in whole cents: month by month in decimals, the last month takes the rest."""
    cent, owed, interest = Decimal("0.01"), Decimal(10_000), Decimal(0)
    instalment = Decimal(10_000 / sum((1 + rate / 12) ** -month for month in range(1, term + 1)))
    instalment = instalment.quantize(cent, ROUND_HALF_UP)
    for month in range(1, term + 1):
        due = (owed * Decimal(str(rate)) / 12).quantize(cent, ROUND_HALF_UP)
        interest += due
        owed -= (instalment - due) if month < term else owed
    return interest


def test_interest_is_what_is_paid_to_the_cent() -> None:
    prices, rows = shown()
    interest = [row for row in rows if row["item"] in ("interest", "annualised_all_in")]
    assert len(interest) == 2 * len(prices)
    for row in interest:
        price = prices[row["tier"], row["term_months"]]
        assert row["amount"] == interest_paid(price["annual_rate"], row["term_months"])
        assert row["principal"] == Decimal("10000.00")


def test_the_exact_rate_and_the_rate_in_whole_cents_are_both_stated() -> None:
    prices, rows = shown()
    apart = set()
    for row in rows:
        rate = prices[row["tier"], row["term_months"]]["annual_rate"]
        assert row["annualised_all_in"] == pytest.approx(rate, abs=1e-9)
        # a cent a month on 10,000 over an average life of (n+1)/24 years
        assert row["annualised_paid"] == pytest.approx(rate, abs=24 * 0.01 * row["term_months"] / 10_000 / 4)
        apart.add(abs(row["annualised_paid"] - rate) > 1e-9)
    assert True in apart, "whole cents cannot have the exact rate"


def test_breach_is_half_as_much_again_but_never_above_the_cap() -> None:
    prices, rows = shown()
    for row in (row for row in rows if row["item"] == "breach"):
        rate = min(prices[row["tier"], row["term_months"]]["annual_rate"] * 1.5, CAP)
        assert abs(float(row["amount"]) - 10_000 * rate / 365) <= 0.005 + 1e-9
        assert row["standard"] == f"{rate:.2%} a year"
        assert f"{rate:.2%}" in row["text_en"]
        assert f"{rate:.2%}" in row["text_zh"]


def test_only_offers_are_disclosed_each_with_every_line_of_the_form() -> None:
    prices, rows = shown(date(2028, 1, 1))
    offered = {cell for cell, price in prices.items() if price["offered"]}
    assert offered
    assert len(offered) < len(prices)
    items = sorted((row["tier"], row["term_months"], row["item"]) for row in rows)
    assert items == sorted((*cell, item) for cell in offered for item in ITEMS)


def test_every_line_is_in_both_languages_with_its_figures() -> None:
    prices, rows = shown()
    for row in rows:
        assert CHINESE.search(row["text_zh"])
        assert not CHINESE.search(row["text_en"])
        if row["item"] != "no_other_charges":
            assert f"{row['amount']} yuan" in row["text_en"]
            assert f"{row['amount']}元" in row["text_zh"]
        rate = prices[row["tier"], row["term_months"]]["annual_rate"]
        if row["item"] in ("interest", "annualised_all_in"):
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
    assert all("1234.56" in row["text_en"] for row in rows if row["item"] == "principal")


def test_nobody_charges_the_principal_and_the_last_line_says_that_there_is_nothing_else() -> None:
    for row in shown()[1]:
        assert row["charging_party"].startswith(
            "nobody" if row["item"] in ("principal", "no_other_charges") else "lender"
        )
        if row["item"] == "no_other_charges":
            assert row["amount"] == 0
            assert "No other charges" in row["text_en"]
            assert "无其他收费" in row["text_zh"]


def test_another_currency_is_named_in_both_languages() -> None:
    policy = load_policy("in-co-lending", DAY)
    rows = disclosure_table(price_grid(policy, DAY, COSTS), policy, DAY).to_pylist()
    named = [row for row in rows if row["item"] != "no_other_charges"]
    assert named
    assert all("rupees" in row["text_en"] and "卢比" in row["text_zh"] and "元" not in row["text_zh"] for row in named)
