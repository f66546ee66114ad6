"""The portfolio in books small enough to solve by hand: who is funded by whom, and what each rule is worth.

Rate 20 %, operating cost 2 %, loss given default 50 %, half of an undrawn limit is exposure, own money costs 5 % (where
a position is given) and 12 % on capital, a partner's 3 %.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from scipy.stats import norm
from unit.funding.books import DAY, Row, amounts, constraint, customer, fund, limit_row, partner

from tierline.errors import BlockedError, TierlineError
from tierline.funding import InfeasibleError

RICH = "1000000"


def capital(pd: float) -> float:
    """K of BIS CRE31 with R = 0.04 and LGD 0.5."""
    distress = norm.ppf(pd) / 0.96**0.5 + (0.04 / 0.96) ** 0.5 * norm.ppf(0.999)
    return float(0.5 * norm.cdf(distress) - 0.5 * pd)


def margin(pd: float, own: float) -> float:
    """Profit of a yuan of exposure, a year."""
    return 0.2 - 0.02 - pd * 0.5 - own * 0.05 - (1 - own) * 0.03 - own * 0.12 * capital(pd)


def test_a_partner_takes_all_but_the_own_share_and_the_odd_cent_is_the_lenders(tmp_path: Path) -> None:
    result = fund(tmp_path, [customer("a", "1000.01")], [partner()], RICH)
    assert amounts(result) == {"a": {"OWN": "300.01", "P": "700.00"}}
    assert result.objective == pytest.approx(1000.01 / 2 * margin(0.004, 300.01 / 1000.01), rel=1e-12)
    assert limit_row(result, "a")["action_reason"] == "FIRST_GRANT"
    assert result.cut == 0


def test_a_partner_dearer_than_own_money_and_its_capital_is_not_used(tmp_path: Path) -> None:
    dear = 0.05 + 0.12 * capital(0.004)
    for cost, funders in ((dear + 1e-4, {"OWN"}), (dear - 1e-4, {"OWN", "P"})):
        result = fund(tmp_path, [customer("a")], [partner(cost_of_funds=cost)], RICH)
        assert amounts(result)["a"].keys() == funders


def test_the_cheap_partner_is_filled_to_the_cent_and_the_other_takes_the_rest(tmp_path: Path) -> None:
    banks = [partner("CHEAP", commitment="750.55", cost_of_funds=0.02), partner("OTHER", cost_of_funds=0.03)]
    result = fund(tmp_path, [customer("a"), customer("b")], banks, RICH)
    assert amounts(result) == {"a": {"OWN": "300.00", "CHEAP": "700.00"}, "b": {"OWN": "300.00", "OTHER": "700.00"}}
    # a yuan more of the cheap one replaces one of the other on half a yuan of exposure
    row = constraint(result, "partner_commitment", "CHEAP")
    assert row["shadow_price"] == pytest.approx(0.5 * 0.01, rel=1e-6)
    assert row["text_en"] == "one more yuan of partner CHEAP's commitment is worth 0.0050 yuan a year"
    assert row["text_zh"] == "合作银行CHEAP的承诺额度每增加1元，每年利润增加0.0050元"
    assert constraint(result, "partner_commitment", "OTHER")["shadow_price"] == 0


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("partner_commitment", {"commitment": "900", "drawn": "200"}),
        ("partner_tier1", {"net_tier1_capital": "3600", "drawn": "200"}),
        ("partner_joint", {"total_loans": "2000", "joint_loan_balance": "300"}),
    ],
)
def test_each_bound_of_a_partner_leaves_room_for_one_customer(tmp_path: Path, name: str, facts: Row) -> None:
    result = fund(tmp_path, [customer("a"), customer("b")], [partner(**facts)], RICH)
    assert amounts(result) == {"a": {"OWN": "300.00", "P": "700.00"}, "b": {"OWN": "1000.00"}}
    row = constraint(result, name, "P")
    assert (row["used"], row["slack"]) == (row["bound"], 0)
    gain = 0.5 * (0.05 + 0.12 * capital(0.004) - 0.03)
    assert row["shadow_price"] == pytest.approx(gain, rel=1e-6)


def test_leverage_leaves_out_who_earns_least(tmp_path: Path) -> None:
    """Six times 350 carry two of three limits and a hundred of the risky one."""
    risks = {"a": 0.12, "b": 0.004, "c": 0.015}
    tiers = {"a": "F", "b": "A", "c": "C"}
    customers = [customer(key, tier=tiers[key], pd_12m=pd) for key, pd in risks.items()]
    result = fund(tmp_path, customers, None, "350")
    assert amounts(result) == {"b": {"OWN": "1000.00"}, "c": {"OWN": "1000.00"}, "a": {"OWN": "100.00"}}
    lowered = limit_row(result, "a")
    assert (lowered["action"], lowered["action_reason"]) == ("grant", "PORTFOLIO")
    assert lowered["binding_constraint"] == "portfolio_leverage"
    assert constraint(result, "leverage")["shadow_price"] == pytest.approx(0.5 * margin(0.12, 1), rel=1e-6)


def test_a_limit_that_does_not_earn_its_cost_is_not_granted(tmp_path: Path) -> None:
    loses = 0.27
    assert margin(loses, 1) < 0
    result = fund(tmp_path, [customer("a", tier="F", pd_12m=loses), customer("b")], None, RICH)
    assert amounts(result) == {"b": {"OWN": "1000.00"}}
    row = limit_row(result, "a")
    assert (row["action"], row["binding_constraint"], row["credit_limit"]) == ("decline", "portfolio_return", 0)


def test_a_region_may_have_half_of_all_limits(tmp_path: Path) -> None:
    customers = [customer(f"a{n}") for n in range(3)] + [customer("b", "2000", region_code="310000")]
    result = fund(tmp_path, customers, None, RICH, region_share_cap=0.5)
    assert sum(float(parts["OWN"]) for key, parts in amounts(result).items() if key != "b") == 2000
    row = constraint(result, "region_share", "110000")
    assert (row["used"], row["bound"]) == (0.5, 0.5)
    # beside 2,000 elsewhere a region may have 2,000·c/(1−c), whose slope at a half is 8,000
    assert row["shadow_price"] == pytest.approx(0.01 * 8000 * 0.5 * margin(0.004, 1), rel=1e-6)


def test_a_cap_that_no_region_could_keep_is_not_assessed(tmp_path: Path) -> None:
    customers = [customer("a"), customer("b", region_code="310000")]
    result = fund(tmp_path, customers, None, RICH, region_share_cap=0.3)
    assert result.cut == 0
    assert "region_share: 2 members cannot keep a cap of 30%: not assessed" in result.notes


def test_the_expected_loss_budget_leaves_out_part_of_the_risky(tmp_path: Path) -> None:
    """Loss is a quarter of PD: 0.2 % of the safe limits, 4 % of the risky; 9050·(2 − 0.2)/(4 − 2) of these fit."""
    customers = [customer("a", "9050", pd_12m=0.008), customer("b", "20000", tier="F", pd_12m=0.16)]
    result = fund(tmp_path, customers, None, RICH, expected_loss_budget=0.02)
    assert amounts(result) == {"a": {"OWN": "9050.00"}, "b": {"OWN": "8100.00"}}
    assert limit_row(result, "b")["binding_constraint"] == "portfolio_expected_loss"


def test_sole_proprietors_have_their_part_or_lose_nothing(tmp_path: Path) -> None:
    customers = [customer("a", "9000"), customer("s", "1000", segment="sole_proprietor")]
    assert fund(tmp_path, customers, None, RICH, inclusive_floor=0.2).cut == 0
    # with room for 6,000 the proprietor keeps all of it: nothing of theirs is lowered
    assert amounts(fund(tmp_path, customers, None, "1000", inclusive_floor=0.2)) == {
        "a": {"OWN": "5000.00"},
        "s": {"OWN": "1000.00"},
    }


def test_a_loan_that_is_out_keeps_its_funder_where_another_is_cheaper(tmp_path: Path) -> None:
    banks = [partner("OLD", cost_of_funds=0.06), partner("NEW", cost_of_funds=0.01)]
    before = {"a": {"OWN": "300", "OLD": "700"}, "b": {"OWN": "1000"}}
    customers = [customer(key, drawn="500", previous_limit="1000") for key in "ab"]
    result = fund(tmp_path, customers, banks, RICH, before)
    # own money with its capital is cheaper than OLD, which last night's plan may keep only within its tolerance
    assert amounts(result) == {"a": {"OWN": "650.00", "OLD": "350.00"}, "b": {"OWN": "1000.00"}}
    assert constraint(result, "partner_commitment", "OLD")["used"] == 0, "what is out stands in drawn already"


@pytest.mark.parametrize(
    "ended",
    [
        {"expires_on": DAY + timedelta(days=89)},
        {"notice_days": 29},
        {"accepted_tiers": "B"},
        {"regions": "310000"},
        {"licence": "regional"},
    ],
)
def test_a_partner_that_may_fund_nothing_new_runs_off(tmp_path: Path, ended: Row) -> None:
    customers = [customer("a", drawn="500", previous_limit="1000"), customer("b", previous_limit="1000"), customer("c")]
    before = {"a": {"OWN": "300", "P": "700"}, "b": {"OWN": "300", "P": "700"}}
    result = fund(tmp_path, customers, [partner(**ended)], RICH, before)
    assert amounts(result) == {"a": {"OWN": "650.00", "P": "350.00"}, "b": {"OWN": "1000.00"}, "c": {"OWN": "1000.00"}}


def test_a_partner_that_has_left_runs_off(tmp_path: Path) -> None:
    before = {"a": {"OWN": "300", "GONE": "700"}}
    result = fund(tmp_path, [customer("a", drawn="1000")], [partner()], RICH, before)
    assert amounts(result) == {"a": {"OWN": "300.00", "GONE": "700.00"}}


TENTH = {"own_share_min": 0.1, "partner_loan_share_min": 0.1}


def test_a_partner_keeps_its_least_share_of_a_new_loan_or_has_none_of_it(tmp_path: Path) -> None:
    """Room for 100.00 is a tenth of a limit of 1,000.00; a cent less is none of it. The odd cent is the partner's."""
    for limit, room, theirs in (("1000", "100", "100.00"), ("1000", "99.99", None), ("1000.01", "100.00", None)):
        result = fund(tmp_path, [customer("a", limit)], [partner(commitment=room)], RICH, **TENTH)
        assert amounts(result)["a"].get("P") == theirs, (limit, room)
    assert amounts(fund(tmp_path, [customer("a", "1000.01")], [partner(commitment="100.01")], RICH, **TENTH)) == {
        "a": {"OWN": "900.00", "P": "100.01"}
    }
    without = fund(tmp_path, [customer("a")], [partner(commitment="99.99")], RICH, own_share_min=0.1)
    assert amounts(without) == {"a": {"OWN": "900.01", "P": "99.99"}}


