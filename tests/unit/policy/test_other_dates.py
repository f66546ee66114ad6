"""A profile is refused today for what would stop the night of another date."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from unit.policy.profiles import document, entry, write

from tierline.errors import ConfigurationError
from tierline.policy import load_policy

DAY = date(2026, 6, 30)
LATER = {"effective_from": date(2030, 1, 1)}
NEXT_CAP = {"effective_from": date(2028, 1, 1), "effective_to": date(2029, 12, 31)}


def with_caps(*later: dict[str, Any]) -> dict[str, Any]:
    """The packaged profile with other caps from 2028 on and no glide; today's stays."""
    content = document()
    before, today = content["pricing"]["price_cap"]
    content["pricing"]["price_cap"] = [before, today | {"effective_to": date(2027, 12, 31)}, *later]
    content["pricing"]["cap_glide"] = [entry(None)]
    return content


def with_lpr(later: dict[str, Any], ends: date | None = date(2029, 12, 31)) -> dict[str, Any]:
    content = document()
    content["pricing"]["lpr_1y"] = [entry(0.03, effective_to=ends), later]
    return content


def with_glide(later: dict[str, Any]) -> dict[str, Any]:
    content = document()
    content["pricing"]["cap_glide"] = [content["pricing"]["cap_glide"][1] | {"effective_to": date(2029, 12, 31)}, later]
    return content


REFUSED = {
    "per cent for a share": (with_caps(entry(12.0, **NEXT_CAP)), "pricing.price_cap.2 (from 2028-01-01): Input should"),
    "text in the past": (with_caps(entry("0.36", effective_to=date(2010, 1, 1))), "pricing.price_cap"),
    "draft out of range": (with_caps(entry(-0.1, status="draft", **LATER)), "price_cap.2 (from 2030-01-01)"),
    "two from 2030": (
        with_caps(entry(0.12, effective_from=date(2028, 1, 1)), entry(0.1, **LATER)),
        "pricing.price_cap: 2 values in force on 2030-01-01",
    ),
    "an LPR of another date in per cent": (with_lpr(entry(3.1, **LATER)), "pricing.lpr_1y.1 (from 2030-01-01): Input"),
    "two LPRs from 2030": (
        with_lpr(entry(0.031, **LATER), ends=None),
        "pricing.lpr_1y: 2 values in force on 2030-01-01",
    ),
    "a glide of another date": (with_glide(entry({"starts": 1}, **LATER)), "pricing.cap_glide.1 (from 2030-01-01)"),
    "one day of overlap": (
        with_caps(entry(0.12, **NEXT_CAP), entry(0.1, effective_from=date(2029, 12, 31))),
        "pricing.price_cap: 2 values in force on 2029-12-31",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_entry_of_another_date_that_cannot_be_used_is_refused_today(case: str, tmp_path: Path) -> None:
    content, expected = REFUSED[case]
    path = write(tmp_path, content)
    with pytest.raises(ConfigurationError) as refused:
        load_policy(path, DAY)
    assert str(refused.value).startswith(f"{path}: ")
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)


def test_entries_that_follow_each_other_and_drafts_beside_them_are_fine(tmp_path: Path) -> None:
    content = with_caps(entry(0.12, **NEXT_CAP), entry(0.1, **LATER), entry(0.08, status="draft", **LATER))
    path = write(tmp_path, content)
    assert load_policy(path, DAY).pricing.price_cap == 0.24
    assert load_policy(path, date(2029, 12, 31)).pricing.price_cap == 0.12
    assert load_policy(path, date(2030, 1, 1)).pricing.price_cap == 0.1


def test_a_gap_ahead_does_not_stop_today_but_its_own_nights(tmp_path: Path) -> None:
    path = write(tmp_path, with_caps())
    assert load_policy(path, DAY).pricing.price_cap == 0.24
    with pytest.raises(ConfigurationError, match="no value in force on 2028-01-01"):
        load_policy(path, date(2028, 1, 1))
