"""Every branch of the ladder, with the exact limit, action, reason and binding constraint.

The customer's target is 60,000 (half of 10,000 over 12 months) unless the case says otherwise.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from unit.limits.customers import OTHER, REVIEW, Row, customer, outcome, prices_of
from unit.policy.profiles import policy_with

Expected = tuple[float, str, str, str]
AFFORDS_20000 = {"income_recurring_monthly": 3_334}  # 20,004, rounded down
AFFORDS_18000 = {"income_recurring_monthly": 3_000}
NO_CHANGE, NOT_MET = "NO_MATERIAL_CHANGE", "RAISE_CONDITIONS_NOT_MET"
ARREARS = (0, "decline", "RECENTLY_PAST_DUE", "recent_arrears")
FROZEN = ("freeze", "PAST_DUE", "past_due")

ON_A_REVIEW_NIGHT: dict[str, tuple[Row, Expected]] = {
    "first grant": (customer(**AFFORDS_20000), (20_000, "grant", "FIRST_GRANT", "affordability")),
    "first grant, capped": (customer(), (30_000, "grant", "FIRST_GRANT", "first_grant_cap")),
    "first grant needs no streak": (
        customer(on_time_streak=0, **AFFORDS_20000),
        (20_000, "grant", "FIRST_GRANT", "affordability"),
    ),
    "grant after a limit of 0": (
        customer(previous=0, **AFFORDS_20000),
        (20_000, "grant", "FIRST_GRANT", "affordability"),
    ),
    "no first limit while past due": (customer(dpd=1, max_dpd_90d=1), ARREARS),
    "no first limit soon after arrears": (customer(max_dpd_90d=7), ARREARS),
    "none comes back soon after arrears": (customer(previous=0, max_dpd_90d=120), ARREARS),
    "a few days late long ago do no harm": (
        customer(max_dpd_90d=6, **AFFORDS_20000),
        (20_000, "grant", "FIRST_GRANT", "affordability"),
    ),
    "raise to the target": (customer(previous=50_000), (60_000, "raise", "RAISED", "affordability")),
    "raise by half": (customer(previous=10_000), (15_000, "raise", "RAISED", "max_raise")),
    "raise by half, rounded down": (customer(previous=12_300), (18_400, "raise", "RAISED", "max_raise")),
    "raise of exactly half": (customer(previous=40_000), (60_000, "raise", "RAISED", "affordability")),
    "raise of a small limit to the starter": (customer(previous=37.2), (2_000, "raise", "RAISED", "max_raise")),
    "raise of a small limit to its target": (
        customer(previous=100, income_recurring_monthly=100),
        (600, "raise", "RAISED", "affordability"),
    ),
    "raise from just under the starter": (customer(previous=1_900), (2_800, "raise", "RAISED", "max_raise")),
    "raise by a tenth": (
        customer(previous=10_000, income_recurring_monthly=1_834),
        (11_000, "raise", "RAISED", "affordability"),
    ),
    "less than a tenth up": (customer(previous=19_000, **AFFORDS_20000), (19_000, "hold", NO_CHANGE, "min_change")),
    "less than a tenth down": (customer(previous=21_000, **AFFORDS_20000), (21_000, "hold", NO_CHANGE, "min_change")),
    "no change": (customer(previous=20_000, **AFFORDS_20000), (20_000, "hold", NO_CHANGE, "affordability")),
    "cut by a tenth": (
        customer(previous=20_000, **AFFORDS_18000),
        (18_000, "cut", "TARGET_BELOW_LIMIT", "affordability"),
    ),
    "cut": (customer(previous=90_000), (60_000, "cut", "TARGET_BELOW_LIMIT", "affordability")),
    "cut although small: above a hard cap": (
        customer(previous=21_000, tier="E"),
        (20_000, "cut", "TARGET_BELOW_LIMIT", "tier_cap"),
    ),
    "held at the hard cap": (customer(previous=20_000, tier="E"), (20_000, "hold", NO_CHANGE, "tier_cap")),
    "a small cut above the starter is held": (
        customer(previous=2_100, thin_file=True),
        (2_100, "hold", NO_CHANGE, "min_change"),
    ),
    "cut to nothing, not affordable": (
        customer(previous=5_000, income_recurring_monthly=0),
        (0, "decline", "NOT_AFFORDABLE", "affordability"),
    ),
    "cut to nothing, tier": (customer(previous=5_000, tier="G"), (0, "decline", "TIER_NOT_SERVED", "tier_cap")),
    "raise refused while late": (
        customer(previous=10_000, dpd=1, max_dpd_90d=1),
        (10_000, "hold", NOT_MET, "raise_conditions"),
    ),
    "raise refused after late": (
        customer(previous=10_000, max_dpd_90d=1),
        (10_000, "hold", NOT_MET, "raise_conditions"),
    ),
    "raise refused, streak of 2": (
        customer(previous=10_000, on_time_streak=2),
        (10_000, "hold", NOT_MET, "raise_conditions"),
    ),
    "cut while late": (
        customer(previous=90_000, dpd=6, max_dpd_90d=6),
        (60_000, "cut", "TARGET_BELOW_LIMIT", "affordability"),
    ),
    "freeze at what is drawn": (
        customer(previous=10_000, dpd=7, max_dpd_90d=7, drawn_balance=4_321.5),
        (4_321.5, *FROZEN),
    ),
    "freeze at the previous limit": (
        customer(previous=10_000, dpd=7, max_dpd_90d=7, drawn_balance=12_000),
        (10_000, *FROZEN),
    ),
    "freeze with nothing drawn": (customer(previous=10_000, dpd=7, max_dpd_90d=7), (0, *FROZEN)),
    "freeze below the target": (
        customer(previous=90_000, dpd=30, max_dpd_90d=30, drawn_balance=80_000),
        (60_000, "freeze", "PAST_DUE", "affordability"),
    ),
    "freeze without a limit": (
        customer(dpd=7, max_dpd_90d=7, drawn_balance=500),
        (0, *FROZEN),
    ),
    "default": (
        customer(previous=10_000, in_default=True, dpd=120, max_dpd_90d=120, drawn_balance=9_000),
        (0, "decline", "IN_DEFAULT", "in_default"),
    ),
    "default without a limit": (customer(in_default=True), (0, "decline", "IN_DEFAULT", "in_default")),
}


@pytest.mark.parametrize("case", ON_A_REVIEW_NIGHT)
def test_branch_on_a_review_night(case: str) -> None:
    row, expected = ON_A_REVIEW_NIGHT[case]
    assert outcome(row) == expected


@pytest.mark.parametrize("case", ON_A_REVIEW_NIGHT)
def test_on_other_nights_only_raises_wait(case: str) -> None:
    row, expected = ON_A_REVIEW_NIGHT[case]
    if expected[1] == "raise":
        expected = (row["previous"], "hold", "RAISE_AT_NEXT_REVIEW", "raise_review")
    assert outcome(row, as_of=OTHER) == expected


@pytest.mark.parametrize(
    ("day", "raised"),
    [(date(2026, 2, 28), True), (date(2024, 2, 28), False), (date(2024, 2, 29), True), (date(2026, 7, 1), False)],
)
def test_review_is_the_last_night_of_the_month(day: date, raised: bool) -> None:
    assert (outcome(customer(previous=10_000), as_of=day)[1] == "raise") is raised


def test_where_the_policy_says_so_every_night_is_a_review(tmp_path: Path) -> None:
    policy = policy_with(tmp_path, OTHER, {"limits.raise_review": "nightly"})
    assert outcome(customer(previous=10_000), as_of=OTHER, policy=policy)[0] == 15_000


@pytest.mark.parametrize("previous", [None, 10_000])
def test_no_limit_without_a_price(previous: float | None) -> None:
    expected = (0, "decline", "PRICE_NOT_OFFERED", "price_not_offered")
    assert outcome(customer(previous=previous), prices=prices_of(offered="BCDEFG")) == expected
    assert outcome(customer(previous=previous, dpd=9), prices=prices_of(offered="BCDEFG")) == expected


def test_one_term_on_offer_is_enough() -> None:
    prices = prices_of()
    one = [row["tier"] != "A" or row["term_months"] == 3 for row in prices.to_pylist()]
    partly = prices.set_column(3, "offered", [one])
    assert outcome(customer(previous=50_000), prices=partly)[0] == 60_000


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"limits.max_raise": 0.0}, (10_000, "hold", NO_CHANGE, "max_raise")),
        ({"limits.raise_streak": 4}, (10_000, "hold", NOT_MET, "raise_conditions")),
        ({"limits.min_change": 1.0}, (15_000, "raise", "RAISED", "max_raise")),
        ({"limits.rounding": 1000.0, "limits.max_raise": 0.25}, (12_000, "raise", "RAISED", "max_raise")),
    ],
)
def test_the_ladder_takes_its_numbers_from_the_policy(
    numbers: dict[str, Any], expected: Expected, tmp_path: Path
) -> None:
    assert outcome(customer(previous=10_000), policy=policy_with(tmp_path, REVIEW, numbers)) == expected


def test_a_small_limit_in_good_standing_grows_to_its_target_month_by_month() -> None:
    limit, seen = 37.2, []
    for _ in range(12):
        limit = outcome(customer(previous=limit))[0]
        seen.append(limit)
    assert seen[:4] == [2_000, 3_000, 4_500, 6_700]
    assert seen[-1] == 60_000
    assert seen == sorted(seen)


def test_arrears_paid_do_not_bring_the_whole_limit_back_at_once() -> None:
    frozen = outcome(customer(previous=30_000, dpd=60, max_dpd_90d=60))[0]
    assert frozen == 0
    next_night = customer(previous=frozen, dpd=0, max_dpd_90d=61, on_time_streak=0)
    assert outcome(next_night) == ARREARS
