"""What holds growth back: months on book, the pause since the last change, early warnings, the hold-out arm.

The customer's target is 60,000 as in ``test_ladder``; 10,000 before may become 15,000 on a review night.
"""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from unit.limits.customers import OTHER, REVIEW, Row, customer, decide, outcome
from unit.policy.profiles import policy_with

from tierline.limits import stamp_changes
from tierline.limits.holdout import draw_arms

RAISED = (15_000, "raise", "RAISED", "max_raise")
WARNED = ("freeze", "EARLY_WARNING", "early_warning")
GRANTED = (30_000, "grant", "FIRST_GRANT", "first_grant_cap")


def held(reason: str, binding: str) -> tuple[float, str, str, str]:
    return (10_000, "hold", reason, binding)


@pytest.mark.parametrize(("months", "expected"), [(2, held("NOT_SEASONED", "seasoning")), (3, RAISED)])
def test_a_raise_needs_months_on_book(months: int, expected: tuple[Any, ...]) -> None:
    assert outcome(customer(previous=10_000, months_on_book=months)) == expected


@pytest.mark.parametrize(
    ("ago", "expected"), [(1, held("RAISE_COOLDOWN", "cooldown")), (89, held("RAISE_COOLDOWN", "cooldown"))]
)
def test_a_raise_waits_90_days_after_a_change(ago: int, expected: tuple[Any, ...]) -> None:
    assert outcome(customer(previous=10_000, changed_on=REVIEW - timedelta(days=ago))) == expected


@pytest.mark.parametrize("changed_on", [REVIEW - timedelta(days=90), date(2020, 1, 1), None])
def test_after_that_it_may_come(changed_on: date | None) -> None:
    assert outcome(customer(previous=10_000, changed_on=changed_on)) == RAISED


def test_neither_holds_back_a_cut_or_a_first_limit() -> None:
    fresh = {"changed_on": REVIEW - timedelta(days=1), "months_on_book": 0}
    assert outcome(customer(previous=90_000, **fresh)) == (60_000, "cut", "TARGET_BELOW_LIMIT", "affordability")
    assert outcome(customer(previous=0, **fresh)) == GRANTED


@pytest.mark.parametrize(
    ("facts", "binding"),
    [
        ({"max_dpd_90d": 1, "months_on_book": 0, "changed_on": OTHER}, "raise_conditions"),
        ({"months_on_book": 0, "changed_on": OTHER}, "seasoning"),
        ({"changed_on": OTHER}, "cooldown"),
        ({}, "raise_review"),
    ],
)
def test_the_first_obstacle_is_named(facts: Row, binding: str) -> None:
    assert outcome(customer(previous=10_000, **facts), as_of=OTHER)[3] == binding


def test_a_limit_in_good_standing_grows_once_a_quarter() -> None:
    row, seen = customer(previous=10_000, changed_on=None), []
    for day in (date(2025, 6, 30), date(2025, 7, 31), date(2025, 8, 31), date(2025, 9, 30), date(2025, 10, 31)):
        (night,) = decide([row], as_of=day).to_pylist()
        row |= {"previous": night["credit_limit"], "changed_on": night["last_change_on"]}
        seen.append((float(night["credit_limit"]), night["last_change_on"]))
    first, second = (15_000, date(2025, 6, 30)), (22_500, date(2025, 9, 30))
    assert seen == [first, first, first, second, second]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (customer(), REVIEW),
        (customer(previous=10_000), REVIEW),  # raised
        (customer(previous=90_000, changed_on=OTHER), REVIEW),  # cut
        (customer(previous=10_000, max_dpd_90d=1, changed_on=date(2026, 1, 5)), date(2026, 1, 5)),  # held
        (customer(previous=10_000, max_dpd_90d=1), None),
        (customer(in_default=True), None),  # nothing before, nothing now
        (customer(previous=0, in_default=True, changed_on=date(2026, 1, 5)), date(2026, 1, 5)),
        (customer(previous=10_000, in_default=True, changed_on=date(2026, 1, 5)), REVIEW),
    ],
)
def test_the_date_of_the_last_change(row: Row, expected: date | None) -> None:
    assert decide([row]).column("last_change_on").to_pylist() == [expected]


