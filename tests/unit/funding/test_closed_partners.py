"""Partners that fund nothing new: why, in words; and what a first-loss guarantee costs where the policy allows one.

Prices and costs as in ``test_portfolio``: own money 5 % and 12 % on capital, a partner's 3 %, half of a limit at risk.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from scipy.stats import norm
from unit.funding.books import DAY, Row, amounts, constraint, customer, fund, partner

RICH = "1000000"
OURS = "no partner may fund anything new: all new use is the lender's own money"


def capital(pd: float) -> float:
    """K of BIS CRE31 with R = 0.04 and LGD 0.5."""
    distress = norm.ppf(pd) / 0.96**0.5 + (0.04 / 0.96) ** 0.5 * norm.ppf(0.999)
    return float(0.5 * norm.cdf(distress) - 0.5 * pd)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"commitment": 0}, "no room is left by partner_commitment"),
        ({"commitment": 500, "drawn": 700}, "no room is left by partner_commitment"),
        ({"net_tier1_capital": 0}, "no room is left by partner_tier1"),
        ({"total_loans": 100, "joint_loan_balance": 50}, "no room is left by partner_joint"),
        ({"expires_on": DAY - timedelta(days=1)}, "its agreement expired on 2026-06-29"),
        ({"expires_on": DAY + timedelta(days=89)}, "its agreement ends on 2026-09-27, within 90 days"),
        ({"notice_days": 29}, "it may leave at 29 days' notice, less than 30"),
        (
            {"first_loss_share": 0.0501},
            "its agreement guarantees it 5.01% of its losses, more than the 5.00% of first_loss_cap",
        ),
    ],
)
def test_a_partner_that_may_fund_nothing_new_is_named_with_the_reason(tmp_path: Path, facts: Row, why: str) -> None:
    result = fund(tmp_path, [customer("a")], [partner(**facts)], RICH, first_loss_cap=0.05)
    assert amounts(result) == {"a": {"OWN": "1000.00"}}
    assert result.notes == [f"partner P funds nothing new: {why}", OURS]
    both = fund(tmp_path, [customer("a")], [partner(**facts), partner("Q")], RICH, first_loss_cap=0.05)
    assert amounts(both) == {"a": {"OWN": "300.00", "Q": "700.00"}}
    assert both.notes == [f"partner P funds nothing new: {why}"]


def test_a_region_that_no_partner_may_lend_in_is_named(tmp_path: Path) -> None:
    banks = [partner("P", regions="310000"), partner("Q", licence="regional", home_region="320000"), partner("R")]
    banks[2]["commitment"] = 0
    customers = [customer("a"), customer("b", region_code="310000"), customer("c", region_code="330000")]
    result = fund(tmp_path, customers, banks, RICH)
    assert amounts(result)["a"] == {"OWN": "1000.00"}
    assert result.notes == [
        "partner R funds nothing new: no room is left by partner_commitment",
        "no partner may fund anything new in 110000, 330000: new use there is the lender's own money",
    ]


def test_a_partner_that_has_left_is_named(tmp_path: Path) -> None:
    before = {"a": {"OWN": "300", "GONE": "700"}}
    result = fund(tmp_path, [customer("a", drawn="1000")], [partner()], RICH, before)
    assert result.notes == ["partner GONE funds nothing new: it has left"]


def test_what_is_out_with_a_partner_above_the_cap_runs_off(tmp_path: Path) -> None:
    customers = [customer("a", drawn="500", previous_limit="1000"), customer("b", previous_limit="1000")]
    before = {key: {"OWN": "300", "P": "700"} for key in "ab"}
    result = fund(tmp_path, customers, [partner(first_loss_share=0.06)], RICH, before, first_loss_cap=0.05)
    assert amounts(result) == {"a": {"OWN": "650.00", "P": "350.00"}, "b": {"OWN": "1000.00"}}


def test_a_guarantee_costs_the_return_on_the_capital_it_ties_up(tmp_path: Path) -> None:
    """The loss itself is charged whoever funds; at 12 % a guarantee of 5 % costs 0.6 % of the partner's part."""
    even = 0.05 + 0.12 * capital(0.004) - 0.12 * 0.05
    for cost, funders in ((even + 1e-4, {"OWN"}), (even - 1e-4, {"OWN", "P"})):
        bank = partner(cost_of_funds=cost, first_loss_share=0.05)
        result = fund(tmp_path, [customer("a")], [bank], RICH, first_loss_cap=0.05)
        assert amounts(result)["a"].keys() == funders
    least = 0.3 * (0.05 + 0.12 * capital(0.004)) + 0.7 * (0.03 + 0.12 * 0.05)
    result = fund(tmp_path, [customer("a")], [partner(first_loss_share=0.05)], RICH, first_loss_cap=0.05)
    assert result.objective == pytest.approx(500 * (0.2 - 0.02 - 0.004 * 0.5 - least), rel=1e-12)
    assert result.outcome.book.capital == pytest.approx(500 * (0.3 * capital(0.004) + 0.7 * 0.05), rel=1e-12)


def test_of_two_partners_the_one_without_a_guarantee_wins_at_the_same_cost(tmp_path: Path) -> None:
    banks = [partner("P", first_loss_share=0.05), partner("Q")]
    assert "Q" in amounts(fund(tmp_path, [customer("a")], banks, RICH, first_loss_cap=0.05))["a"]


def test_guarantees_count_in_the_capital_budget(tmp_path: Path) -> None:
    """A joint loan of 1,000 ties up 500·(0.3·K + 0.7·5 %), an own one 500·K; of 30 one of each leaves 5."""
    bank = partner(first_loss_share=0.05, cost_of_funds=0.01)
    joint, own = 500 * (0.3 * capital(0.004) + 0.7 * 0.05), 500 * capital(0.004)
    assert 2 * joint > 30 > joint + own
    customers = [customer("a"), customer("b")]
    for budget, used in ((0.003, joint + own), (0.004, 2 * joint)):
        result = fund(tmp_path, customers, [bank], "10000", first_loss_cap=0.05, capital_budget=budget)
        row = constraint(result, "capital")
        assert (row["bound"], result.cut) == (budget * 10_000, 0)
        assert row["used"] == pytest.approx(used, rel=1e-9)
