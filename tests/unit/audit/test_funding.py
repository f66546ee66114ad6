"""Each way to spoil ``funding_allocation``, and the one rule that finds it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from unit.audit.night_by_hand import AS_OF, POLICY_ID, NightByHand, partner

Spoil = Callable[[NightByHand], object]


def _partner(partner_id: str, **values: object) -> Spoil:
    def spoil(night: NightByHand) -> None:
        (row,) = [row for row in night.partners or [] if row["partner_id"] == partner_id]
        row.update(**values)

    return spoil


def _fact(key: str, **values: object) -> Spoil:
    return lambda night: night.row("inputs", customer_key=key).update(**values)


def _fund(key: str, **amounts: str) -> Spoil:
    return lambda night: night.fund(key, **amounts)


def _unlimited(night: NightByHand) -> None:
    row = {"customer_key": "c07", "as_of": AS_OF, "funder_id": "OWN", "share": 1.0, "amount": Decimal(1)}
    night.tables["funding_allocation"].append(row | {"policy_id": POLICY_ID})


def _two_partners(night: NightByHand) -> None:
    night.partners = [*(night.partners or []), partner("P3")]
    night.fund("c03", OWN="3703.71", P2="8000", P3="641.96")


def _leverage(night: NightByHand) -> None:
    # own money in all is 75,025.21: one cent above 6 times 12,504.20 (1 + 1 non-standard + 4 standard)
    assert night.position is not None
    night.position[1]["net_assets"] = Decimal("12504.20")
    night.policy["limits.borrower_share_of_net_assets"] = 10.0


def _share(night: NightByHand) -> None:
    night.row("funding_allocation", customer_key="c01", funder_id="P1")["share"] += 1e-8


CASES: list[tuple[str, Spoil]] = [
    ("customers", _unlimited),
    ("amount_sum", _fund("c04", OWN="15000.01")),
    ("amount_sum", _fund("c01", OWN="9000", P1="20999.99")),
    ("negative_amount", _fund("c01", OWN="30000.01", P1="-0.01")),
    ("share", _share),
    ("own_share", _fund("c03", OWN="3703.70", P2="8641.97")),
    ("own_share", _fund("c03", P2="12345.67")),
    ("partner_known", _fund("c03", OWN="3703.71", P9="8641.96")),
    ("consent", _fact("c01", consent_partner_sharing=False)),
    ("partner_expiry", _partner("P2", expires_on=date(2026, 9, 27))),
    ("partner_tier", _partner("P2", accepted_tiers="A,B")),
    ("partner_region", _fact("c03", region_code="110000")),
    ("partner_region", _partner("P2", regions="310000")),
    ("partner_region", _partner("P2", home_region="310000")),  # a regional licence: its home and no further
    ("partner_region", _partner("P2", regions="310000", home_region="320000")),
    ("partner_region", _partner("P1", regions="320000")),
    ("partner_region", _partner("P1", licence="online", regions="310000,320000")),
    ("partner_commitment", _partner("P1", drawn=Decimal("100000.01"))),
    ("partner_commitment", _partner("P1", commitment=Decimal("120999.99"))),
    ("partner_tier1", _partner("P1", net_tier1_capital=Decimal("483999.99"))),
    ("partner_joint", _partner("P1", joint_loan_balance=Decimal("79000.01"))),
    ("partner_joint", _partner("P1", total_loans=Decimal("199999.99"))),
    ("leverage", _leverage),
]


@pytest.mark.parametrize(("rule", "spoil"), CASES)
def test_found(night: NightByHand, tmp_path: Path, rule: str, spoil: Spoil) -> None:
    spoil(night)
    assert [(one.table, one.rule, one.count) for one in night.audit(tmp_path)] == [("funding_allocation", rule, 1)]


def test_two_partners_of_one_loan(night: NightByHand, tmp_path: Path) -> None:
    _two_partners(night)
    found = [(one.table, one.rule) for one in night.audit(tmp_path)]
    # the book counts the first of them, so what is stated for the other is found as well
    assert found == [("funding_allocation", "one_partner"), ("portfolio_constraints", "used")]


def test_a_limit_without_funding(night: NightByHand, tmp_path: Path) -> None:
    night.drop("funding_allocation", customer_key="c04")
    assert [(one.table, one.rule) for one in night.audit(tmp_path)] == [("credit_limits", "customers_funded")]


def test_without_partners_every_partner_is_unknown(night: NightByHand, tmp_path: Path) -> None:
    night.partners = None
    assert [(one.rule, one.count) for one in night.audit(tmp_path)] == [("partner_known", 2)]


@pytest.mark.parametrize(
    "allow",
    [
        _partner("P2", regions="*", home_region="320000"),
        _partner("P1", regions="110000"),
        _partner("P1", net_tier1_capital=Decimal(484_000)),
        _partner("P2", expires_on=None),
    ],
)
def test_what_is_just_allowed(night: NightByHand, tmp_path: Path, allow: Spoil) -> None:
    allow(night)
    assert night.audit(tmp_path) == []


def test_own_money_up_to_the_last_cent_of_leverage(night: NightByHand, tmp_path: Path) -> None:
    _leverage(night)
    assert night.position is not None
    night.position[1]["net_assets"] = Decimal("12504.21")
    assert night.audit(tmp_path) == []
    night.position = None
    assert night.audit(tmp_path) == []