def test_a_limit_lowered_later_in_the_night_is_dated_anew() -> None:
    rows = [customer("a", previous=10_000, changed_on=date(2026, 1, 5)), customer("b", previous=10_000, max_dpd_90d=1)]
    table = decide(rows)
    assert table.column("last_change_on").to_pylist() == [REVIEW, None]
    before = table.set_column(3, "credit_limit", table.column("previous_limit"))
    before = before.set_column(5, "last_change_on", pa.array([date(2026, 1, 5), None], pa.date32()))
    swapped = pa.chunked_array([table.column("credit_limit").take([1, 0])])  # a back to 10,000, b to something else
    lowered = table.set_column(3, "credit_limit", swapped)
    assert stamp_changes(lowered, before, REVIEW).column("last_change_on").to_pylist() == [date(2026, 1, 5), REVIEW]
    assert stamp_changes(lowered, None, REVIEW).column("last_change_on").to_pylist() == [None, REVIEW]


def test_a_release_older_than_the_column_starts_no_cooldown() -> None:
    table = decide([customer(previous=10_000, max_dpd_90d=1)])
    assert stamp_changes(table, table.drop_columns("last_change_on"), REVIEW).column("last_change_on").null_count == 1


PD = {"tier": "E", "pd_12m": 0.06}  # tier E goes to 20,000


@pytest.mark.parametrize("as_of", [REVIEW, OTHER])
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"pd_before": 0.02, "drawn_balance": 4_321.5}, (4_321.5, *WARNED)),
        ({"pd_before": 0.02, "drawn_balance": 12_000}, (10_000, *WARNED)),
        ({"pd_before": 0.02}, (0, *WARNED)),
        ({"pd_before": 0.0, "drawn_balance": 500}, (500, *WARNED)),
        ({"pd_before": 0.02, "previous": None, "drawn_balance": 500}, (0, *WARNED)),  # no first limit either
        ({"pd_before": 0.02, "previous": 90_000, "drawn_balance": 80_000}, (20_000, *WARNED[:2], "tier_cap")),
        ({"pd_before": 0.02, "dpd": 7, "max_dpd_90d": 7}, (0, "freeze", "PAST_DUE", "past_due")),
        ({"pd_before": 0.02, "in_default": True}, (0, "decline", "IN_DEFAULT", "in_default")),
        ({"pd_12m": 0.05, "pd_before": 0.0166}, (0, *WARNED)),  # at the floor
    ],
)
def test_a_pd_three_times_as_high_freezes_on_any_night(facts: Row, expected: tuple[Any, ...], as_of: date) -> None:
    row = customer(**({"previous": 10_000, "max_dpd_90d": 0} | PD | facts))
    assert outcome(row, as_of=as_of) == expected


@pytest.mark.parametrize(
    "facts",
    [
        {"pd_before": 0.0201},  # less than three times
        {"pd_before": None},  # not there before
        {"tier": "D", "pd_12m": 0.0499, "pd_before": 0.001},  # below the floor
    ],
)
def test_no_warning(facts: Row) -> None:
    assert outcome(customer(**({"previous": 10_000} | PD | facts))) == RAISED


def test_the_pd_of_another_model_is_no_rise() -> None:
    assert outcome(customer(previous=10_000, pd_before=0.001, **PD), model_before="another") == RAISED


@pytest.mark.parametrize(
    ("as_of", "pd_12m", "expected"),
    [
        (OTHER, 0.06, (4_000, *WARNED)),  # the PD before is the risen one now
        (OTHER, 0.049, (4_000, *WARNED)),  # below the floor, but no review
        (REVIEW, 0.05, (4_000, *WARNED)),
        (REVIEW, 0.049, (4_000, "hold", "RAISE_COOLDOWN", "cooldown")),
    ],
)
def test_it_lasts_until_a_review_finds_the_pd_below_the_floor(
    as_of: date, pd_12m: float, expected: tuple[Any, ...]
) -> None:
    facts = {"previous": 4_000, "drawn_balance": 4_000, "changed_on": as_of - timedelta(days=1), "pd_before": 0.06}
    row = customer(reason_before="EARLY_WARNING", tier="E", pd_12m=pd_12m, **facts)
    assert outcome(row, as_of=as_of) == expected


