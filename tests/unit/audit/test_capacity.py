"""Rules of the whole book at the bound and one cent beyond, in a night of limits of 100,000 in all.

Of these, c01 and c02 have 30,000 each, c03 12,300 (alone in 320000), and P1 has 21,000.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from unit.audit.constraints_by_hand import constraints_by_hand
from unit.audit.night_by_hand import NightByHand

CENT = 1e-7  # of 100,000
SHARES = [
    ("partner_share", 0.21, {}),
    ("region_share", 0.877, {}),
    ("industry_share", 0.6, {"industry_code": "A01"}),
    ("scenario_share", 0.6, {"scenario_id": "retail"}),
]


@pytest.fixture
def even(night: NightByHand) -> NightByHand:
    night.limit("c03", "12300", previous_limit=Decimal(12_300))
    night.fund("c03", OWN="3690", P2="8610")
    night.limit("c04", "10400")
    night.limit("c05", "4300")
    assert sum(row["credit_limit"] for row in night.tables["credit_limits"]) == 100_000
    return night


def rules(night: NightByHand, folder: Path) -> list[tuple[str, int]]:
    return [(one.rule, one.count) for one in night.audit(folder)]


def state(night: NightByHand, keys: tuple[str, ...], values: dict[str, str]) -> None:
    for key in keys:
        night.row("inputs", customer_key=key).update(values)


@pytest.mark.parametrize(("rule", "share", "facts"), SHARES)
def test_a_share_of_all_limits(
    even: NightByHand, tmp_path: Path, rule: str, share: float, facts: dict[str, str]
) -> None:
    state(even, ("c01", "c02"), facts)  # null is the other member
    even.policy[f"funding.{rule}_cap"] = share
    assert rules(even, tmp_path) == []
    even.policy[f"funding.{rule}_cap"] = round(share - CENT, 9)
    assert rules(even, tmp_path) == [(rule, 1)]


@pytest.mark.parametrize(("cap", "expected"), [(0.5, [("region_share", 1)]), (0.4999, []), (0.01, [])])
def test_a_cap_that_two_members_cannot_keep_is_not_judged(
    even: NightByHand, tmp_path: Path, cap: float, expected: list[tuple[str, int]]
) -> None:
    even.policy["funding.region_share_cap"] = cap
    assert rules(even, tmp_path) == expected


@pytest.mark.parametrize(
    ("rule", "at", "beyond"),
    [
        ("partner_commitment", {"commitment": "121000"}, {"commitment": "120999.99"}),
        ("partner_tier1", {"net_tier1_capital": "484000"}, {"net_tier1_capital": "483999.99"}),
        ("partner_joint", {"total_loans": "175080"}, {"total_loans": "175079.99"}),
    ],
)
def test_only_what_is_new_comes_on_top_of_what_a_partner_reports(
    even: NightByHand, tmp_path: Path, rule: str, at: dict[str, str], beyond: dict[str, str]
) -> None:
    # P2 has 8,610 of c03, of which 70 are out and reported already: 112,460 and 79,000 with 8,540 more
    assert even.partners is not None
    even.partners[1] |= {"drawn": Decimal(112_460)} | {name: Decimal(value) for name, value in at.items()}
    assert rules(even, tmp_path) == []
    even.partners[1] |= {name: Decimal(value) for name, value in beyond.items()}
    assert rules(even, tmp_path) == [(rule, 1)]


@pytest.mark.parametrize(
    ("rule", "name", "unit"),
    [("expected_loss", "expected_loss_budget", 100_000), ("capital", "capital_budget", 400_000)],
)
def test_a_budget_to_the_cent(even: NightByHand, tmp_path: Path, rule: str, name: str, unit: int) -> None:
    (row,) = [row for row in constraints_by_hand(even) if row["constraint"] == rule]
    used = row["used"] if rule == "expected_loss" else row["used"] / unit
    even.policy[f"funding.{name}"] = round(used, 10)
    assert rules(even, tmp_path) == []
    even.policy[f"funding.{name}"] = round(used - 0.01 / unit, 10)
    assert rules(even, tmp_path) == [(rule, 1)]


def test_without_a_position_no_budget_of_capital(even: NightByHand, tmp_path: Path) -> None:
    even.position, even.policy["funding.capital_budget"] = None, 1e-9
    assert rules(even, tmp_path) == []


@pytest.mark.parametrize(
    ("floor", "lowered", "expected"),
    [
        (0.3, "c02", []),
        (0.3 + CENT, "c02", [("inclusive", 1)]),
        (0.3 + CENT, "c04", []),  # no sole proprietor was lowered: they want no more
        (0.3 + CENT, None, []),
    ],
)
def test_the_inclusive_floor_holds_in_two_ways(
    even: NightByHand, tmp_path: Path, floor: float, lowered: str | None, expected: list[Any]
) -> None:
    even.policy["funding.inclusive_floor"] = round(floor, 9)
    if lowered:
        even.row("credit_limits", customer_key=lowered)["binding_constraint"] = "portfolio_region_share"
    even.row("credit_limits", customer_key="c01")["binding_constraint"] = "affordable"
    assert rules(even, tmp_path) == expected


@pytest.mark.parametrize("key", ["c07", "c08"])
def test_the_limit_before_is_that_of_the_release_before(night: NightByHand, tmp_path: Path, key: str) -> None:
    was = {"c07": Decimal(100), "c08": None}[key]  # c07 says that it had none, c08 5,000
    night.previous_limits = {key: {"credit_limit": was}}
    assert rules(night, tmp_path) == [("previous_limit", 1)]
