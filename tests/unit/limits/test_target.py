"""Each constraint in turn is the one that binds, in cases worked out by hand at a price of 0 %."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from unit.limits.customers import OTHER, REVIEW, TIER_CAPS, Row, customer, decide, inputs_of, outcome, prices_of
from unit.policy.profiles import policy_with

ROOMY = {"limits.first_grant_cap": 1e9}  # so that the target itself is granted
BUSINESS = {"segment": "sole_proprietor"}
WIDE = ROOMY | {
    "limits.product_cap": 1e9,
    "limits.tier_caps": dict(zip("ABCDEFG", (1e9, 80e3, 60e3, 40e3, 20e3, 8e3, 0.0), strict=True)),
}


def granted(folder: Path, row: Row, numbers: dict[str, Any] = ROOMY, **how: Any) -> tuple[float, str]:
    limit, action, reason, binding = outcome(row, policy=policy_with(folder, REVIEW, numbers), **how)
    assert (action, reason) == ("grant", "FIRST_GRANT")
    return limit, binding


@pytest.mark.parametrize(
    ("facts", "limit"),
    [
        ({"income_recurring_monthly": 4_000}, 24_000),  # half of 4,000 over 12 months
        ({"income_recurring_monthly": 4_000, "instalment_burden_monthly": 500}, 24_000),  # our own loans are inside it
        ({"income_recurring_monthly": 4_000, "instalment_burden_monthly": 2_000}, 24_000),  # just borne
        ({"income_recurring_monthly": 4_010}, 24_000),  # 24,060 rounded down to hundreds
        ({"income_recurring_monthly": 4_016.67}, 24_100),  # 24,100.02
        ({"income_recurring_monthly": 4_016.66}, 24_000),  # 24,099.96
        ({"income_recurring_monthly": None, "declared_income_monthly": 3_000}, 9_000),  # declared counts half
        ({"income_recurring_monthly": 2_000, "declared_income_monthly": 9_000}, 12_000),  # seen income goes first
    ],
)
def test_affordability(facts: dict[str, Any], limit: float, tmp_path: Path) -> None:
    assert granted(tmp_path, customer(**facts)) == (limit, "affordability")


def test_affordability_at_a_rate_is_the_present_value_of_the_instalment(tmp_path: Path) -> None:
    by_hand = sum(2_000 / 1.01**month for month in range(1, 13))
    row = customer(income_recurring_monthly=4_000)
    assert granted(tmp_path, row, prices=prices_of(rates={"A": 0.12})) == (by_hand // 100 * 100, "affordability")


@pytest.mark.parametrize(
    "facts",
    [
        {"thin_file": True},
        {"income_recurring_monthly": None},
        {"income_recurring_monthly": None, "thin_file": True},
    ],
)
def test_starter_limit_for_a_thin_file_or_unknown_income(facts: dict[str, Any], tmp_path: Path) -> None:
    assert granted(tmp_path, customer(**facts)) == (2_000, "starter_limit")


def test_a_thin_file_with_little_income_gets_what_is_affordable(tmp_path: Path) -> None:
    row = customer(thin_file=True, income_recurring_monthly=200)
    assert granted(tmp_path, row) == (1_200, "affordability")


@pytest.mark.parametrize("tier", "BCDEF")
def test_tier_cap(tier: str, tmp_path: Path) -> None:
    row = customer(tier=tier, income_recurring_monthly=99_999)
    assert granted(tmp_path, row) == (TIER_CAPS[tier], "tier_cap")


@pytest.mark.parametrize("facts", [{}, {"thin_file": True}, {"income_recurring_monthly": None}])
def test_a_tier_that_is_not_served_gets_nothing_not_even_a_starter_limit(facts: dict[str, Any]) -> None:
    assert outcome(customer(tier="G", **facts)) == (0, "decline", "TIER_NOT_SERVED", "tier_cap")


def test_product_cap(tmp_path: Path) -> None:
    row = customer(income_recurring_monthly=99_999)
    assert granted(tmp_path, row, ROOMY | {"limits.product_cap": 50_000.0}) == (50_000, "product_cap")


@pytest.mark.parametrize(("facts", "limit"), [({}, 200_000), (BUSINESS, 10_000_000)])
def test_the_rule_caps_consumers_and_businesses_apart(facts: dict[str, Any], limit: float, tmp_path: Path) -> None:
    row = customer(income_recurring_monthly=9_999_999, **facts)
    assert granted(tmp_path, row, WIDE) == (limit, "regulatory_cap")


@pytest.mark.parametrize(
    ("facts", "limit", "binding"),
    [
        ({"income_recurring_monthly": 5_000}, 19_900, "regulatory_cap"),  # a third of 60,000 is 19,998
        ({"income_recurring_monthly": None, "declared_income_monthly": 20_000}, 39_900, "regulatory_cap"),
        ({"income_recurring_monthly": 9_999_999}, 200_000, "regulatory_cap"),
        ({"income_recurring_monthly": 5_000, **BUSINESS}, 30_000, "affordability"),  # a natural person's rule
        ({"income_recurring_monthly": None}, 2_000, "starter_limit"),  # unknown income is under the amount alone
    ],
)
def test_share_of_a_year_s_income(facts: dict[str, Any], limit: float, binding: str, tmp_path: Path) -> None:
    numbers = WIDE | {"limits.annual_income_share_cap": 0.3333}
    assert granted(tmp_path, customer(**facts), numbers) == (limit, binding)


def test_nothing_is_held_above_the_share_of_a_year_s_income(tmp_path: Path) -> None:
    policy = policy_with(tmp_path, REVIEW, {"limits.annual_income_share_cap": 0.3333})
    expected = (19_900, "cut", "TARGET_BELOW_LIMIT", "regulatory_cap")
    assert outcome(customer(previous=20_000, income_recurring_monthly=5_000), policy=policy) == expected


def test_share_of_net_assets(tmp_path: Path) -> None:
    row = customer(income_recurring_monthly=99_999)
    assert granted(tmp_path, row, net_assets=123_456.78) == (12_300, "net_assets_share")


def test_without_a_lender_position_net_assets_bind_nobody(tmp_path: Path) -> None:
    assert granted(tmp_path, customer(income_recurring_monthly=5_000), net_assets=None) == (30_000, "affordability")


@pytest.mark.parametrize(
    "facts",
    [
        {"income_recurring_monthly": 0},
        {"income_recurring_monthly": 0, "declared_income_monthly": 9_000},  # income that was looked for and not seen
        {"income_recurring_monthly": 16},  # 96 yuan round down to nothing
    ],
)
def test_nothing_affordable_is_declined_for_that_reason(facts: dict[str, Any]) -> None:
    assert outcome(customer(**facts)) == (0, "decline", "NOT_AFFORDABLE", "affordability")


@pytest.mark.parametrize("burden", [2_000.01, 60_000])
def test_instalments_beyond_what_income_bears_stop_first_limits_and_raises(burden: float) -> None:
    facts = {"income_recurring_monthly": 4_000, "instalment_burden_monthly": burden}
    assert outcome(customer(**facts)) == (0, "decline", "NOT_AFFORDABLE", "debt_service")
    assert outcome(customer(**facts, previous=20_000)) == (
        20_000,
        "hold",
        "RAISE_CONDITIONS_NOT_MET",
        "raise_conditions",
    )


def test_a_cap_below_the_smallest_limit_is_named_as_such() -> None:
    expected = (0, "decline", "CAP_BELOW_SMALLEST_LIMIT", "net_assets_share")
    assert outcome(customer(), net_assets=900.0) == expected


def test_the_row_carries_tier_balance_previous_limit_and_policy() -> None:
    rows = [
        customer("b", tier="C", drawn_balance=123.45, previous=2_000.01),
        customer("a", previous=None),
        customer("z", previous=0),
    ]
    table = decide(rows, as_of=OTHER).to_pylist()
    assert [row["customer_key"] for row in table] == ["a", "b", "z"]
    assert [row["tier"] for row in table] == ["A", "C", "A"]
    assert [str(row["drawn_balance"]) for row in table] == ["0.00", "123.45", "0.00"]
    assert [row["previous_limit"] and str(row["previous_limit"]) for row in table] == [None, "2000.01", 0]
    assert {(row["as_of"], row["policy_arm"], row["propensity"]) for row in table} == {(OTHER, "policy", 1.0)}


def test_no_customers_is_an_empty_table() -> None:
    assert inputs_of([]).num_rows == 0
    assert decide([]).num_rows == 0


def test_the_business_cap_before_its_rule_was_the_house_s(tmp_path: Path) -> None:
    numbers = {key: value for key, value in WIDE.items() if key != "limits.first_grant_cap"} | ROOMY
    policy = policy_with(tmp_path, date(2024, 12, 30), numbers)
    row = customer(income_recurring_monthly=9_999_999, **BUSINESS)
    assert outcome(row, policy=policy)[0] == 1_000_000
