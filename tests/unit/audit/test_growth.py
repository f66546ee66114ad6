"""What may grow: each way to break the pause, the months on book, the early warning and the hold-out.

c02 is raised from 20,000 to 30,000; c05 is frozen 10 days past due; c08 is held at 5,000 with a PD of 1 %, and c09 at
8,000 with 10 %, neither with anything drawn.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from unit.audit.night_by_hand import AS_OF, CUSTOMERS, NightByHand

OTHER = AS_OF - timedelta(days=1)
WARNED = {"action_reason": "EARLY_WARNING"}


def rules(night: NightByHand, folder: Path, as_of: date = AS_OF) -> list[str]:
    return [one.rule for one in night.audit(folder, as_of)]


def limit_row(night: NightByHand, key: str) -> dict[str, Any]:
    return night.row("credit_limits", customer_key=key)


def on(night: NightByHand, day: date) -> None:
    for row in (row for rows in night.tables.values() for row in rows):
        row["as_of"] = day


def freeze(night: NightByHand, key: str, limit: str = "0") -> None:
    night.limit(key, limit, action="freeze", action_reason="EARLY_WARNING")
    if limit == "0":
        night.fund(key)


@pytest.mark.parametrize(("months", "expected"), [(2, ["seasoning"]), (3, [])])
def test_a_raise_needs_three_months_on_book(
    night: NightByHand, tmp_path: Path, months: int, expected: list[str]
) -> None:
    night.row("inputs", customer_key="c02")["months_on_book"] = months
    assert rules(night, tmp_path) == expected


@pytest.mark.parametrize(("ago", "expected"), [(89, ["cooldown"]), (90, []), (None, [])])
def test_a_raise_needs_90_days_since_the_last_change(
    night: NightByHand, tmp_path: Path, ago: int | None, expected: list[str]
) -> None:
    night.previous_limits = {"c02": {"last_change_on": None if ago is None else AS_OF - timedelta(days=ago)}}
    assert rules(night, tmp_path) == expected


@pytest.mark.parametrize(
    ("key", "stated", "expected"),
    [
        ("c02", AS_OF, []),
        ("c02", OTHER, ["changed_on"]),
        ("c02", None, ["changed_on"]),
        ("c01", None, ["changed_on"]),  # a first limit
        ("c08", date(2026, 1, 5), []),
        ("c08", AS_OF, ["change_carried"]),
        ("c08", None, ["change_carried"]),
        ("c07", AS_OF, ["change_carried"]),  # declined as before: no change
    ],
)
def test_the_date_of_the_last_change(
    night: NightByHand, tmp_path: Path, key: str, stated: date | None, expected: list[str]
) -> None:
    night.previous_limits = {"c08": {"last_change_on": date(2026, 1, 5)}, "c02": {"last_change_on": date(2026, 1, 5)}}
    for row in night.tables["credit_limits"]:
        if row["customer_key"] == "c08":
            row["last_change_on"] = date(2026, 1, 5)
    limit_row(night, key)["last_change_on"] = stated
    assert rules(night, tmp_path) == expected


@pytest.mark.parametrize(
    ("before", "model", "expected"),
    [
        (0.03, "m", ["early_warning"]),  # 0.1 is more than three times as much
        (0.0334, "m", []),
        (0.03, "another", []),
    ],
)
def test_a_pd_three_times_as_high_must_freeze(
    night: NightByHand, tmp_path: Path, before: float, model: str, expected: list[str]
) -> None:
    night.previous_limits, night.previous_scores = {}, {"c09": (before, model)}
    assert rules(night, tmp_path) == expected


def test_below_the_floor_no_rise_is_a_warning(night: NightByHand, tmp_path: Path) -> None:
    night.previous_limits, night.previous_scores = {}, {"c08": (0.001, "m")}
    assert rules(night, tmp_path) == []


def test_exactly_three_times_may_go_either_way(night: NightByHand, tmp_path: Path) -> None:
    night.previous_limits, night.previous_scores = {}, {"c09": (0.1 / 3, "m")}
    assert rules(night, tmp_path) == []
    freeze(night, "c09")
    assert rules(night, tmp_path) == []


@pytest.mark.parametrize(("limit", "expected"), [("0", []), ("100", ["freeze", "early_warning"])])
def test_frozen_is_at_most_what_is_drawn(night: NightByHand, tmp_path: Path, limit: str, expected: list[str]) -> None:
    night.previous_limits, night.previous_scores = {}, {"c09": (0.02, "m")}
    freeze(night, "c09", limit)
    assert rules(night, tmp_path) == expected


def test_no_early_warning_without_a_risen_pd(night: NightByHand, tmp_path: Path) -> None:
    night.previous_limits, night.previous_scores = {}, {"c09": (0.09, "m")}
    freeze(night, "c09")
    assert rules(night, tmp_path) == ["early_warning_grounds"]


@pytest.mark.parametrize(
    ("key", "day", "expected"),
    [
        ("c09", AS_OF, ["early_warning"]),  # a review, but the PD is still above the floor
        ("c08", AS_OF, []),  # a review that finds it below
        ("c08", OTHER, ["early_warning"]),  # below, but no review
    ],
)
def test_a_freeze_lasts_until_a_review_finds_the_pd_below_the_floor(
    night: NightByHand, tmp_path: Path, key: str, day: date, expected: list[str]
) -> None:
    night.limit("c02", "20000", action="hold", previous_limit=Decimal(20_000))
    on(night, day)
    night.previous_limits = {key: WARNED}
    assert rules(night, tmp_path, day) == expected


def drawn(night: NightByHand, share: float, seed: int) -> dict[str, bool]:
    """By the definition: the first 8 bytes, big-endian, as a fraction of 2⁶⁴."""
    night.policy.update({"limits.holdout_share": share, "limits.holdout_seed": seed})
    held = {}
    for key in CUSTOMERS:
        digest = blake2b(key.encode(), key=str(seed).encode(), digest_size=8).hexdigest()
        held[key] = int(digest, 16) / 2**64 < share
        arm = ("holdout", share) if held[key] else ("policy", 1 - share)
        limit_row(night, key).update(policy_arm=arm[0], propensity=arm[1])
    return held


def test_arms_as_drawn(night: NightByHand, tmp_path: Path) -> None:
    seed = next(seed for seed in range(1, 50) if not drawn(night, 0.3, seed)["c02"] and drawn(night, 0.3, seed)["c08"])
    assert drawn(night, 0.3, seed)["c08"]
    assert rules(night, tmp_path) == []
    limit_row(night, "c08").update(policy_arm="policy")
    assert rules(night, tmp_path) == ["policy_arm"]
    limit_row(night, "c08").update(policy_arm="holdout", propensity=0.31)
    assert rules(night, tmp_path) == ["propensity"]


def test_the_hold_out_is_not_raised(night: NightByHand, tmp_path: Path) -> None:
    seed = next(seed for seed in range(1, 50) if drawn(night, 0.3, seed)["c02"])
    assert drawn(night, 0.3, seed)["c02"]
    assert rules(night, tmp_path) == ["holdout"]


@pytest.mark.parametrize("spoil", [{"policy_arm": "holdout"}, {"policy_arm": None}])
def test_without_a_hold_out_everybody_is_in_the_policy_arm(
    night: NightByHand, tmp_path: Path, spoil: dict[str, Any]
) -> None:
    limit_row(night, "c09").update(spoil)
    assert rules(night, tmp_path) == ["policy_arm"]


def test_the_share_of_a_year_s_income(night: NightByHand, tmp_path: Path) -> None:
    night.policy["limits.annual_income_share_cap"] = 0.3333
    night.row("inputs", customer_key="c04")["income_recurring_monthly"] = Decimal("3750.38")  # 15,000.02
    night.row("inputs", customer_key="c08")["declared_income_monthly"] = Decimal("2500.26")  # half: 5,000.02
    night.row("inputs", customer_key="c02")["income_recurring_monthly"] = Decimal(1)  # a business
    assert rules(night, tmp_path) == []
    night.row("inputs", customer_key="c04")["income_recurring_monthly"] = Decimal("3750.37")  # 14,999.98
    night.row("inputs", customer_key="c08")["declared_income_monthly"] = Decimal("2500.24")
    assert [(one.rule, one.count) for one in night.audit(tmp_path)] == [("income_share_cap", 2)]
