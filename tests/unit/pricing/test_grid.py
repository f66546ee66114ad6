"""Prices by tier and term: components, cap, floor, what is offered."""

from __future__ import annotations

import itertools
import math
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from unit.limits.customers import customer, decide
from unit.policy.profiles import packaged_policy, policy_with

from tierline.pricing import FundingCosts, offer_note, price_grid
from tierline.pricing.capital import capital_requirement

DAY = date(2026, 6, 30)
COSTS = FundingCosts(own=0.05, partner=0.03)
BLENDED = 0.30 * 0.05 + 0.70 * 0.03
TIERS, TERMS = "ABCDEFG", (3, 6, 12)
REFERENCE_PD = dict(zip(TIERS, (0.0035, 0.0072, 0.0142, 0.0283, 0.0567, 0.11, 0.26), strict=True))
COMPONENTS = ("funding_cost", "expected_loss", "operating_cost", "capital_charge", "margin")
Grid = dict[tuple[str, int], dict[str, Any]]


def grid(table: pa.Table) -> Grid:
    return {(row["tier"], row["term_months"]): row for row in table.to_pylist()}


def grid_with(folder: Path, numbers: dict[str, Any], costs: FundingCosts = COSTS) -> Grid:
    return grid(price_grid(policy_with(folder, DAY, numbers), DAY, costs))


def grid_of(day: date) -> Grid:
    return grid(price_grid(packaged_policy(day), day, COSTS))


