"""The cap in force: flat, or the glide to a multiple of the LPR, whichever is lower, and which of the two it names."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from unit.policy.profiles import document, entry, packaged_policy, policy_with, write

from tierline.errors import ConfigurationError
from tierline.policy import load_policy

GLIDE = {"starts": date(2026, 1, 1), "ends": date(2027, 12, 31), "start_rate": 0.24, "lpr_multiple": 4.0}


@pytest.mark.parametrize(
    ("day", "cap", "rule"),
    [
        (date(2025, 9, 30), 0.36, "house cap"),
        (date(2025, 10, 1), 0.24, "助贷新规"),
        (date(2026, 3, 31), 0.24, "助贷新规"),  # the glide starts at the flat cap, which is then the one that binds
        (date(2026, 4, 1), 0.225, "小额贷款公司"),  # 24 % to 12 % in 8 quarters: 1.5 points each
        (date(2026, 6, 30), 0.225, "小额贷款公司"),
        (date(2026, 7, 1), 0.21, "小额贷款公司"),
        (date(2027, 1, 1), 0.18, "小额贷款公司"),
        (date(2027, 12, 30), 0.135, "小额贷款公司"),
        (date(2027, 12, 31), 0.12, "小额贷款公司"),  # 4 x 3.00 %, by the end of 2027
        (date(2028, 1, 1), 0.12, "小额贷款公司"),
    ],
)
def test_the_cap_of_a_day_and_the_rule_it_comes_from(day: date, cap: float, rule: str) -> None:
    pricing = packaged_policy(day).pricing
    assert pricing.price_cap == cap
    assert pricing.cap_rule.startswith(rule)


@pytest.mark.parametrize(
    ("day", "lpr"),
    [
        (date(2019, 8, 20), 0.0425),
        (date(2020, 4, 20), 0.0385),
        (date(2022, 8, 21), 0.037),
        (date(2024, 10, 20), 0.0335),
        (date(2025, 5, 19), 0.031),
        (date(2025, 5, 20), 0.03),
    ],
)
def test_the_lpr_is_the_one_published_by_that_day(day: date, lpr: float) -> None:
    assert packaged_policy(day).pricing.lpr_1y == lpr


def _lpr(content: dict[str, Any], *rates: tuple[date, float]) -> dict[str, Any]:
    """The profile with this series of the LPR, each until the next."""
    ends = [day - timedelta(days=1) for day, _ in rates[1:]] + [None]
    content["pricing"]["lpr_1y"] = [
        entry(rate, effective_from=day, effective_to=end) for (day, rate), end in zip(rates, ends, strict=True)
    ]
    return content


def test_a_new_lpr_moves_the_steps_still_to_come(tmp_path: Path) -> None:
    path = write(tmp_path, _lpr(document(), (date(2026, 1, 1), 0.03), (date(2026, 10, 20), 0.0275)))
    assert load_policy(path, date(2026, 10, 19)).pricing.price_cap == 0.195  # 24 - 3 x 1.5
    exact = Fraction(24, 100) + (4 * Fraction(275, 10_000) - Fraction(24, 100)) * Fraction(3, 8)
    assert exact == Fraction(19125, 100_000)
    assert load_policy(path, date(2026, 10, 20)).pricing.price_cap == 0.1912  # 19.125 %, rounded down
    assert load_policy(path, date(2028, 6, 1)).pricing.price_cap == 0.11


def test_months_for_steps(tmp_path: Path) -> None:
    numbers = {"pricing.cap_glide": GLIDE | {"step_months": 1}}
    assert policy_with(tmp_path, date(2026, 2, 1), numbers).pricing.price_cap == 0.235
    assert policy_with(tmp_path, date(2026, 2, 28), numbers).pricing.price_cap == 0.235


def test_the_lower_of_the_two_binds(tmp_path: Path) -> None:
    lower = policy_with(tmp_path, date(2026, 7, 1), {"pricing.price_cap": 0.2}).pricing
    assert (lower.price_cap, lower.cap_rule) == (0.2, "test")
    upper = policy_with(tmp_path, date(2026, 7, 1), {"pricing.price_cap": 1.0}).pricing
    assert (upper.price_cap, upper.flat_cap) == (0.21, 1.0)


def test_the_cap_never_rises_and_never_moves_within_a_quarter_while_the_lpr_stands() -> None:
    days = [date(2025, 12, 1) + timedelta(days=step) for step in range(0, 800, 5)]
    caps = [(packaged_policy(day).pricing.price_cap, (day.year, (day.month - 1) // 3)) for day in days]
    assert [cap for cap, _ in caps] == sorted((cap for cap, _ in caps), reverse=True)
    assert len({cap for cap, _ in caps}) == 9
    assert len({quarter for cap, quarter in caps if cap > 0.12}) == len({pair for pair in caps if pair[0] > 0.12})


def test_without_a_glide_no_lpr_is_needed(tmp_path: Path) -> None:
    policy = policy_with(tmp_path, date(2030, 1, 1), {"pricing.cap_glide": None, "pricing.lpr_1y": None})
    assert policy.pricing.price_cap == 0.24


def test_a_missing_lpr_is_named_with_its_date(tmp_path: Path) -> None:
    content = document()
    content["pricing"]["lpr_1y"] = content["pricing"]["lpr_1y"][:-1]  # the series ends on 2025-05-19
    with pytest.raises(ConfigurationError, match=r"pricing\.lpr_1y: no value in force on 2026-06-30"):
        load_policy(write(tmp_path, content), date(2026, 6, 30))
