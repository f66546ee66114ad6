"""Promoting, rolling back and retiring: what is refused, what is logged, and that old nights keep their champion."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from unit.models.registers import APPROVER, AUTHOR, FIRST_NIGHT, SCHEDULE, variant, with_challenger

from tierline.errors import BlockedError, ConfigurationError, IntegrityError, TierlineError
from tierline.models import UNKNOWN, Registry

INVENTORY = "model_inventory.json"
DAY = FIRST_NIGHT + timedelta(days=10)
WHY = "better on the same rows"


def night(days_after: int) -> date:
    return DAY + timedelta(days=days_after)


def reigns(registry: Registry, *days: date) -> list[str]:
    entries = [registry.champion(day) for day in days]
    return [entry.model_id if entry else "" for entry in entries]


def test_a_promotion_holds_for_the_nights_after_its_day(tmp_path: Path) -> None:
    registry, champion, challenger = with_challenger(tmp_path)
    event = registry.promote(challenger, APPROVER, WHY, DAY)
    assert (event.event, event.who, event.why, event.on) == ("promoted", APPROVER, WHY, DAY)
    assert event.champion_from == night(1)
    assert reigns(registry, FIRST_NIGHT, DAY, night(1), night(500)) == [champion, champion, challenger, challenger]
    assert [(e.role, e.champion_from) for e in registry.entries()] == [
        ("challenger", FIRST_NIGHT),
        ("champion", night(1)),
    ]
    assert [entry.model_id for entry in registry.challengers(DAY)] == [challenger]
    assert [entry.model_id for entry in registry.challengers(night(1))] == [champion]


def test_the_log_tells_everything_in_order_and_is_never_rewritten(tmp_path: Path) -> None:
    registry, champion, challenger = with_challenger(tmp_path)
    logs = [registry.log()]
    for step in (
        lambda: registry.promote(challenger, APPROVER, WHY, DAY),
        lambda: registry.rollback(APPROVER, "too many refusals", night(2)),
        lambda: registry.retire(challenger, "Cy", "not wanted any more", night(3)),
    ):
        step()
        logs.append(registry.log())
    for shorter, longer in pairwise(logs):
        assert longer[:-1] == shorter
    told = [(e.event, e.model_id, e.who, e.on, e.champion_from) for e in logs[-1]]
    assert told == [
        ("registered", champion, SCHEDULE, FIRST_NIGHT, FIRST_NIGHT),
        ("registered", challenger, AUTHOR, FIRST_NIGHT, None),
        ("promoted", challenger, APPROVER, DAY, night(1)),
        ("rolled_back", champion, APPROVER, night(2), night(3)),
        ("retired", challenger, "Cy", night(3), None),
    ]
    assert reigns(registry, DAY, night(1), night(2), night(3)) == [champion, challenger, challenger, champion]
    written = json.loads((tmp_path / INVENTORY).read_text())
    assert [entry["event"] for entry in written["log"]] == [event.event for event in logs[-1]]


def test_rollbacks_go_back_one_reign_each_and_not_in_circles(tmp_path: Path) -> None:
    registry, first, second = with_challenger(tmp_path)
    third = registry.add(variant("three"), "challenger", AUTHOR).model_id
    registry.promote(second, APPROVER, WHY, DAY)
    registry.promote(third, APPROVER, WHY, night(1))
    assert registry.rollback(APPROVER, WHY, night(2)).model_id == second
    assert registry.rollback(APPROVER, WHY, night(3)).model_id == first
    with pytest.raises(BlockedError, match="no champion before the reigning one"):
        registry.rollback(APPROVER, WHY, night(4))
    assert reigns(registry, DAY, night(1), night(2), night(3), night(4)) == [first, second, third, second, first]
    registry.promote(third, APPROVER, WHY, night(5))  # a former champion may come back
    assert registry.rollback(APPROVER, WHY, night(5)).model_id == first
    assert reigns(registry, night(6)) == [first]


@pytest.mark.parametrize("approver", [AUTHOR, "ada author", "  Ada   AUTHOR ", "ＡＤＡ author", "schedule", "Unknown"])
def test_the_author_cannot_approve(tmp_path: Path, approver: str) -> None:
    registry, _, challenger = with_challenger(tmp_path)
    refuses(registry, lambda: registry.promote(challenger, approver, WHY, DAY), BlockedError, "cannot approve")


def test_who_trained_the_same_model_too_is_an_author(tmp_path: Path) -> None:
    registry, _, challenger = with_challenger(tmp_path)
    registry.add(variant("two"), "challenger", APPROVER)
    refuses(registry, lambda: registry.promote(challenger, APPROVER, WHY, DAY), BlockedError, "cannot approve")
    assert registry.promote(challenger, "Cy", WHY, DAY).model_id == challenger


def test_a_model_without_an_author_waits_for_one(tmp_path: Path) -> None:
    registry, _, _ = with_challenger(tmp_path)
    third = registry.add(variant("three"), "challenger", UNKNOWN).model_id
    refuses(registry, lambda: registry.promote(third, APPROVER, WHY, DAY), BlockedError, "not on record")
    registry.add(variant("three"), "challenger", UNKNOWN)
    refuses(registry, lambda: registry.promote(third, APPROVER, WHY, DAY), BlockedError, "not on record")
    registry.add(variant("three"), "challenger", AUTHOR)
    refuses(registry, lambda: registry.promote(third, AUTHOR, WHY, DAY), BlockedError, "cannot approve")
    assert registry.promote(third, APPROVER, WHY, DAY).model_id == third


@pytest.mark.parametrize("empty", ["", "  ", "\t\n", "\u3000"])
def test_names_and_reasons_must_not_be_empty(tmp_path: Path, empty: str) -> None:
    registry, champion, challenger = with_challenger(tmp_path)
    registry.promote(challenger, APPROVER, WHY, DAY)
    for step in (
        lambda: registry.promote(champion, empty, WHY, night(1)),
        lambda: registry.promote(champion, APPROVER, empty, night(1)),
        lambda: registry.rollback(empty, WHY, night(1)),
        lambda: registry.rollback(APPROVER, empty, night(1)),
        lambda: registry.retire(champion, empty, WHY, night(1)),
        lambda: registry.retire(champion, "Cy", empty, night(1)),
        lambda: registry.add(variant("four"), "challenger", empty),
    ):
        refuses(registry, step, ConfigurationError, "must not be empty")


def test_what_cannot_reign_is_refused(tmp_path: Path) -> None:
    registry, champion, challenger = with_challenger(tmp_path)
    late = registry.add(variant("late", night(5)), "challenger", AUTHOR).model_id
    refuses(registry, lambda: registry.promote("m-none", APPROVER, WHY, DAY), ConfigurationError, "no such model")
    refuses(registry, lambda: registry.promote(champion, APPROVER, WHY, DAY), BlockedError, "champion already")
    refuses(registry, lambda: registry.promote(late, APPROVER, WHY, night(4)), BlockedError, "give a later day")
    refuses(registry, lambda: registry.rollback(APPROVER, WHY, DAY), BlockedError, "no champion before")
    registry.promote(challenger, APPROVER, WHY, night(3))
    for step in (
        lambda: registry.promote(champion, APPROVER, WHY, night(2)),
        lambda: registry.rollback(APPROVER, WHY, night(2)),
    ):
        refuses(registry, step, BlockedError, f"reigns from {night(4)}: give a day not before {night(3)}")


def test_a_damaged_or_exchanged_bundle_cannot_reign(tmp_path: Path) -> None:
    registry, champion, challenger = with_challenger(tmp_path)
    (tmp_path / challenger / "booster.txt").write_text("tree\n")
    refuses(registry, lambda: registry.promote(challenger, APPROVER, WHY, DAY), IntegrityError, r"booster\.txt")
    for file in (tmp_path / champion).iterdir():  # whole in itself, but another model
        (tmp_path / challenger / file.name).write_bytes(file.read_bytes())
    refuses(registry, lambda: registry.promote(challenger, APPROVER, WHY, DAY), IntegrityError, "not the bundle")
    with pytest.raises(IntegrityError, match="not the bundle that was registered"):
        registry.load(challenger, DAY)
    assert registry.load_champion(DAY).model_id == champion


def test_a_retired_model_scores_no_later_night_and_never_reigns_again(tmp_path: Path) -> None:
    registry, champion, challenger = with_challenger(tmp_path)
    registry.promote(challenger, APPROVER, WHY, DAY)
    registry.retire(champion, "Cy", "its features are gone", DAY)
    assert [entry.role for entry in registry.entries()] == ["retired", "champion"]
    assert registry.load_champion(DAY).model_id == champion  # the nights it scored can be run again
    with pytest.raises(BlockedError, match="it scores no later night"):
        registry.load(champion, night(1))
    assert registry.challengers(night(1)) == []
    for step in (
        lambda: registry.promote(champion, APPROVER, WHY, night(2)),
        lambda: registry.rollback(APPROVER, WHY, night(2)),
        lambda: registry.retire(champion, "Cy", WHY, night(2)),
        lambda: registry.add(variant("one"), "champion", SCHEDULE),
        lambda: registry.add(variant("one"), "challenger", AUTHOR),
    ):
        refuses(registry, step, BlockedError, "retired")


def test_a_champion_of_any_night_to_come_cannot_be_retired(tmp_path: Path) -> None:
    registry, champion, challenger = with_challenger(tmp_path)
    refuses(registry, lambda: registry.retire(champion, "Cy", WHY, DAY), BlockedError, "champion of nights after")
    registry.promote(challenger, APPROVER, WHY, night(7))
    for on in (DAY, night(6)):  # it still scores night 7
        refuses(registry, lambda on=on: registry.retire(champion, "Cy", WHY, on), BlockedError, "champion of nights")
    refuses(registry, lambda: registry.retire(challenger, "Cy", WHY, DAY), BlockedError, "champion of nights after")
    assert registry.retire(champion, "Cy", WHY, night(7)).on == night(7)


def test_of_two_promotions_on_one_day_the_later_holds_and_the_other_may_retire(tmp_path: Path) -> None:
    registry, champion, second = with_challenger(tmp_path)
    third = registry.add(variant("three"), "challenger", AUTHOR).model_id
    registry.promote(second, APPROVER, WHY, DAY)
    registry.promote(third, APPROVER, "the other was a mistake", DAY)
    assert reigns(registry, DAY, night(1)) == [champion, third]
    registry.retire(second, "Cy", WHY, DAY)  # it never scored a night
    assert [entry.role for entry in registry.entries()] == ["challenger", "retired", "champion"]


def test_a_challenger_of_a_later_day_is_none_of_an_earlier_night(tmp_path: Path) -> None:
    registry, _, challenger = with_challenger(tmp_path)
    late = registry.add(variant("late", night(5)), "challenger", AUTHOR).model_id
    assert [entry.model_id for entry in registry.challengers(night(4))] == [challenger]
    assert [entry.model_id for entry in registry.challengers(night(5))] == sorted([challenger, late])


def refuses(registry: Registry, step: Callable[[], object], error: type[TierlineError], says: str) -> None:
    """The step raises one clear line and the register stays as it was."""
    before = (registry.entries(), registry.log())
    with pytest.raises(error, match=says) as caught:
        step()
    assert "\n" not in str(caught.value)
    assert (registry.entries(), registry.log()) == before