def test_what_a_partner_gives_back_leaves_its_least_share_or_nothing(tmp_path: Path) -> None:
    """Each stood with 900; room for 950 is all of one and 50 of the other, which is below 100 and goes back."""
    before = {key: {"OWN": "100", "P": "900"} for key in "ab"}
    customers = [customer(key, previous_limit="1000") for key in "ab"]
    for room, last in (("950", {"OWN": "1000.00"}), ("1000", {"OWN": "900.00", "P": "100.00"})):
        result = fund(tmp_path, customers, [partner(commitment=room)], RICH, before, **TENTH)
        assert amounts(result) == {"a": {"OWN": "100.00", "P": "900.00"}, "b": last}


def test_what_is_out_below_the_least_share_stays_as_it_is(tmp_path: Path) -> None:
    """Of 50 drawn 45 are the partner's; it may keep these, or have a tenth of the limit, and nothing in between."""
    before = {"a": {"OWN": "100", "P": "900"}}
    for room, theirs in (("0", "45.00"), ("54.99", "45.00"), ("55", "100.00"), ("855", "900.00")):
        bank = partner(commitment=room)
        result = fund(tmp_path, [customer("a", drawn="50", previous_limit="1000")], [bank], RICH, before, **TENTH)
        assert amounts(result)["a"]["P"] == theirs, room


