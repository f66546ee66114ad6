"""A draft counts in what-if only, replaces what is in force there, and is named; a published night refuses it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from unit.policy.profiles import NAME, document, entry, packaged_policy, write

from tierline.errors import ConfigurationError
from tierline.policy import load_policy, require_in_force

DAY = date(2026, 6, 30)
DRAFTS = ("limits.consumer_cap", "limits.annual_income_share_cap", "funding.own_share_min")


def test_the_drafts_of_2020_replace_what_is_in_force_in_what_if_only() -> None:
    proposed, published = load_policy(NAME, DAY, drafts=True), packaged_policy(DAY)
    assert proposed.drafts == DRAFTS
    assert published.drafts == ()
    assert (proposed.limits.consumer_cap, published.limits.consumer_cap) == (300_000, 200_000)
    assert (proposed.limits.annual_income_share_cap, published.limits.annual_income_share_cap) == (0.3333, None)
    assert (proposed.funding.own_share_min, published.funding.own_share_min) == (0.3, 0.3)
    assert "征求意见稿" in proposed.sources["limits.consumer_cap"]


def test_rows_decided_with_drafts_cannot_pass_for_rows_decided_without() -> None:
    assert load_policy(NAME, DAY, drafts=True).policy_id == f"{packaged_policy(DAY).policy_id}-drafts"


def test_before_the_draft_was_written_there_is_none() -> None:
    assert load_policy(NAME, date(2020, 11, 1), drafts=True) == packaged_policy(date(2020, 11, 1))


def test_a_published_night_refuses_a_policy_with_drafts_and_names_them() -> None:
    assert require_in_force(packaged_policy(DAY)) is packaged_policy(DAY)
    with pytest.raises(ConfigurationError, match=r"limits.consumer_cap, .*: a draft, which what-if may use") as refused:
        require_in_force(load_policy(NAME, DAY, drafts=True))
    assert "\n" not in str(refused.value)


def test_a_number_with_a_draft_only_is_refused_by_a_night_and_used_by_what_if(tmp_path: Path) -> None:
    content = document()
    content["pricing"]["lgd"] = [entry(0.4, status="draft")]
    path = write(tmp_path, content)
    with pytest.raises(ConfigurationError, match=r"pricing\.lgd: no value in force .* only a draft, for what-if"):
        load_policy(path, DAY)
    assert load_policy(path, DAY, drafts=True).pricing.lgd == 0.4


def test_two_drafts_for_one_day_are_refused(tmp_path: Path) -> None:
    content = document()
    content["pricing"]["lgd"] += [entry(0.4, status="draft"), entry(0.3, status="draft")]
    with pytest.raises(ConfigurationError, match=r"pricing\.lgd: 2 drafts for 2026-06-30: give at most one"):
        load_policy(write(tmp_path, content), DAY, drafts=True)
