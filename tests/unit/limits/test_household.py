"""One household's caps by hand: 200,000 yuan for its consumers, 15 % of net assets for all its members.

An income of 20,000 affords 120,000, so that a customer in tier A has a target of 100,000, the tier's cap.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from unit.limits.customers import (
    OTHER,
    REVIEW,
    Row,
    customer,
    decide,
    inputs_of,
    previous_of,
    previous_scores_of,
    prices_of,
    scores_of,
)
from unit.policy.profiles import packaged_policy, policy_with

from tierline.limits import LimitContext, decide_limits, household_note

Outcome = tuple[float, str, str, str]
HOLD = "hold", "NO_MATERIAL_CHANGE", "tier_cap"
GONE = "HOUSEHOLD_CAP", "household_cap"


def member(key: str, previous: float | None = 100_000, **facts: Any) -> Row:
    given = {"household_key": "h", "income_recurring_monthly": 20_000, "previous": previous}
    return customer(key, **(given | facts))


def outcomes(rows: Sequence[Row], **how: Any) -> list[Outcome]:
    return [_outcome(row) for row in decide(rows, **how).to_pylist()]


def _outcome(row: dict[str, Any]) -> Outcome:
    return float(row["credit_limit"]), row["action"], row["action_reason"], row["binding_constraint"]


def test_the_last_key_gives_way() -> None:
    rows = [member("c1"), member("c2"), member("c3")]
    assert outcomes(rows, as_of=OTHER) == [(100_000, *HOLD), (100_000, *HOLD), (0, "decline", *GONE)]


def test_the_worse_tier_gives_way_first() -> None:
    rows = [member("c1", 80_000, tier="B"), member("c2"), member("c3", 90_000)]
    expected = [(10_000, "cut", *GONE), (100_000, *HOLD), (90_000, "hold", "RAISE_AT_NEXT_REVIEW", "raise_review")]
    assert outcomes(rows, as_of=OTHER) == expected


def test_what_is_drawn_stands_and_uses_the_room() -> None:
    """50,000 stay for the third; of the 150,000 that are left the first keeps 100,000, the second 50,000."""
    rows = [member("c1"), member("c2"), member("c3", drawn_balance=50_000)]
    expected = [(100_000, *HOLD), (50_000, "cut", *GONE), (50_000, "cut", *GONE)]
    assert outcomes(rows, as_of=OTHER) == expected


def test_odd_amounts_drawn_stand_to_the_cent_and_the_rest_is_rounded_down() -> None:
    rows = [member("c1"), member("c2"), member("c3", drawn_balance=40_012.34)]
    assert [limit for limit, *_ in outcomes(rows, as_of=OTHER)] == [100_000, 59_900, 40_012.34]


def test_a_household_may_exceed_its_cap_by_what_is_drawn_alone() -> None:
    rows = [member(f"c{n}", drawn_balance=90_000) for n in range(3)]
    assert outcomes(rows, as_of=OTHER) == [(90_000, "cut", *GONE)] * 3


def test_what_is_drawn_without_a_limit_uses_the_room_too() -> None:
    rows = [member("c1", in_default=True, drawn_balance=30_000), member("c2"), member("c3")]
    expected = [(0, "decline", "IN_DEFAULT", "in_default"), (100_000, *HOLD), (70_000, "cut", *GONE)]
    assert outcomes(rows, as_of=OTHER) == expected


def test_newcomers_get_what_is_left() -> None:
    """Both before have 90,000: of 20,000 left the first newcomer of two, who would have 30,000 each, gets all."""
    rows = [member("c1", None), member("c2", None), member("c8", 90_000, tier="B"), member("c9", 90_000)]
    rows[2]["previous"] = 80_000
    rows[3]["previous"] = 100_000
    got = outcomes(rows, as_of=OTHER)
    assert got[:2] == [(20_000, "grant", "FIRST_GRANT", "household_cap"), (0, "decline", *GONE)]
    assert [limit for limit, *_ in got[2:]] == [80_000, 100_000]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"tier": "D", "previous": 40_000}, (60_000, "hold", *GONE)),
        ({"tier": "E", "previous": 20_000}, (80_000, "raise", "RAISED", "household_cap")),
        ({"tier": "F", "previous": 8_000}, (90_000, "raise", "RAISED", "max_raise")),
    ],
)
def test_a_raise_is_what_the_others_leave_of_it(other: dict[str, Any], expected: Outcome) -> None:
    """From 60,000 by half to 90,000; the others have 100,000 and 40,000, 20,000 or 8,000."""
    rows = [member("c1", 60_000), member("c2"), member("c3", **other)]
    assert outcomes(rows, as_of=REVIEW)[0] == expected


def test_a_raise_that_becomes_a_small_change_is_none() -> None:
    """5,000 of 60,000 are less than a tenth."""
    rows = [member("c1", 60_000), member("c2"), member("c3", 35_000, tier="E", drawn_balance=35_000)]
    rows[2] |= {"previous": 20_000}
    assert outcomes(rows, as_of=REVIEW)[0] == (60_000, "hold", *GONE)


def test_a_raise_goes_before_a_first_limit() -> None:
    rows = [member("c1", None), member("c2", 80_000), member("c3", 100_000)]
    assert [limit for limit, *_ in outcomes(rows, as_of=REVIEW)] == [0, 100_000, 100_000]


def test_who_was_refused_by_the_cap_waits_for_a_review() -> None:
    """The second has lost 80,000 to the portfolio. The room is there on the next night, but nobody's figures moved."""
    refused = member("c3", 0, reason_before="HOUSEHOLD_CAP")
    rows = [member("c1"), member("c2", 20_000, changed_on=date(2026, 6, 28)), refused]
    assert outcomes(rows, as_of=OTHER)[2] == (0, "decline", *GONE)
    assert outcomes(rows, as_of=REVIEW)[2] == (30_000, "grant", "FIRST_GRANT", "first_grant_cap")
    other = member("c3", 0, reason_before="IN_DEFAULT")
    assert outcomes([*rows[:2], other], as_of=OTHER)[2] == (30_000, "grant", "FIRST_GRANT", "first_grant_cap")


