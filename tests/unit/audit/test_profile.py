"""The checker's own reading of a profile: dates, drafts, exact numbers."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from unit.audit.night_by_hand import PACKAGED

from tierline.audit.cap import cap_in_force
from tierline.audit.profile import read_profile
from tierline.errors import ConfigurationError

NAME = "cn-online-micro-lender"


@pytest.mark.parametrize(("day", "cap"), [("2025-09-30", 0.36), ("2025-10-01", 0.24), ("2028-01-01", 0.24)])
def test_both_dates_of_an_entry_are_included(day: str, cap: float) -> None:
    assert read_profile(NAME, date.fromisoformat(day)).number("pricing.price_cap") == cap


@pytest.mark.parametrize(
    ("day", "cap"),
    [
        ("2025-12-31", "0.24"),
        ("2026-03-31", "0.24"),
        ("2026-04-01", "0.225"),
        ("2027-12-30", "0.135"),
        ("2027-12-31", "0.12"),
        ("2031-01-01", "0.12"),
    ],
)
def test_the_cap_glides_by_quarters_to_four_times_the_lpr(day: str, cap: str) -> None:
    assert cap_in_force(read_profile(NAME, date.fromisoformat(day))) == Fraction(cap)


def test_the_glide_is_rounded_down_and_needs_an_lpr(tmp_path: Path) -> None:
    series = [{"value": 0.0275, "effective_from": date(2020, 1, 1), "status": "in_force"}]
    day = date(2026, 10, 20)  # 24 % + 3/8 of the way to 11 %: 19.125 %
    assert cap_in_force(read_profile(_written(tmp_path, "lpr_1y", series), day)) == Fraction("0.1912")
    path = _written(tmp_path, "lpr_1y", [series[0] | {"value": None}])
    with pytest.raises(ConfigurationError, match=r"pricing\.lpr_1y: none on 2026-10-20, the glide needs it"):
        cap_in_force(read_profile(path, day))


def test_a_glide_of_another_form_is_refused(tmp_path: Path) -> None:
    path = _written(
        tmp_path, "cap_glide", [{"value": {"starts": 1}, "effective_from": date(2020, 1, 1), "status": "x"}]
    )
    with pytest.raises(ConfigurationError, match=r"pricing\.cap_glide: not of the form"):
        cap_in_force(read_profile(path, date(2026, 6, 30)))


def test_numbers_are_exact_as_written() -> None:
    profile = read_profile(str(PACKAGED), date(2026, 6, 30))
    assert profile.name == NAME
    assert profile.exact("funding.own_share_min") == Fraction(3, 10)
    assert profile.cents("limits.product_cap") == 10_000_000
    assert profile.terms() == [3, 6, 12]
    assert list(profile.by_tier("limits.tier_caps")) == list("ABCDEFG")


def _written(tmp_path: Path, key: str, entries: object) -> str:
    content = yaml.safe_load(PACKAGED.read_text(encoding="utf-8"))
    content = content | {"pricing": content["pricing"] | {key: entries}}
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def test_a_draft_is_never_used(tmp_path: Path) -> None:
    entry = {"value": 0.5, "effective_from": date(2020, 1, 1), "status": "in_force"}
    path = _written(tmp_path, "lgd", [entry, entry | {"value": 0.3, "status": "draft"}])
    assert read_profile(path, date(2026, 6, 30)).number("pricing.lgd") == 0.5


ENTRY = {"value": 0.5, "effective_from": date(2020, 1, 1), "status": "in_force"}


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([ENTRY, ENTRY], "pricing.lgd: 2 values in force on 2026-06-30"),
        ([ENTRY | {"effective_from": date(2026, 7, 1)}], "pricing.lgd: 0 values in force"),
        ([{"value": 0.5}], "not of the form of a profile"),
        (0.5, "not of the form of a profile"),
        ([ENTRY | {"value": "half"}], "pricing.lgd: 'half' is not a number"),
    ],
)
def test_a_number_that_cannot_be_used_is_one_line(tmp_path: Path, entries: object, says: str) -> None:
    path = _written(tmp_path, "lgd", entries)
    with pytest.raises(ConfigurationError, match=says):
        read_profile(path, date(2026, 6, 30)).number("pricing.lgd")


def test_a_word_must_be_a_known_one() -> None:
    profile = read_profile(NAME, date(2026, 6, 30))
    assert profile.word("limits.raise_review", ("month_end", "nightly")) == "month_end"
    with pytest.raises(ConfigurationError, match="raise_review: month_end is not one of weekly"):
        profile.word("limits.raise_review", ("weekly",))


def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    for name in ("no-such-profile", str(tmp_path / "no.yaml"), "../policy"):
        with pytest.raises(ConfigurationError, match="neither a packaged profile nor a YAML file"):
            read_profile(name, date(2026, 6, 30))
