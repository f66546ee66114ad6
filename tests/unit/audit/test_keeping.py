"""Loans that are out keep their funders, and a partner funds something new only where it may.

c03 has a limit of 12,345.67, of which 8,641.96 may be a partner's, and has drawn 100, of which 70 may be. It stands in
320000, in tier C, and P2 funds it. c01 has drawn nothing.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from unit.audit.night_by_hand import NightByHand, partner

LIMIT = Decimal("12345.67")


def rules(night: NightByHand, folder: Path) -> list[tuple[str, int]]:
    return [(one.rule, one.count) for one in night.audit(folder)]


def theirs(night: NightByHand, amount: str) -> None:
    """P2 has so much of c03 tonight, the lender the rest."""
    own = str(LIMIT - Decimal(amount))
    night.fund("c03", **({"OWN": own, "P2": amount} if Decimal(amount) else {"OWN": own}))


def p2(night: NightByHand, **values: Any) -> None:
    assert night.partners is not None
    night.partners[1].update(values)


def draw(night: NightByHand, amount: str) -> None:
    for table in ("inputs", "credit_limits"):
        night.row(table, customer_key="c03")["drawn_balance"] = Decimal(amount)


@pytest.mark.parametrize(
    ("own", "before", "drawn", "least"),
    [
        ("3703.71", "8641.96", "100", "70"),
        ("3703.71", "8641.96", "100.01", "70.00"),  # the odd cent is the lender's
        ("8024.69", "4320.98", "6000", "4200"),  # no more than 70 % of what is out
        ("9345.67", "3000.00", "6000", "3000"),  # all that it had, however much was drawn
        ("30", "70", "6000", "70"),  # before, the limit was only 100
        ("10", "90", "6000", "70"),  # and no more of that than a partner may have
        ("30000", "30000", "30000", "8641.96"),  # the limit was lowered below what is out
    ],
)
def test_what_a_partner_carries_of_a_loan(
    night: NightByHand, tmp_path: Path, own: str, before: str, drawn: str, least: str
) -> None:
    night.stood("c03", OWN=own, P2=before)
    draw(night, drawn)
    theirs(night, least)
    assert rules(night, tmp_path) == []
    theirs(night, str(Decimal(least) - Decimal("0.01")))
    assert rules(night, tmp_path) == [("kept_amount", 1)]
    theirs(night, "0")
    assert rules(night, tmp_path) == [("kept_amount", 1)]


def test_it_carries_the_same_again_the_night_after(night: NightByHand, tmp_path: Path) -> None:
    draw(night, "6000")
    night.stood("c03", OWN=str(LIMIT - 4200), P2="4200")
    p2(night, notice_days=0)
    theirs(night, "4200")
    assert rules(night, tmp_path) == []


@pytest.mark.parametrize(
    "before", [{"OWN": "3703.71", "P1": "8641.96"}, {"OWN": "3703.71", "GONE": "8641.96"}, {"OWN": "12345.67"}]
)
def test_no_other_partner_than_before(night: NightByHand, tmp_path: Path, before: dict[str, str]) -> None:
    night.stood("c03", **before)
    assert rules(night, tmp_path) == [("kept_partner", 1)]
    draw(night, "0")
    assert rules(night, tmp_path) == []


def test_what_was_all_own_stays_so(night: NightByHand, tmp_path: Path) -> None:
    night.stood("c03", OWN="12345.67")
    theirs(night, "0")
    assert rules(night, tmp_path) == []


def _gone(night: NightByHand) -> None:
    night.partners = (night.partners or [])[:1]


UNFIT: dict[str, Any] = {
    "partner_expiry": lambda night: p2(night, expires_on=date(2026, 9, 27)),
    "partner_notice": lambda night: p2(night, notice_days=29),
    "partner_guarantee": lambda night: p2(night, first_loss_share=0.0001),  # none is allowed
    "partner_tier": lambda night: p2(night, accepted_tiers="A,B"),
    "partner_region": lambda night: p2(night, home_region="310000"),
    "consent": lambda night: night.row("inputs", customer_key="c03").update(consent_partner_sharing=False),
    "partner_known": _gone,
}


@pytest.mark.parametrize("rule", UNFIT)
def test_a_partner_that_runs_off_carries_exactly_what_is_out(night: NightByHand, tmp_path: Path, rule: str) -> None:
    night.stood("c03", OWN="3703.71", P2="8641.96")
    UNFIT[rule](night)
    for amount, expected in (("70", []), ("70.01", [("run_off", 1)]), ("69.99", [("kept_amount", 1)])):
        theirs(night, amount)
        assert rules(night, tmp_path) == expected


@pytest.mark.parametrize("rule", sorted(set(UNFIT) - {"partner_known"}))
def test_without_a_record_only_what_is_beyond_the_loan_is_new(night: NightByHand, tmp_path: Path, rule: str) -> None:
    UNFIT[rule](night)
    for amount, expected in (("70", []), ("70.01", [(rule, 1)]), ("8641.96", [(rule, 1)])):
        theirs(night, amount)
        assert rules(night, tmp_path) == expected
    draw(night, "0")
    theirs(night, "0.01")
    assert rules(night, tmp_path) == [(rule, 1)]


def test_what_a_fit_partner_just_may(night: NightByHand, tmp_path: Path) -> None:
    p2(night, notice_days=30, expires_on=date(2026, 9, 28), accepted_tiers="C", regions="320000")
    night.stood("c03", OWN="3703.71", P2="8641.96")
    assert rules(night, tmp_path) == []


def test_a_guarantee_as_large_as_the_cap_is_allowed(night: NightByHand, tmp_path: Path) -> None:
    night.policy["funding.first_loss_cap"] = 0.05
    for share, found in ((0.05, []), (0.0501, ["partner_guarantee"])):
        p2(night, first_loss_share=share)
        assert [rule for rule, _ in rules(night, tmp_path)] == found


def test_a_run_off_is_no_new_use_of_a_partner_without_room(night: NightByHand, tmp_path: Path) -> None:
    night.stood("c03", OWN="3703.71", P2="8641.96")
    p2(night, drawn=Decimal(500_000), net_tier1_capital=Decimal(10_000_000))
    theirs(night, "70")
    assert rules(night, tmp_path) == []
    theirs(night, "70.01")
    assert rules(night, tmp_path) == [("partner_commitment", 1)]


def test_of_an_empty_allocation_nothing_is_raised(night: NightByHand, tmp_path: Path) -> None:
    night.tables["funding_allocation"] = []
    night.stood("c03", OWN="3703.71", P2="8641.96")
    assert rules(night, tmp_path) == [("customers_funded", 7), ("kept_amount", 1)]
    for row in night.tables["credit_limits"]:
        row.update(credit_limit=Decimal(0), action="decline")
    assert rules(night, tmp_path) == []


def test_a_release_before_that_funded_nobody(night: NightByHand, tmp_path: Path) -> None:
    night.partners = [*(night.partners or []), partner("P3")]
    night.stood("c99", OWN="1")
    assert rules(night, tmp_path) == []


@pytest.mark.parametrize(
    ("drawn", "amount", "found"),
    [
        ("0", "1234.57", []),  # a tenth of 12,345.67 is 1,234.567: the odd cent is the partner's
        ("0", "1234.56", [("partner_loan_share", 1)]),
        ("0", "0", []),
        ("100", "70", []),  # out already: no new use
        ("100", "70.01", [("partner_loan_share", 1)]),
        ("100", "1234.57", []),
    ],
)
def test_a_partner_with_new_use_has_its_least_share(
    night: NightByHand, tmp_path: Path, drawn: str, amount: str, found: list[tuple[str, int]]
) -> None:
    night.policy["funding.partner_loan_share_min"] = 0.1
    night.stood("c03", OWN="3703.71", P2="8641.96")
    draw(night, drawn)
    theirs(night, amount)
    assert rules(night, tmp_path) == found


def test_where_both_shares_make_the_whole_the_odd_cent_is_the_lenders(night: NightByHand, tmp_path: Path) -> None:
    night.policy |= {"funding.own_share_min": 0.5, "funding.partner_loan_share_min": 0.5}
    night.fund("c01", OWN="30000")
    for amount, short in (("6172.83", False), ("6172.82", True)):
        theirs(night, amount)
        assert (("partner_loan_share", 1) in rules(night, tmp_path)) == short