def test_a_part_that_was_lawful_is_not_once_the_limit_is_higher(tmp_path: Path) -> None:
    """A tenth of 1,000 is no tenth of 1,500."""
    before = {"a": {"OWN": "900", "P": "100"}}
    one = customer("a", "1500", previous_limit="1000")
    result = fund(tmp_path, [one], [partner(commitment="120")], RICH, before, **TENTH)
    assert amounts(result) == {"a": {"OWN": "1500.00"}}


def test_where_both_shares_make_the_whole_the_odd_cent_is_the_lenders(tmp_path: Path) -> None:
    half = {"own_share_min": 0.5, "partner_loan_share_min": 0.5}
    result = fund(tmp_path, [customer("a", "1000.01")], [partner()], RICH, **half)
    assert amounts(result) == {"a": {"OWN": "500.01", "P": "500.00"}}


def test_a_move_must_earn_its_cost(tmp_path: Path) -> None:
    """0.7 of half of the difference in cost against 0.2 % of the limit: cheaper by 0.75 % wins, by 0.55 % does not."""
    before = {"a": {"OWN": "300", "OLD": "700"}}
    for cost, funder in ((0.0445, "OLD"), (0.0425, "NEW"), (0.03, "NEW")):
        banks = [partner("OLD", cost_of_funds=0.05), partner("NEW", cost_of_funds=cost)]
        result = fund(tmp_path, [customer("a")], banks, RICH, before)
        least = 0.7 * 0.5 * (0.05 - cost) - 0.002
        assert funder == ("NEW" if least > 0 else "OLD")
        assert amounts(result)["a"].keys() == {"OWN", funder}


