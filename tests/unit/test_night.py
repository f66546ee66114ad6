"""A night: which day its decisions are used on, and so which rules they must keep."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tierline.config import Settings
from tierline.errors import TierlineError
from tierline.home import Home
from tierline.night import Night
from tierline.policy import load_policy
from tierline.sources.info import SourceInfo


def night_of(day: date, root: Path) -> Night:
    info = SourceInfo(name="any", tables=[], first_day=date(2020, 1, 1), as_of=day)
    return Night(Home(root), Settings(), info, day)


@pytest.mark.parametrize(
    ("day", "cap"),
    [(date(2025, 9, 29), 0.36), (date(2025, 9, 30), 0.24), (date(2026, 6, 30), 0.21), (date(2027, 12, 30), 0.12)],
)
def test_the_rules_are_those_of_the_morning_after(day: date, cap: float, tmp_path: Path) -> None:
    """The cap of 24 % holds from 2025-10-01, that of 12 % from 2027-12-31: the night before must keep it already."""
    night = night_of(day, tmp_path)
    assert load_policy(night.policy_name, night.effective_on).pricing.price_cap == cap


def test_a_stage_that_has_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(TierlineError, match="scored of 2026-06-30 is not there yet"):
        night_of(date(2026, 6, 30), tmp_path).staged("scored")