def test_households_are_apart_and_nobody_is_bound_without_one() -> None:
    rows = [member(f"c{n}", household_key=key) for n, key in enumerate(["h", "h", "i", "i", None, None, None])]
    assert outcomes(rows, as_of=OTHER) == [(100_000, *HOLD)] * 7


def test_sole_proprietors_do_not_count_among_consumers() -> None:
    rows = [member("c1"), member("c2"), member("c3", segment="sole_proprietor")]
    assert outcomes(rows, as_of=OTHER) == [(100_000, *HOLD)] * 3


def test_all_members_together_have_a_share_of_net_assets() -> None:
    """15 % of 1,000,000 are 150,000, for the proprietor too; without a position nothing is known."""
    rows = [member("c1"), member("c2", segment="sole_proprietor")]
    held = (100_000, *HOLD)
    assert outcomes(rows, as_of=OTHER, net_assets=1_000_000.0) == [
        held,
        (50_000, "cut", "RELATED_PARTIES", "related_parties"),
    ]
    assert outcomes(rows, as_of=OTHER) == [held, held]


def test_both_caps_hold_one_after_the_other() -> None:
    """200,000 for three consumers leave the third none; 15 % of 1,200,000 are 180,000 for all: the proprietor, last by
    key, has none and the second gives 20,000."""
    rows = [member(f"c{n}") for n in range(3)] + [member("c3", segment="sole_proprietor")]
    got = outcomes(rows, as_of=OTHER, net_assets=1_200_000.0)
    assert [(limit, binding) for limit, _, _, binding in got] == [
        (100_000, "tier_cap"),
        (80_000, "related_parties"),
        (0, "household_cap"),
        (0, "related_parties"),
    ]