def phi(x: float) -> float:
    """The normal distribution by the error function."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def quantile(p: float) -> float:
    return float(brentq(lambda x: phi(x) - p, -10, 10, xtol=1e-14))


def basel_k(pd_12m: float, lgd: float, r: float) -> float:
    """BIS CRE31: LGD x N[(1-R)^-0.5 G(PD) + (R/(1-R))^0.5 G(0.999)] - PD x LGD."""
    stress = (1 - r) ** -0.5 * quantile(pd_12m) + (r / (1 - r)) ** 0.5 * quantile(0.999)
    return lgd * phi(stress) - pd_12m * lgd


@pytest.mark.parametrize("pd_12m", [0.0005, 0.0035, 0.01, 0.05, 0.2, 0.6])
@pytest.mark.parametrize(("lgd", "r"), [(0.5, 0.04), (0.45, 0.15), (0.85, 0.03)])
def test_capital_is_the_formula(pd_12m: float, lgd: float, r: float) -> None:
    assert capital_requirement(pd_12m, lgd, r) == pytest.approx(basel_k(pd_12m, lgd, r), abs=1e-9)


@pytest.mark.parametrize(
    ("pd_12m", "lgd", "r", "risk_weight"),
    [  # Basel II, annex 5 (illustrative risk weights): revolving retail at LGD 45 and 85 %, mortgages at LGD 45 %
        (0.01, 0.45, 0.04, 0.1722),
        (0.01, 0.85, 0.04, 0.3253),
        (0.05, 0.85, 0.04, 1.0341),
        (0.01, 0.45, 0.15, 0.5640),
    ],
)
def test_capital_gives_the_published_risk_weights(pd_12m: float, lgd: float, r: float, risk_weight: float) -> None:
    assert 12.5 * capital_requirement(pd_12m, lgd, r) == pytest.approx(risk_weight, abs=6e-5)


def test_capital_is_the_loss_of_one_year_in_a_thousand_beyond_the_expected_one() -> None:
    """The same number without the closed form: the mean over systematic factors of the conditional PD is the PD."""

    def conditional(z: float) -> float:
        return phi((quantile(0.02) - math.sqrt(0.04) * z) / math.sqrt(0.96))

    mean, _ = quad(lambda z: conditional(z) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi), -9, 9)
    assert mean == pytest.approx(0.02, abs=1e-9)
    worst = conditional(-quantile(0.999))
    assert capital_requirement(0.02, 0.5, 0.04) == pytest.approx(0.5 * (worst - mean), abs=1e-8)


def test_capital_has_the_pd_floor_of_retail() -> None:
    assert capital_requirement(0.0, 0.5, 0.04) == capital_requirement(0.0005, 0.5, 0.04) > 0


def test_every_component_is_its_formula() -> None:
    for (tier, term), row in grid_of(DAY).items():
        assert row["funding_cost"] == pytest.approx(BLENDED, abs=1e-12)
        assert row["expected_loss"] == pytest.approx(REFERENCE_PD[tier] * 0.5, abs=1e-12)
        # 20 yuan a loan of 10,000, whose mean balance over (n+1)/2 months it is spread on, and 2 % of the balance
        assert row["operating_cost"] == pytest.approx(0.02 + 20 / (10_000 * (term + 1) / 24), abs=1e-12)
        assert row["capital_charge"] == pytest.approx(0.12 * basel_k(REFERENCE_PD[tier], 0.5, 0.04), abs=1e-9)


def test_the_average_balance_behind_the_cost_per_loan_is_that_of_equal_repayments_of_principal() -> None:
    for term in TERMS:
        years_outstanding = sum(1 - month / term for month in range(term)) / 12
        row = grid_of(DAY)["A", term]
        assert (row["operating_cost"] - 0.02) * 10_000 * years_outstanding == pytest.approx(20, abs=1e-9)


@pytest.mark.parametrize("day", [date(2020, 1, 1), DAY, date(2028, 1, 1)])
def test_components_sum_to_the_rate_which_is_between_floor_and_cap(day: date) -> None:
    rows = grid_of(day)
    assert set(rows) == set(itertools.product(TIERS, TERMS))
    cap = {2020: 0.36, 2026: 0.225, 2028: 0.12}[day.year]  # 24 % less a quarter of the glide by mid-2026
    for row in rows.values():
        assert sum(row[name] for name in COMPONENTS) == pytest.approx(row["annual_rate"], abs=1e-12)
        assert 0.06 <= row["annual_rate"] <= cap == row["cap_rate"]
        assert row["daily_rate"] == pytest.approx(row["annual_rate"] / 365, abs=1e-15)
        assert row["apr_irr"] == pytest.approx(row["annual_rate"], abs=1e-9)
        assert row["annual_rate"] == pytest.approx(round(row["annual_rate"], 4), abs=1e-12)


@pytest.mark.parametrize("day", [date(2020, 1, 1), DAY, date(2028, 1, 1)])
def test_risk_never_makes_it_cheaper_and_a_longer_term_never_dearer(day: date) -> None:
    rows = grid_of(day)
    for term in TERMS:
        rates = [rows[tier, term]["annual_rate"] for tier in TIERS]
        assert rates == sorted(rates)
    for tier in TIERS:
        rates = [rows[tier, term]["annual_rate"] for term in TERMS]
        assert rates == sorted(rates, reverse=True)


def test_a_price_without_cap_or_floor_has_the_target_margin_to_the_rounding() -> None:
    for row in grid_of(DAY).values():
        if 0.06 < row["annual_rate"] < 0.225:
            assert abs(row["margin"] - 0.02) <= 0.00005 + 1e-12


def test_where_the_cap_bites_the_margin_gives_way(tmp_path: Path) -> None:
    free = grid_with(tmp_path, {"pricing.price_cap": 1.0, "pricing.cap_glide": None})["F", 12]
    costs = sum(free[name] for name in COMPONENTS[:4])
    cap = round(costs + 0.005, 4)
    capped = grid_with(tmp_path, {"pricing.price_cap": cap})["F", 12]
    assert capped["annual_rate"] == cap < free["annual_rate"]
    assert capped["margin"] == pytest.approx(cap - costs, abs=1e-12)
    assert 0 < capped["margin"] < free["margin"]
    assert capped["offered"]


def test_offered_exactly_while_the_cap_covers_funding_loss_and_operation(tmp_path: Path) -> None:
    row = grid_of(DAY)["E", 6]
    least = sum(row[name] for name in COMPONENTS[:3])
    above = grid_with(tmp_path, {"pricing.price_cap": least + 1e-6})["E", 6]
    below = grid_with(tmp_path, {"pricing.price_cap": least - 1e-6})["E", 6]
    assert above["offered"]
    assert above["margin"] < 0  # the capital charge is not covered, and the row says so
    assert not below["offered"]


def test_at_the_cap_of_2028_the_riskiest_tiers_get_no_offer() -> None:
    rows = grid_of(date(2028, 1, 1))
    offered = {cell for cell, row in rows.items() if row["offered"]}
    by_hand = {
        (tier, term) for tier, term in rows if BLENDED + REFERENCE_PD[tier] * 0.5 + 0.02 + 0.048 / (term + 1) <= 0.12
    }
    assert offered == by_hand
    assert not {tier for tier, _ in offered} & {"G"}
    assert {("A", term) for term in TERMS} <= offered


def test_the_floor_holds_and_its_gain_is_margin(tmp_path: Path) -> None:
    row = grid_with(tmp_path, {"pricing.rate_floor": 0.2})["A", 12]
    assert row["annual_rate"] == 0.2
    assert row["margin"] == pytest.approx(0.2 - sum(row[name] for name in COMPONENTS[:4]), abs=1e-12)


def test_without_partners_all_money_is_the_lender_s() -> None:
    alone = grid(price_grid(packaged_policy(DAY), DAY, FundingCosts(own=0.05, partner=None)))
    assert {row["funding_cost"] for row in alone.values()} == {0.05}


def test_the_cap_names_its_rule() -> None:
    assert "24 %" in grid_of(date(2026, 3, 31))["A", 3]["cap_rule"]
    assert "4 x 1-year LPR" in grid_of(DAY)["A", 3]["cap_rule"]


def test_a_cap_below_the_cost_of_every_tier_offers_nothing_and_says_so(tmp_path: Path) -> None:
    policy = policy_with(tmp_path, DAY, {"pricing.price_cap": 0.04, "pricing.rate_floor": 0.03})
    table = price_grid(policy, DAY, COSTS)
    assert not any(table.column("offered").to_pylist())
    note = offer_note(table)
    # the cheapest is tier A over 12 months: funding 3.6 %, loss 0.175 %, 2 % and 20 of 10,000 over 13/24 years
    assert note == (
        "no price is offered and every customer is declined: the cap of 4.00% (test) is below the cost of every tier"
        " and term, of which the lowest is 6.14%"
    )
    assert offer_note(price_grid(packaged_policy(DAY), DAY, COSTS)) is None


def test_where_nothing_is_offered_everybody_is_declined(tmp_path: Path) -> None:
    policy = policy_with(tmp_path, DAY, {"pricing.price_cap": 0.04, "pricing.rate_floor": 0.03})
    rows = decide(
        [customer(tier, tier=tier, previous=5_000) for tier in TIERS],
        prices=price_grid(policy, DAY, COSTS),
    ).to_pylist()
    assert len(rows) == len(TIERS)
    assert {(row["action"], row["action_reason"], row["credit_limit"]) for row in rows} == {
        ("decline", "PRICE_NOT_OFFERED", 0)
    }
