"""Profiles: what is in force on a day, what is refused and how it is said, what the policy_id covers."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from unit.policy.profiles import NAME, PACKAGED, SECTIONS, changed, document, entry, packaged_policy, write

from tierline.errors import ConfigurationError
from tierline.policy import load_policy
from tierline.policy.load import Profile

DAY = date(2026, 6, 30)
FIRST, LAST = date(2016, 1, 1), date(2030, 12, 31)


def days_to_try() -> list[date]:
    """About every month from 2016 to 2030, and the days around each date on which a number changes."""
    days = {FIRST + timedelta(days=30 * step) for step in range((LAST - FIRST).days // 30 + 1)} | {LAST}
    for section in SECTIONS:
        for entries in document()[section].values():
            for item in entries:
                edges = (item["effective_from"], item.get("effective_to"))
                days |= {edge + timedelta(days=shift) for edge in edges if edge for shift in (-1, 0, 1)}
    return sorted(day for day in days if FIRST <= day <= LAST)


def test_every_day_has_exactly_the_numbers_the_file_gives_for_it() -> None:
    content = document()
    for day in days_to_try():
        policy = load_policy(NAME, day)
        assert policy.as_of == day
        for section in SECTIONS:
            for key, entries in content[section].items():
                (held,) = [
                    item
                    for item in entries
                    if item["status"] != "draft" and item["effective_from"] <= day <= item.get("effective_to", date.max)
                ]
                numbers = getattr(policy, section).model_dump()
                name = "flat_cap" if key == "price_cap" else key  # price_cap itself is what is in force: test_cap
                assert numbers[name] == held["value"], (day, section, key)
                assert policy.sources[f"{section}.{key}"] == held["source"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("limits.consumer_cap", 200_000),
        ("limits.business_cap", 10_000_000),
        ("limits.borrower_share_of_net_assets", 0.10),
        ("limits.related_share_of_net_assets", 0.15),
        ("funding.own_share_min", 0.30),
        ("funding.partner_tier1_cap", 0.25),
        ("funding.partner_joint_cap", 0.50),
        ("funding.non_standard_leverage", 1),
        ("funding.standard_leverage", 4),
    ],
)
def test_the_figures_of_the_rules_in_force_are_those_of_the_rules(key: str, value: float) -> None:
    section, name = key.split(".")
    assert getattr(getattr(packaged_policy(DAY), section), name) == value


@pytest.mark.parametrize("day", [date(2009, 12, 31), date(1990, 1, 1)])
def test_before_the_first_entry_nothing_is_in_force(day: date) -> None:
    with pytest.raises(ConfigurationError, match="no value in force"):
        packaged_policy(day)


def _drop(key: str) -> dict[str, Any]:
    content = document()
    del content["pricing"][key]
    return content


def _add(section: str, key: str, item: dict[str, Any]) -> dict[str, Any]:
    content = document()
    content[section].setdefault(key, []).append(item)
    return content


def _replace(key: str, item: dict[str, Any]) -> dict[str, Any]:
    content = document()
    content["pricing"][key] = [item]
    return content


def _glide(**other: Any) -> dict[str, Any]:
    glide = {"starts": date(2026, 1, 1), "ends": date(2027, 12, 31), "start_rate": 0.24, "lpr_multiple": 4.0}
    return _replace("cap_glide", entry(glide | {"step_months": 3} | other))


TIERS = {"A": 0.005, "B": 0.01, "C": 0.02, "D": 0.04, "E": 0.08, "F": 0.15, "G": 1.0}
CAPS = {"A": 6.0, "B": 5.0, "C": 4.0, "D": 3.0, "E": 2.0, "F": 1.0, "G": 0.0}
REFUSED: dict[str, tuple[Any, str]] = {
    "unknown number": (_add("pricing", "price_capp", entry(0.2)), "pricing.price_capp: Extra inputs"),
    "unknown section": (document() | {"prices": {}}, "prices: Extra inputs"),
    "unknown word in an entry": (_replace("lgd", entry(0.5, until="x")), "pricing.lgd.0.until: Extra inputs"),
    "number missing": (_drop("lgd"), "pricing.lgd: Field required"),
    "section missing": ({k: v for k, v in document().items() if k != "limits"}, "limits: Field required"),
    "two at once": (_add("pricing", "price_cap", entry(0.2)), "pricing.price_cap: 2 values in force on 2026-06-30"),
    "draft only": (
        _replace("lgd", entry(0.5, status="draft")),
        "pricing.lgd: no value in force on 2026-06-30: give exactly one (drafts do not count): there is only a draft",
    ),
    "LPR ended": (_replace("lpr_1y", entry(0.03, effective_to=date(2026, 6, 29))), "pricing.lpr_1y: no value in force"),
    "LPR of none": (_replace("lpr_1y", entry(None)), "pricing.lpr_1y: no LPR on 2026-06-30, and pricing.cap_glide"),
    "LPR in per cent": (_replace("lpr_1y", entry(3.0)), "pricing.lpr_1y: Input should be less than or equal to 0.2"),
    "cap stated": (_add("pricing", "cap_rule", entry("x")), "pricing.cap_rule: Extra inputs are not permitted"),
    "glide of an unknown word": (_glide(until=1), "until: Extra inputs"),
    "glide in the middle of a month": (_glide(ends=date(2027, 12, 30)), "ends the last of one"),
    "glide back in time": (_glide(ends=date(2025, 12, 31)), "whole number of steps"),
    "glide of broken steps": (_glide(step_months=7), "whole number of steps of 7 months"),
    "glide to nothing": (_glide(lpr_multiple=0.0), "lpr_multiple: Input should be greater than 0"),
    "floor above the glide": (changed({"pricing.rate_floor": 0.23}), "rate_floor 0.23 is above price_cap 0.225"),
    "bands of hysteresis that meet": (changed({"scale.hysteresis": 0.4}), "bands around bounds 0.005 and 0.01 meet"),
    "hysteresis of all": (changed({"scale.hysteresis": 1.0}), "scale.hysteresis: Input should be less than 1"),
    "more than the loan": (
        changed({"funding.partner_loan_share_min": 0.71}),
        "own_share_min 0.3 and partner_loan_share_min 0.71 are more than the whole loan",
    ),
    "a cap no partner can come to": (
        changed({"funding.partner_share_cap": 0.8}),
        "partner_share_cap 0.8 is more than own_share_min 0.3 leaves",
    ),
    "floor above everything": (changed({"funding.inclusive_floor": 1.1}), "funding.inclusive_floor: Input should be"),
    "income share above 1": (changed({"limits.annual_income_share_cap": 1.5}), "limits.annual_income_share_cap"),
    "currency of no code": (document() | {"currency": {"code": "yuan", "en": "a", "zh": "b"}}, "currency.code"),
    "no currency": ({k: v for k, v in document().items() if k != "currency"}, "currency: Field required"),
    "gone": (_replace("lgd", entry(0.5, effective_to=date(2026, 6, 29))), "pricing.lgd: no value in force"),
    "not yet": (_replace("lgd", entry(0.5, effective_from=date(2026, 7, 1))), "pricing.lgd: no value in force"),
    "ends before it begins": (_replace("lgd", entry(0.5, effective_to=date(2009, 1, 1))), "effective_to is before"),
    "superseded without end": (_replace("lgd", entry(0.5, status="superseded")), "needs effective_to"),
    "unknown status": (_replace("lgd", entry(0.5, status="maybe")), "pricing.lgd.0.status"),
    "no source": (_replace("lgd", entry(0.5, source="")), "pricing.lgd.0.source"),
    "related parties below the borrower": (
        changed({"limits.related_share_of_net_assets": 0.09}),
        "related_share_of_net_assets must not be below borrower_share_of_net_assets",
    ),
    "share above 1": (changed({"pricing.lgd": 1.01}), "pricing.lgd: Input should be less than or equal to 1"),
    "share below 0": (changed({"limits.dti_cap": -0.1}), "limits.dti_cap"),
    "money below 0": (changed({"limits.product_cap": -1.0}), "limits.product_cap"),
    "not a number": (changed({"pricing.lgd": math.nan}), "pricing.lgd"),
    "infinite": (changed({"scale.score_base": math.inf}), "scale.score_base: Input should be a finite number"),
    "infinite rounding": (changed({"limits.rounding": math.inf}), "limits.rounding"),
    "rounding of nothing": (changed({"limits.rounding": 0.0}), "limits.rounding"),
    "text for a number": (changed({"pricing.price_cap": "0.24"}), "pricing.price_cap"),
    "yes for a number": (changed({"pricing.price_cap": True}), "pricing.price_cap"),
    "floor above cap": (changed({"pricing.rate_floor": 0.3}), "rate_floor 0.3 is above price_cap 0.225"),
    "no terms": (changed({"pricing.terms": []}), "pricing.terms"),
    "falling terms": (changed({"pricing.terms": [12, 6]}), "terms must rise"),
    "reference term not on offer": (changed({"limits.reference_term": 9}), "reference_term 9 is not among"),
    "unknown review": (changed({"limits.raise_review": "weekly"}), "limits.raise_review"),
    "no tiers": (changed({"scale.tier_bounds": {}}), "scale.tier_bounds"),
    "falling bounds": (changed({"scale.tier_bounds": TIERS | {"B": 0.004}}), "tier_bounds must rise"),
    "equal bounds": (changed({"scale.tier_bounds": TIERS | {"B": 0.005}}), "tier_bounds must rise"),
    "bounds short of 1": (changed({"scale.tier_bounds": TIERS | {"G": 0.9}}), "end at 1"),
    "X has a bound": (changed({"scale.tier_bounds": {"X": 0.001} | TIERS}), "X is the tier of customers in default"),
    "reference PD of other tiers": (changed({"scale.reference_pd": {"A": 0.0035}}), "reference_pd must name the tiers"),
    "reference PD outside": (changed({"scale.reference_pd": TIERS | {"A": 0.006}}), "must lie between the bounds"),
    "rising caps": (changed({"limits.tier_caps": CAPS | {"B": 7.0}}), "tier_caps must not rise with risk"),
    "caps of other tiers": (changed({"limits.tier_caps": {"A": 1.0}}), "tier_caps must name the tiers"),
    "caps in another order": (changed({"limits.tier_caps": dict.fromkeys(reversed(CAPS), 1.0)}), "same order"),
    "a list": ([1, 2], "valid dictionary"),
    "nothing": (None, "valid dictionary"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line_with_the_path(case: str, tmp_path: Path) -> None:
    content, expected = REFUSED[case]
    path = write(tmp_path, content)
    with pytest.raises(ConfigurationError) as refused:
        load_policy(path, DAY)
    line = str(refused.value)
    assert line.startswith(f"{path}: ")
    assert expected in line
    assert "\n" not in line
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"scale: [", "not valid YAML"),
        (b"name: a\nname: b\n", "key name stands twice"),
        ("name: 贷款".encode("gb18030"), "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(text: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigurationError, match=expected) as refused:
        load_policy(str(path), DAY)
    assert "\n" not in str(refused.value)


def test_a_number_given_twice_is_not_silently_the_last(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    text = PACKAGED.read_text(encoding="utf-8")
    line = "{value: 0.9, effective_from: 2010-01-01, status: in_force, confidence: own_choice, source: later}"
    path.write_text(text.replace("\n  rate_floor:", f"\n  price_cap:\n    - {line}\n  rate_floor:"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="key price_cap stands twice"):
        load_policy(str(path), DAY)


@pytest.mark.parametrize("name", ["no-such-profile", "../policy", "missing/policy.yaml", "missing.yml"])
def test_a_profile_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load_policy(name, DAY)


def _each_number() -> list[tuple[str, str, int]]:
    content = document()
    return [
        (section, key, index)
        for section in SECTIONS
        for key in content[section]
        for index in range(len(content[section][key]))
    ]


def test_the_policy_id_changes_with_any_number_and_any_date() -> None:
    ids = {packaged_policy(DAY).policy_id}
    for tried, (section, key, index) in enumerate(_each_number(), start=1):
        ids.add(_id_with(section, key, index))
        assert len(ids) == tried + 1, (section, key, index)


def _id_with(section: str, key: str, index: int) -> str:
    """The id of the packaged profile with one entry nudged by as little as the policy's checks allow."""
    content = document()
    item = content[section][key][index]
    value = item["value"]
    if isinstance(value, dict):
        name = "A" if "A" in value else "start_rate"
        item["value"] = value | {name: value[name] * 1.0001}
    elif value is None:
        item["value"] = 0.0001
    elif isinstance(value, list):
        item["value"] = [*value, 24]
    elif isinstance(value, str):
        item["value"] = f"{value}."
    else:
        item["value"] = value + 1 if isinstance(value, int) else value * 1.0001 or 0.0001
    return Profile.model_validate(content).policy_id


def test_the_policy_id_does_not_change_with_the_form_of_the_file(tmp_path: Path) -> None:
    expected = packaged_policy(DAY).policy_id
    assert load_policy(write(tmp_path, document()), DAY).policy_id == expected
    path = tmp_path / "flow.yaml"
    block = yaml.safe_dump(document(), default_flow_style=False, sort_keys=False, indent=8, allow_unicode=False)
    path.write_text(f"# another comment\n\n{block}\n# end\n", encoding="utf-8")
    assert load_policy(str(path), DAY).policy_id == expected


def test_the_policy_id_names_the_profile_and_is_the_same_every_day() -> None:
    ids = {packaged_policy(day).policy_id for day in (date(2016, 1, 1), DAY, date(2030, 12, 31))}
    assert len(ids) == 1
    assert ids.pop().startswith(f"{NAME}-")
