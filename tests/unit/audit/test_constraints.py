"""Each way to spoil ``portfolio_constraints``, and the rule that finds it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from unit.audit.night_by_hand import NightByHand

CENT = {"partner_commitment": 0.01, "partner_share": 1e-7, "expected_loss": 1e-7, "inclusive": 1e-7, "capital": 0.01}


def rules(night: NightByHand, folder: Path) -> list[tuple[str, str, int]]:
    return [(one.table, one.rule, one.count) for one in night.audit(folder)]


def found(*names: str) -> list[tuple[str, str, int]]:
    return [("portfolio_constraints", name, 1) for name in names]


def stated(night: NightByHand, constraint: str) -> dict[str, Any]:
    """The first row of a constraint in a table that is right so far."""
    return next(row for row in night.state_constraints() if row["constraint"] == constraint)


@pytest.mark.parametrize("constraint", CENT)
@pytest.mark.parametrize("figure", ["used", "bound", "slack"])
def test_a_figure_that_is_a_cent_off(night: NightByHand, tmp_path: Path, constraint: str, figure: str) -> None:
    row = stated(night, constraint)
    row[figure] += CENT[constraint]
    if figure != "slack":  # of the figures as stated
        left = row["used"] - row["bound"]
        row["slack"] = left if constraint == "inclusive" else -left
    assert rules(night, tmp_path) == found(figure)


@pytest.mark.parametrize("figure", ["used", "bound", "slack", "shadow_price"])
def test_not_a_number(night: NightByHand, tmp_path: Path, figure: str) -> None:
    stated(night, "leverage")[figure] = float("nan")
    assert ("portfolio_constraints", figure, 1) in rules(night, tmp_path)


def test_a_price_below_nothing(night: NightByHand, tmp_path: Path) -> None:
    stated(night, "partner_commitment")["shadow_price"] = -1e-6
    assert rules(night, tmp_path) == found("shadow_price")


@pytest.mark.parametrize(("assets", "expected"), [("65793.89", []), ("65793.91", found("shadow_price"))])
def test_a_price_where_there_is_room(
    night: NightByHand, tmp_path: Path, assets: str, expected: list[tuple[str, str, int]]
) -> None:
    # 75,025.21 is own: 6 x 65,793.90 leaves 5 % of the bound and ten limits of 30,000
    assert night.position is not None
    night.position[1]["net_assets"] = Decimal(assets)
    night.policy["limits.borrower_share_of_net_assets"] = 10.0
    stated(night, "leverage")["shadow_price"] = 0.01
    assert rules(night, tmp_path) == expected


def test_a_price_where_the_bound_is_tight(night: NightByHand, tmp_path: Path) -> None:
    row = stated(night, "partner_commitment")
    assert row["slack"] == 0
    row["shadow_price"] = 0.02
    assert rules(night, tmp_path) == []


@pytest.mark.parametrize("constraint", [*CENT, "leverage"])
def test_a_row_that_is_not_there(night: NightByHand, tmp_path: Path, constraint: str) -> None:
    night.row("credit_limits", customer_key="c02")["binding_constraint"] = "portfolio_region_share"  # ``inclusive``
    row = stated(night, constraint)
    night.drop("portfolio_constraints", constraint=constraint, member=row["member"])
    assert rules(night, tmp_path) == found("missing_row")


def test_rows_that_need_not_be_there(night: NightByHand, tmp_path: Path) -> None:
    night.fund("c03", OWN="12345.67")  # P2 funds nothing
    night.state_constraints()
    night.drop("portfolio_constraints", constraint="partner_share", member="P2")
    night.drop("portfolio_constraints", constraint="region_share", member="110000")  # two regions cannot keep 25 %
    night.drop("portfolio_constraints", constraint="inclusive", member="book")  # nobody was lowered
    assert rules(night, tmp_path) == []


@pytest.mark.parametrize("named", [{"member": "P9"}, {"constraint": "luck"}])
def test_a_row_of_a_rule_nobody_knows(night: NightByHand, tmp_path: Path, named: dict[str, str]) -> None:
    row = stated(night, "partner_commitment")
    night.tables["portfolio_constraints"].append(row | named)
    assert rules(night, tmp_path) == found("unknown_row")