@pytest.mark.parametrize(
    "facts",
    [
        {"commitment": 0},
        {"commitment": 500, "drawn": 500},
        {"commitment": 500, "drawn": 700},
        {"expires_on": DAY + timedelta(days=89)},
        {"expires_on": DAY - timedelta(days=1)},
        {"notice_days": 29},
        {"accepted_tiers": "B,C"},
        {"regions": "310000"},
    ],
)
def test_without_a_partner_that_can_the_limit_is_all_own(tmp_path: Path, facts: Row) -> None:
    assert amounts(fund(tmp_path, [customer("a")], [partner(**facts)], RICH)) == {"a": {"OWN": "1000.00"}}


def test_without_consent_the_limit_is_all_own(tmp_path: Path) -> None:
    result = fund(tmp_path, [customer("a", consent_partner_sharing=False)], [partner()], RICH)
    assert amounts(result) == {"a": {"OWN": "1000.00"}}


def test_all_declined(tmp_path: Path) -> None:
    result = fund(tmp_path, [customer("a", "0"), customer("b", "0")], [partner()], "1000")
    assert (result.allocation.num_rows, result.limits.num_rows) == (0, 2)
    assert (result.objective, result.gap, result.outcome.book.raroc) == (0, 0, None)
    assert "no customer has a limit: there is nothing to fund" in result.notes
    assert constraint(result, "leverage")["slack"] == 6000


def test_nothing_delivered(tmp_path: Path) -> None:
    result = fund(tmp_path, [customer("a")], None)
    assert amounts(result) == {"a": {"OWN": "1000.00"}}
    assert result.notes == [
        "no lender position delivered: leverage and capital were not assessed",
        "no funding partners delivered: all limits are the lender's own",
    ]
    assert not {"leverage", "capital"} & set(result.constraints.column("constraint").to_pylist())


def test_net_assets_below_zero_block_the_night(tmp_path: Path) -> None:
    with pytest.raises(BlockedError, match=r"lender_position: net assets are -5\.00, below 0"):
        fund(tmp_path, [customer("a")], None, "-5")


def test_a_tier_without_a_price_is_named(tmp_path: Path) -> None:
    with pytest.raises(TierlineError, match="tier X has limits but is not of the scale"):
        fund(tmp_path, [customer("a", tier="X")], None)


def test_loans_out_that_no_rule_can_hold_block_the_night_and_say_by_how_much(tmp_path: Path) -> None:
    """Own money out is 1,000; six times 150 are 900: no plan of limits can mend that."""
    customers = [customer("a", drawn="1000"), customer("b")]
    with pytest.raises(InfeasibleError) as caught:
        fund(tmp_path, customers, [partner()], "150", {"a": {"OWN": "1000"}})
    assert caught.value.conflict == ["leverage"]
    assert caught.value.relaxation == {"leverage": pytest.approx(100)}
    assert str(caught.value) == (
        "portfolio: these rules cannot hold together with the loans already out: leverage;"
        " the least that must give: leverage by 100.00 yuan; nothing is published"
    )


def test_two_rules_that_conflict_are_both_named(tmp_path: Path) -> None:
    """All loans out are in one region, which may have half; as much elsewhere would need more leverage."""
    customers = [customer("a", drawn="1000"), customer("b", "5000", region_code="310000")]
    with pytest.raises(InfeasibleError) as caught:
        fund(tmp_path, customers, None, "250", {"a": {"OWN": "1000"}}, region_share_cap=0.5)
    assert sorted(caught.value.conflict) == ["leverage", "region_share 110000"]
    assert sum(caught.value.relaxation.values()) == pytest.approx(
        250
    )  # 500 of b fit: 1,000 are 250 above half of 1,500
