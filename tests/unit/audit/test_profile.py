"""The checker's own reading of a profile: dates, drafts, exact numbers."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from unit.audit.night_by_hand import PACKAGED

from tierline.audit.profile import read_profile
from tierline.errors import ConfigurationError

NAME = "cn-online-micro-lender"


@pytest.mark.parametrize(
    ("day", "cap"), [("2025-09-30", 0.36), ("2025-10-01", 0.24), ("2027-12-31", 0.24), ("2028-01-01", 0.12)]
)
def test_both_dates_of_an_entry_are_included(day: str, cap: float) -> None:
    assert read_profile(NAME, date.fromisoformat(day)).number("pricing.price_cap") == cap


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