def test_a_limit_frozen_to_nothing_comes_back_only_then() -> None:
    row = customer(previous=0, reason_before="EARLY_WARNING", tier="D", pd_12m=0.03, pd_before=0.03)
    assert outcome(row, as_of=OTHER) == (0, *WARNED)
    assert outcome(row, as_of=REVIEW) == GRANTED


def arms(folder: Path, share: float, seed: int = 1, many: int = 20_000) -> Any:
    policy = policy_with(folder, REVIEW, {"limits.holdout_share": share, "limits.holdout_seed": seed})
    return draw_arms([f"c{number}" for number in range(many)], policy.limits)


def test_arms_by_the_definition_of_the_hash(tmp_path: Path) -> None:
    drawn = arms(tmp_path, 0.25, seed=7, many=500)
    expected = [
        int(blake2b(f"c{number}".encode(), key=b"7", digest_size=8).hexdigest(), 16) / 2**64 < 0.25
        for number in range(500)
    ]
    assert drawn.held_out.tolist() == expected
    assert drawn.propensity.tolist() == [0.25 if held_out else 0.75 for held_out in expected]


def test_the_share_is_met_and_another_seed_draws_others(tmp_path: Path) -> None:
    one, other = arms(tmp_path, 0.1).held_out, arms(tmp_path, 0.1, seed=2).held_out
    five_sd = 5 * np.sqrt(0.1 * 0.9 / 20_000)
    assert abs(one.mean() - 0.1) < five_sd
    assert abs(other.mean() - 0.1) < five_sd
    assert abs((one & other).mean() - 0.01) < 5 * np.sqrt(0.01 * 0.99 / 20_000)


def test_a_wider_share_keeps_who_was_held_out(tmp_path: Path) -> None:
    narrow, wide = arms(tmp_path, 0.1).held_out, arms(tmp_path, 0.2).held_out
    assert (wide | ~narrow).all()


def test_the_hold_out_gets_no_raise_and_all_else_as_everybody(tmp_path: Path) -> None:
    policy = policy_with(tmp_path, REVIEW, {"limits.holdout_share": 0.5})
    kinds: list[Row] = [
        {},
        {"previous": 10_000},
        {"previous": 90_000},
        {"previous": 10_000, "dpd": 7, "max_dpd_90d": 7},
    ]
    for facts in kinds:
        rows = [customer(f"c{number}", **facts) for number in range(40)]
        table = decide(rows, policy=policy).to_pylist()
        seen = {(row["policy_arm"], row["propensity"], row["action"], row["binding_constraint"]) for row in table}
        without = outcome(rows[0])
        other = without[1::2] if without[1] != "raise" else ("hold", "holdout")
        assert seen == {("policy", 0.5, *without[1::2]), ("holdout", 0.5, *other)}


def test_the_arm_does_not_depend_on_the_night_or_the_book(tmp_path: Path) -> None:
    policy = policy_with(tmp_path, REVIEW, {"limits.holdout_share": 0.5})
    rows = [customer(f"c{number}", previous=10_000) for number in range(40)]
    whole, half = decide(rows, policy=policy), decide(rows[::2], as_of=OTHER, policy=policy)
    by_key = {row["customer_key"]: row["policy_arm"] for row in whole.to_pylist()}
    assert {row["customer_key"]: row["policy_arm"] for row in half.to_pylist()}.items() <= by_key.items()


def test_without_a_hold_out_nobody_is_drawn() -> None:
    assert {(row["policy_arm"], row["propensity"]) for row in decide([customer()]).to_pylist()} == {("policy", 1.0)}
