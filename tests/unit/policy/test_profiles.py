"""Every packaged profile: usable on any date, labelled honestly, and with the figures of its rules."""

from __future__ import annotations

import re
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from tierline.audit.cap import cap_in_force
from tierline.audit.profile import read_profile
from tierline.policy import load_policy

NAMES = ("cn-online-micro-lender", "generic", "in-co-lending")
DAYS = (date(2016, 1, 1), date(2025, 12, 31), date(2026, 6, 30), date(2028, 1, 1))


def test_these_are_all() -> None:
    packaged = files("tierline.policy").joinpath("profiles").iterdir()
    assert sorted(found.name for found in packaged) == [f"{name}.yaml" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_is_usable_on_every_date_by_the_night_and_by_the_checker(name: str) -> None:
    for day in DAYS:
        policy = load_policy(name, day)
        assert policy.name == name
        assert policy.policy_id.startswith(f"{name}-")
        assert float(cap_in_force(read_profile(name, day))) == policy.pricing.price_cap


@pytest.mark.parametrize("name", ["generic", "in-co-lending"])
def test_a_number_without_a_rule_behind_it_says_so(name: str) -> None:
    content = yaml.safe_load(files("tierline.policy").joinpath("profiles", f"{name}.yaml").read_text("utf-8"))
    ruled = {
        (f"{section}.{key}", entry["confidence"])
        for section in ("scale", "pricing", "limits", "funding")
        for key, entries in content[section].items()
        for entry in entries
        if entry["confidence"] != "own_choice"
    }
    shares = ("own_share_min", "partner_loan_share_min", "first_loss_cap")
    expected = {(f"funding.{key}", "unverified") for key in shares} if name == "in-co-lending" else set()
    assert ruled == expected


def test_every_number_of_a_profile_is_read_by_code_that_decides() -> None:
    root = Path(str(files("tierline")))
    code = [path for path in root.rglob("*.py") if path.relative_to(root).parts[0] not in ("audit", "policy")]
    words = set(re.findall(r"\b\w+\b", " ".join(path.read_text(encoding="utf-8") for path in code)))
    cap = {"cap_glide", "lpr_1y"}  # what ``policy.cap`` makes the cap in force from
    policy = load_policy("generic", date(2026, 6, 30))
    for section in (policy.scale, policy.pricing, policy.limits, policy.funding):
        assert set(type(section).model_fields) - words - cap == set()


def test_co_lending_has_the_figures_of_its_directions() -> None:
    funding = load_policy("in-co-lending", date(2026, 6, 30)).funding
    assert (funding.own_share_min, funding.partner_loan_share_min, funding.first_loss_cap) == (0.1, 0.1, 0.05)


def test_amounts_say_what_they_are_in() -> None:
    words = {name: load_policy(name, date(2026, 6, 30)).currency for name in NAMES}
    assert {name: found.code for name, found in words.items()} == {
        "cn-online-micro-lender": "CNY",
        "generic": "XXX",
        "in-co-lending": "INR",
    }
    assert (words["cn-online-micro-lender"].en, words["cn-online-micro-lender"].zh) == ("yuan", "元")
