"""Whole nights under the other packaged profiles: no finding of the independent audit, and their own rules bind."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pytest
from portfolio_worlds import DAY, Decided, World, decide, findings, following, world
from unit.policy.profiles import PACKAGED

from tierline.money import to_cents
from tierline.pricing import offer_note

IN = "in-co-lending"
BEFORE = date(2025, 12, 30)  # the RBI directions hold from 2026-01-01: decisions of this night are used the day before
ABOVE = 0.0501
GUARANTEES = (None, 0.05, ABOVE, 0.02)  # first-loss shares of the partners in turn; at most 0.05 is lawful
TENTH = Fraction(1, 10)


def two_nights(given: World, folder: Path, seed: int) -> list[tuple[World, Decided]]:
    """The night and, with loans out, the night after it; neither may have a finding."""
    first = decide(given)
    after = following(given, first, seed, moved=0.2)
    nights = [(given, first), (after, decide(after))]
    for night, decided in nights:
        assert findings(night, decided.tables, folder) == []
    return nights


def parts(decided: Decided) -> dict[str, tuple[int, int, str]]:
    """Partner's part and limit in cents, and the partner, of every customer with one."""
    limits = decided.tables["credit_limits"]
    limit = dict(zip(limits.column("customer_key").to_pylist(), to_cents(limits.column("credit_limit")), strict=True))
    allocation = decided.tables["funding_allocation"]
    names = (allocation.column(name).to_pylist() for name in ("customer_key", "funder_id"))
    rows = zip(*names, to_cents(allocation.column("amount")).tolist(), strict=True)
    return {key: (part, int(limit[key]), funder) for key, funder, part in rows if funder != "OWN"}


@pytest.mark.parametrize("day", [DAY, BEFORE])
@pytest.mark.parametrize("seed", range(10))
def test_each_lender_keeps_a_tenth_of_a_new_joint_loan(seed: int, day: date, tmp_path: Path) -> None:
    nasty = seed % 3 == 2
    room = 0.05 if seed % 2 else None
    given = world(300, seed, nasty=nasty, room=room, profile=IN, day=day, guarantees=GUARANTEES)
    (_, first), (_, second) = two_nights(given, tmp_path, seed)
    joint = parts(first)
    barred = {f"P{number + 1:02d}" for number in range(6) if GUARANTEES[number % len(GUARANTEES)] == ABOVE}
    assert not barred & {funder for _, _, funder in joint.values()}
    assert joint or nasty, "of nasty worlds some have no partner that may fund anything"
    for part, limit, _ in joint.values():
        assert TENTH * limit <= part <= limit - TENTH * limit
    assert second.result.limits.num_rows == 300
    rule = given.policy.sources["funding.partner_loan_share_min"]
    assert ("RBI" in rule) == (day == DAY)