def test_the_night_says_where_no_household_is_known() -> None:
    alone, together = inputs_of([member("c1", household_key=None)]), inputs_of([member("c1")])
    assert "per person" in household_note(alone)
    assert not household_note(together)
    assert household_note(together.drop_columns(["household_key"])) == household_note(alone)


def test_inputs_older_than_the_column_know_no_household() -> None:
    rows = [member(f"c{n}") for n in range(3)]
    context = LimitContext(OTHER, prices_of(), previous_of(rows), previous_scores_of(rows), None)
    older = inputs_of(rows).drop_columns(["household_key"])
    decided = decide_limits(older, scores_of(rows), context, packaged_policy(OTHER))
    assert [_outcome(row) for row in decided.to_pylist()] == [(100_000, *HOLD)] * 3


def _random_members(seed: int) -> list[Row]:
    draw = random.Random(seed)
    rows = []
    for number in range(60):
        previous = draw.choice([None, None, 0, 5_000, 20_000, 50_000, 80_000, 100_000])
        drawn = draw.choice([0, 0, round(draw.uniform(0, previous or 20_000), 2)])
        facts = {
            "household_key": draw.choice([None, *"abcdefghij"]),
            "tier": draw.choice("AAABCDEG"),
            "segment": draw.choice(["consumer"] * 4 + ["sole_proprietor"]),
            "dpd": draw.choice([0] * 9 + [10]),
            "drawn_balance": drawn,
            "income_recurring_monthly": draw.choice([8_000, 20_000, 30_000]),
            "in_default": draw.random() < 0.05,
        }
        rows.append(member(f"c{number:02}", previous, **facts))
    return rows


def _by_household(rows: Sequence[Row], decided: pa.Table) -> list[list[tuple[Row, float]]]:
    limits = [float(limit) for limit in decided.column("credit_limit").to_pylist()]
    pairs = [pair for pair in zip(rows, limits, strict=True) if pair[0]["household_key"]]
    pairs.sort(key=lambda pair: str(pair[0]["household_key"]))
    return [list(group) for _, group in groupby(pairs, key=lambda pair: pair[0]["household_key"])]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("net_assets", [None, 1_234_567.89])
def test_no_household_exceeds_and_the_next_night_changes_nothing(
    tmp_path: Path, seed: int, net_assets: float | None
) -> None:
    night: date = REVIEW
    policy = policy_with(tmp_path, night, {"limits.raise_review": "nightly"})
    rows = _random_members(seed)
    first = decide(rows, as_of=night, policy=policy, net_assets=net_assets)
    alone = decide([row | {"household_key": None} for row in rows], as_of=night, policy=policy, net_assets=net_assets)
    capped = 0
    for group, free in zip(_by_household(rows, first), _by_household(rows, alone), strict=True):
        for (row, limit), (_, most) in zip(group, free, strict=True):
            assert min(most, row["drawn_balance"]) <= limit <= most
        consumers = [(row, limit) for row, limit in group if row["segment"] == "consumer"]
        for some, most in ((consumers, 200_000.0), (group, 0.15 * net_assets if net_assets else float("inf"))):
            owed = sum(max(limit, row["drawn_balance"]) for row, limit in some)
            assert owed <= max(most, sum(row["drawn_balance"] for row, _ in some)) + 0.005
        capped += sum(limit for _, limit in group) < sum(limit for _, limit in free)
    assert capped
    again = [
        row | {"previous": float(got["credit_limit"]), "changed_on": got["last_change_on"]}
        for row, got in zip(rows, first.to_pylist(), strict=True)
    ]
    second = decide(again, as_of=night + timedelta(days=1), policy=policy, net_assets=net_assets)
    assert second.column("credit_limit").equals(first.column("credit_limit"))
    assert not set(second.column("action").to_pylist()) & {"grant", "raise", "cut"}


def test_the_profile_states_both_shares() -> None:
    assert packaged_policy(date(2026, 7, 1)).limits.related_share_of_net_assets == 0.15
