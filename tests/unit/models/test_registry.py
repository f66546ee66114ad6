"""Which bundle is champion on which day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from unit.models.registers import variant
from unit.training.tiny_world import AS_OF

from tierline.errors import ConfigurationError, IntegrityError, TierlineError
from tierline.models import Registry


def test_without_a_champion_the_error_says_what_to_do(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    assert registry.entries() == []
    assert registry.champion(AS_OF) is None
    with pytest.raises(TierlineError, match="run the training job"):
        registry.load_champion(AS_OF)


def test_the_champion_of_a_night_is_the_newest_by_then(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    first, second = variant("first", date(2024, 1, 31)), variant("second", date(2024, 3, 31))
    registry.add(second, "champion", "schedule")
    registry.add(first, "champion", "schedule")
    registry.add(variant("third", date(2024, 5, 31)), "challenger", "schedule")
    assert registry.champion(date(2024, 1, 30)) is None
    for day, bundle in [(date(2024, 1, 31), first), (date(2024, 3, 30), first), (date(2024, 3, 31), second)]:
        entry = registry.champion(day)
        assert entry is not None
        assert entry.model_id == bundle.model_id
    assert registry.load_champion(date(2026, 1, 1)).model_id == second.model_id


@pytest.mark.parametrize("sources", [("a", "b"), ("b", "a")])
def test_of_two_champions_from_one_day_the_later_added_takes_over(tmp_path: Path, sources: tuple[str, str]) -> None:
    registry = Registry(tmp_path)
    for source in sources:
        registry.add(variant(source), "champion", "schedule")
    assert registry.load_champion(AS_OF).card.source == sources[1]


def test_adding_again_changes_nothing(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    entry = registry.add(variant("one"), "champion", "schedule")
    before = (tmp_path / "model_inventory.json").read_bytes()
    assert registry.add(variant("one"), "champion", "schedule") == entry
    assert registry.add(variant("one"), "challenger", "schedule") == entry  # no demotion by training again
    assert (tmp_path / "model_inventory.json").read_bytes() == before


def test_a_challenger_can_become_champion_and_is_listed_once(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.add(variant("one"), "challenger", "schedule")
    assert registry.champion(date(2030, 1, 1)) is None
    registry.add(variant("one"), "champion", "schedule")
    assert [entry.role for entry in registry.entries()] == ["champion"]


def test_a_damaged_register_or_bundle_is_told_by_name(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    entry = registry.add(variant("one"), "champion", "schedule")
    (tmp_path / entry.model_id / "booster.txt").write_text("tree\n")
    with pytest.raises(IntegrityError, match=r"booster\.txt"):
        registry.load_champion(AS_OF)
    (tmp_path / "model_inventory.json").write_text('{"entries": [{"model_id": 1}]}')
    with pytest.raises(ConfigurationError, match=r"model_inventory\.json"):
        registry.entries()