@pytest.mark.parametrize("profile", [IN, "generic"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_night_like_the_last_one_changes_nothing(seed: int, profile: str) -> None:
    given = world(2_000, seed, room=0.1, profile=profile)
    after = following(given, decide(given), seed)
    second = decide(after)
    third = decide(following(after, second, seed, drawn=0))
    assert third.result.kept
    for name, amount in (("credit_limits", "credit_limit"), ("funding_allocation", "amount")):
        tables = [one.tables[name] for one in (second, third)]
        for column in ("customer_key", amount):
            assert tables[0].column(column).equals(tables[1].column(column)), name
    funders = [one.tables["funding_allocation"].column("funder_id") for one in (second, third)]
    assert funders[0].equals(funders[1])


def test_partners_of_a_source_without_the_column_have_no_guarantee(tmp_path: Path) -> None:
    given = world(300, 1, profile=IN)
    assert given.partners is not None
    short = replace(given, partners=given.partners.drop_columns(["first_loss_share"]))
    decided = decide(short)
    assert findings(short, decided.tables, tmp_path) == []
    assert decided.tables["funding_allocation"].equals(decide(given).tables["funding_allocation"])


def test_prices_of_constraints_are_in_the_money_of_the_profile() -> None:
    given = world(300, 1, room=0.05, profile=IN)
    rows = decide(given).tables["portfolio_constraints"].to_pylist()
    priced = [row for row in rows if row["constraint"] == "partner_commitment" and row["shadow_price"] > 0]
    assert priced
    for row in priced:
        assert row["text_en"] == (
            f"one more rupee of partner {row['member']}'s commitment is worth {row['shadow_price']:.4f} rupees a year"
        )
        assert "卢比" in row["text_zh"]
        assert "元" not in row["text_zh"]


def test_without_the_rule_some_partners_would_have_less_and_the_audit_says_so(tmp_path: Path) -> None:
    """The same worlds with a least part of 0: where room runs out a customer gets the crumbs."""
    loose = PACKAGED.with_name(f"{IN}.yaml").read_text(encoding="utf-8")
    start = loose.index("  partner_loan_share_min:")
    loose = loose[:start] + loose[start:].replace("value: 0.1", "value: 0.0", 2)
    path = tmp_path / "loose.yaml"
    path.write_text(loose, encoding="utf-8")
    found = 0
    for seed in (6, 9, 11):
        given = world(300, seed, room=0.05, profile=str(path))
        decided = decide(given)
        below = [part for part, limit, _ in parts(decided).values() if part < TENTH * limit]
        assert findings(given, decided.tables, tmp_path) == []
        lines = findings(replace(given, profile=IN), decided.tables, tmp_path)
        said = (
            f"partner_loan_share: a partner that funds something new must have at least 0.1 of the loan; {len(below)} "
        )
        assert any(said in line for line in lines) == bool(below)
        found += len(below)
    assert found, "else the tests above prove nothing"


@pytest.mark.parametrize("seed", range(10))
def test_the_generic_profile_decides_two_nights(seed: int, tmp_path: Path) -> None:
    given = world(
        300, seed, nasty=seed % 3 == 2, room=0.05 if seed % 2 else None, profile="generic", guarantees=(None, 0.01)
    )
    nights = two_nights(given, tmp_path, seed)
    assert not {"P02", "P04", "P06"} & {one[2] for one in parts(nights[0][1]).values()}, "no guarantee is allowed"
    own = Fraction(str(given.policy.funding.own_share_min))
    assert all(limit - part >= own * limit for part, limit, _ in parts(nights[0][1]).values())


def generic_with(numbers: dict[str, float], folder: Path) -> str:
    """The generic profile with some numbers, each on one line, replaced."""
    lines = PACKAGED.with_name("generic.yaml").read_text(encoding="utf-8").splitlines()
    for name, value in numbers.items():
        at = lines.index(f"  {name}:") + 1
        lines[at], found = re.subn(r"value: [0-9.]+", f"value: {value}", lines[at])
        assert found == 1, name
    path = folder / "generic.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_a_night_on_which_the_cap_is_below_every_cost_declines_everybody(tmp_path: Path) -> None:
    path = generic_with({"rate_floor": 0.01, "price_cap": 0.02}, tmp_path)
    given = world(300, 1, profile=path)
    decided = decide(given)
    assert findings(given, decided.tables, tmp_path) == []
    rows = decided.tables["credit_limits"].to_pylist()
    assert {row["action"] for row in rows} == {"decline"}
    assert {row["action_reason"] for row in rows} == {"PRICE_NOT_OFFERED", "IN_DEFAULT"}
    note = offer_note(decided.tables["pricing"])
    assert note is not None
    assert note.startswith("no price is offered and every customer is declined: the cap of 2.00%")
    assert "no customer has a limit: there is nothing to fund" in decided.result.notes


def test_a_night_on_which_everybody_is_in_default_declines_everybody(tmp_path: Path) -> None:
    given = world(300, 1, profile=IN)
    for name, value in (("in_default", True), ("pd_12m", 1.0)):
        at, field = given.inputs.column_names.index(name), given.inputs.schema.field(name)
        given = replace(given, inputs=given.inputs.set_column(at, field, pa.array([value] * 300, field.type)))
    decided = decide(given)
    assert findings(given, decided.tables, tmp_path) == []
    limits = decided.tables["credit_limits"].to_pylist()
    assert {(row["action"], row["action_reason"], row["credit_limit"]) for row in limits} == {
        ("decline", "IN_DEFAULT", 0)
    }
    assert decided.tables["funding_allocation"].num_rows == 0
    assert "no customer has a limit: there is nothing to fund" in decided.result.notes
