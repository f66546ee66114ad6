"""The funding split: each rule in a hand-made case, and a brute-force check of every rule in random books."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from unit.policy.profiles import packaged_policy, policy_with

from tierline.funding import FundingInputs, FundingResult, funding_costs, split_funding
from tierline.policy import Policy
from tierline.schemas import PUBLISHED

DAY = date(2026, 6, 30)
Row = dict[str, Any]
Split = dict[str, dict[str, str]]


def partner(partner_id: str = "P", **facts: Any) -> Row:
    """A national bank with room for everything."""
    row: Row = {"partner_id": partner_id, "licence": "national", "home_region": "310000", "regions": "*"}
    row |= {"net_tier1_capital": 10**9, "total_loans": 10**10, "joint_loan_balance": 0}
    row |= {"commitment": 10**8, "drawn": 0, "expires_on": None, "accepted_tiers": "*", "cost_of_funds": 0.03}
    assert facts.keys() <= row.keys()
    return row | facts


def customer(key: str, limit: str = "1000.00", **facts: Any) -> Row:
    row: Row = {"customer_key": key, "tier": "A", "region_code": "110000", "consent_partner_sharing": True}
    assert facts.keys() <= row.keys()
    return row | facts | {"credit_limit": Decimal(limit)}


def split(
    customers: list[Row], partners: list[Row] | None, net_assets: str | None = None, policy: Policy | None = None
) -> FundingResult:
    position = None if net_assets is None else position_of({DAY: net_assets})
    limits = limits_of(customers)
    facts = ("customer_key", "region_code", "consent_partner_sharing")
    inputs = pa.table({name: [row[name] for row in customers] for name in facts})
    return split_funding(
        FundingInputs(DAY, limits, inputs, partners_of(partners), position), policy or packaged_policy(DAY)
    )


def limits_of(customers: list[Row]) -> pa.Table:
    fixed = {
        "as_of": DAY,
        "previous_limit": None,
        "drawn_balance": Decimal(0),
        "action": "grant",
        "policy_arm": "policy",
    }
    fixed |= {
        "action_reason": "FIRST_GRANT",
        "binding_constraint": "affordability",
        "propensity": 1.0,
        "policy_id": "p",
    }
    return pa.Table.from_pylist([row | fixed for row in customers], schema=PUBLISHED["credit_limits"].arrow_schema)


def partners_of(rows: list[Row] | None) -> pa.Table | None:
    if rows is None:
        return None
    money = ("net_tier1_capital", "total_loans", "joint_loan_balance", "commitment", "drawn")
    typed = [row | {name: Decimal(str(row[name])).quantize(Decimal("0.01")) for name in money} for row in rows]
    columns = {name: [row[name] for row in typed] for name in typed[0]}
    types = dict.fromkeys(money, pa.decimal128(18, 2)) | {"expires_on": pa.date32()}
    return pa.table({name: pa.array(values, types.get(name)) for name, values in columns.items()})


def position_of(by_day: dict[date, str], cost: float = 0.05) -> pa.Table:
    assets = pa.array([Decimal(amount) for amount in by_day.values()], pa.decimal128(18, 2))
    return pa.table({"as_of": list(by_day), "net_assets": assets, "cost_of_funds": [cost] * len(by_day)})


def amounts(result: FundingResult) -> Split:
    """Amounts by customer and funder; funders of a customer in the order of the table."""
    out: Split = {}
    for row in result.allocation.to_pylist():
        out.setdefault(row["customer_key"], {})[row["funder_id"]] = str(row["amount"])
    return out


def funders(result: FundingResult) -> dict[str, str]:
    """The partner of each funded customer, OWN where there is none."""
    return {key: next((name for name in parts if name != "OWN"), "OWN") for key, parts in amounts(result).items()}


@pytest.mark.parametrize(
    ("limit", "own", "theirs"),
    [
        ("1000.00", "300.00", "700.00"),
        ("100.00", "30.00", "70.00"),
        ("12345.67", "3703.71", "8641.96"),  # 30 % is 3,703.701: the odd cent is the lender's
        ("0.02", "0.01", "0.01"),
        ("4321.50", "1296.45", "3025.05"),
        ("10000000.00", "3000000.00", "7000000.00"),
    ],
)
def test_own_share_is_thirty_percent_and_the_odd_cent(limit: str, own: str, theirs: str) -> None:
    result = split([customer("a", limit)], [partner()])
    assert amounts(result) == {"a": {"OWN": own, "P": theirs}}
    assert result.used == {"OWN": int(Decimal(own) * 100), "P": int(Decimal(theirs) * 100)}
    shares = result.allocation.column("share").to_pylist()
    assert shares == pytest.approx([float(Decimal(own) / Decimal(limit)), float(Decimal(theirs) / Decimal(limit))])


def test_a_single_cent_is_the_lender_s() -> None:
    assert amounts(split([customer("a", "0.01")], [partner()])) == {"a": {"OWN": "0.01"}}


def test_no_multiple_of_a_hundred_loses_a_cent_to_rounding() -> None:
    keys = {f"c{number:04d}": number * 100 for number in range(1, 1001)}
    parts = amounts(split([customer(key, f"{yuan}.00") for key, yuan in keys.items()], [partner()]))
    assert parts == {
        key: {"OWN": f"{yuan * 30 // 100}.00", "P": f"{yuan * 70 // 100}.00"} for key, yuan in keys.items()
    }


@pytest.mark.parametrize(
    ("facts", "taken"),
    [
        ({"commitment": 700}, True),
        ({"commitment": 699.99}, False),
        ({"commitment": 1_700, "drawn": 1_000}, True),
        ({"commitment": 1_700, "drawn": 1_000.01}, False),
        ({"net_tier1_capital": 2_800}, True),  # 25 % is 700
        ({"net_tier1_capital": 2_799.99}, False),
        ({"net_tier1_capital": 6_800, "drawn": 1_000}, True),
        ({"net_tier1_capital": 6_800, "drawn": 1_000.01}, False),
        ({"total_loans": 1_400}, True),  # 50 % is 700
        ({"total_loans": 1_399.99}, False),
        ({"total_loans": 3_400, "joint_loan_balance": 1_000}, True),
        ({"total_loans": 3_400, "joint_loan_balance": 1_000.01}, False),
        ({"joint_loan_balance": 10**11}, False),
        ({"expires_on": DAY + timedelta(days=90)}, True),
        ({"expires_on": DAY + timedelta(days=89)}, False),
        ({"expires_on": DAY - timedelta(days=1)}, False),
        ({"accepted_tiers": "A"}, True),
        ({"accepted_tiers": "B, A"}, True),
        ({"accepted_tiers": "B,C"}, False),
        ({"accepted_tiers": ""}, False),
        ({"regions": "310000, 110000"}, True),
        ({"regions": "310000"}, False),
        ({"licence": "regional", "regions": "*"}, False),  # "*" of a regional licence is the home region
        ({"licence": "regional", "regions": "*", "home_region": "110000"}, True),
        ({"licence": "regional", "regions": "110000"}, False),  # listed, but not its home
        ({"licence": "regional", "regions": "110000", "home_region": "110000"}, True),
        ({"licence": "regional", "regions": "310000", "home_region": "110000"}, False),  # its home, but not agreed
        ({"licence": "online", "regions": "*"}, True),
    ],
)
def test_a_partner_funds_exactly_what_its_rules_leave(facts: dict[str, Any], taken: bool) -> None:
    result = split([customer("a")], [partner(**facts)])
    assert amounts(result) == {"a": {"OWN": "300.00", "P": "700.00"} if taken else {"OWN": "1000.00"}}


def test_nothing_is_shared_without_consent() -> None:
    customers = [customer("a", consent_partner_sharing=False), customer("b")]
    assert funders(split(customers, [partner()])) == {"a": "OWN", "b": "P"}


def test_the_cheapest_partner_first_then_the_next_then_the_lender() -> None:
    customers = [customer(key) for key in "abcd"]
    partners = [
        partner("dear", cost_of_funds=0.04, commitment=700),
        partner("cheap", cost_of_funds=0.02, commitment=1_500),
    ]
    assert funders(split(customers, partners)) == {"a": "cheap", "b": "cheap", "c": "dear", "d": "OWN"}


def test_partners_of_one_cost_go_by_id_and_a_loan_has_at_most_one() -> None:
    partners = [partner("Q", commitment=700), partner("P", commitment=699)]
    assert amounts(split([customer("a")], partners)) == {"a": {"OWN": "300.00", "Q": "700.00"}}
    assert funders(split([customer("a")], [partner("Q"), partner("P")])) == {"a": "P"}


def test_a_smaller_loan_may_still_fit_where_a_larger_did_not() -> None:
    customers = [customer("a", "2000.00"), customer("b", "900.00")]
    assert funders(split(customers, [partner(commitment=700)])) == {"a": "OWN", "b": "P"}


def test_better_tiers_are_served_first_whatever_their_names(tmp_path: Path) -> None:
    customers = [customer("a", tier="C"), customer("b", tier="A"), customer("c", tier="B")]
    assert funders(split(customers, [partner(commitment=700)])) == {"a": "OWN", "b": "P", "c": "OWN"}
    names = {"prime": 0.05, "mid": 0.2, "low": 1.0}  # rising risk, falling in the alphabet
    numbers: dict[str, Any] = {"scale.tier_bounds": names, "scale.reference_pd": names | {"low": 0.3}}
    numbers |= {"limits.tier_caps": dict.fromkeys(names, 1000.0)}
    other = [customer(key, tier=tier) for key, tier in (("a", "low"), ("b", "mid"), ("c", "prime"))]
    result = split(other, [partner(commitment=700)], policy=policy_with(tmp_path, DAY, numbers))
    assert funders(result) == {"a": "OWN", "b": "OWN", "c": "P"}


def test_own_money_is_six_times_net_assets_and_what_does_not_fit_is_withdrawn() -> None:
    customers = [
        customer("a"),
        customer("b", tier="B", consent_partner_sharing=False),
        customer("c", "500.00", tier="C"),
    ]
    result = split(customers, [partner()], net_assets="200.00")  # 1,200 of own money: 300 + 1,000 do not fit
    assert amounts(result) == {"a": {"OWN": "300.00", "P": "700.00"}, "c": {"OWN": "150.00", "P": "350.00"}}
    rows = {row["customer_key"]: row for row in result.limits.to_pylist()}
    gone = (rows["b"]["credit_limit"], rows["b"]["action"], rows["b"]["action_reason"], rows["b"]["binding_constraint"])
    assert gone == (Decimal("0.00"), "decline", "FUNDING_CAPACITY", "funding_capacity")
    kept = limits_of(customers).to_pylist()
    assert [rows["a"], rows["c"]] == [kept[0], kept[2]]
    assert (result.cut, result.used) == (1, {"OWN": 45_000, "P": 105_000})


@pytest.mark.parametrize(("net_assets", "cut"), [("166.67", 0), ("166.66", 1)])  # 6 x 166.67 = 1,000.02
def test_own_capacity_to_the_cent(net_assets: str, cut: int) -> None:
    assert split([customer("a")], None, net_assets=net_assets).cut == cut


def test_without_partners_and_position_everything_is_own_and_both_are_said() -> None:
    result = split([customer("a"), customer("b", "0.00")], None)
    assert amounts(result) == {"a": {"OWN": "1000.00"}}
    assert result.cut == 0
    assert any("no funding partners" in note for note in result.notes)
    assert any("leverage was not assessed" in note for note in result.notes)
    assert split([customer("a")], [partner()], net_assets="1e6").notes == []


def test_no_limits_need_no_money() -> None:
    result = split([customer("a", "0.00")], [partner()])
    assert result.allocation.num_rows == 0
    assert result.allocation.schema.names == list(PUBLISHED["funding_allocation"].column_names)


def test_costs_are_those_of_the_newest_position_and_of_what_partners_can_still_fund() -> None:
    policy = packaged_policy(DAY)
    partners = partners_of(
        [
            partner("P", commitment=300, cost_of_funds=0.02),
            partner("Q", commitment=100, cost_of_funds=0.04),
            partner("full", commitment=100, drawn=100, cost_of_funds=0.9),
        ]
    )
    position = position_of({DAY: "1.00", DAY - timedelta(days=30): "9.00", DAY + timedelta(days=1): "5.00"})
    costs = funding_costs(policy, partners, position, DAY)
    assert costs.own == 0.05
    assert costs.partner == pytest.approx((3 * 0.02 + 0.04) / 4, abs=1e-15)
    assert costs.blended(0.3) == pytest.approx(0.3 * 0.05 + 0.7 * 0.025, abs=1e-15)


def test_costs_without_a_source_are_the_policy_s() -> None:
    policy = packaged_policy(DAY)
    assert funding_costs(policy, None, None, DAY).own == policy.pricing.own_cost_of_funds
    assert funding_costs(policy, None, None, DAY).partner is None
    assert funding_costs(policy, partners_of([partner(commitment=0)]), None, DAY).partner is None


def test_a_position_of_tomorrow_is_not_known_today() -> None:
    later = position_of({DAY + timedelta(days=1): "0.01"})
    limits = limits_of([customer("a")])
    facts = pa.table({"customer_key": ["a"], "region_code": ["1"], "consent_partner_sharing": [True]})
    result = split_funding(FundingInputs(DAY, limits, facts, None, later), packaged_policy(DAY))
    assert result.cut == 0


@pytest.mark.parametrize("seed", range(30))
def test_every_rule_holds_in_a_random_book(seed: int) -> None:
    rng = np.random.default_rng(seed)
    customers = [
        customer(
            f"c{number:03d}",
            str(Decimal(int(rng.integers(0, 3_000_000))).scaleb(-2)),
            tier="ABCDEF"[int(rng.integers(6))],
            region_code=str(rng.choice(["110000", "310000", "440000"])),
            consent_partner_sharing=bool(rng.random() < 0.7),
        )
        for number in range(80)
    ]
    partners = [
        partner(
            f"P{number}",
            licence=str(rng.choice(["regional", "national"])),
            regions=str(rng.choice(["*", "110000,440000"])),
            accepted_tiers=str(rng.choice(["*", "A,B,C"])),
            commitment=int(rng.integers(100, 300_000)),
            drawn=int(rng.integers(0, 100_000)),
            net_tier1_capital=int(rng.integers(100_000, 900_000)),
            total_loans=int(rng.integers(100_000, 900_000)),
            joint_loan_balance=int(rng.integers(0, 200_000)),
            cost_of_funds=float(rng.choice([0.02, 0.03])),
        )
        for number in range(3)
    ]
    net_assets = int(rng.integers(10_000, 150_000))
    check(
        split(customers, partners, net_assets=str(net_assets)),
        customers,
        {p["partner_id"]: p for p in partners},
        net_assets,
    )


def check(result: FundingResult, customers: list[Row], partners: dict[str, Row], net_assets: int) -> None:
    """Every rule again, in exact decimals, from the tables alone."""
    facts = {row["customer_key"]: row for row in customers}
    limits = {row["customer_key"]: row["credit_limit"] for row in result.limits.to_pylist()}
    parts = {key: {name: Decimal(text) for name, text in found.items()} for key, found in amounts(result).items()}
    totals: dict[str, Decimal] = {}
    for key, limit in limits.items():
        assert limit in (Decimal(0), facts[key]["credit_limit"])
        assert sum(parts.get(key, {}).values(), Decimal(0)) == limit
    for key, found in parts.items():
        assert found["OWN"] * 100 >= ceil(Fraction(limits[key]) * 100 * Fraction(3, 10))
        others = [name for name in found if name != "OWN"]
        assert len(others) <= 1
        for name in others:
            assert facts[key]["consent_partner_sharing"]
            assert partners[name]["accepted_tiers"] == "*" or facts[key]["tier"] in partners[name]["accepted_tiers"]
            assert reaches(partners[name], facts[key]["region_code"])
        for name, amount in found.items():
            totals[name] = totals.get(name, Decimal(0)) + amount
    assert totals.get("OWN", Decimal(0)) <= 6 * net_assets
    for name in totals.keys() - {"OWN"}:
        bank = partners[name]
        assert bank["drawn"] + totals[name] <= min(bank["commitment"], Decimal(bank["net_tier1_capital"]) / 4)
        assert bank["joint_loan_balance"] + totals[name] <= Decimal(bank["total_loans"]) / 2
    assert result.used == {"OWN": 0} | dict.fromkeys(result.used, 0) | {n: int(a * 100) for n, a in totals.items()}
    assert result.cut == sum(limit == 0 < facts[key]["credit_limit"] for key, limit in limits.items())


def reaches(bank: Row, region: str) -> bool:
    if bank["regions"] != "*":
        return region in bank["regions"].split(",")
    return bank["licence"] == "national" or region == bank["home_region"]
