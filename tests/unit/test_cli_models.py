"""The commands about models: one clear line and a code for each refusal, and a question before a promotion."""

from __future__ import annotations

import io
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from challenger_home import APPROVER, AUTHOR, add_challenger
from small_lender import FIRST, command, release_bytes

from tierline.models import Registry

Capture = pytest.CaptureFixture[str]
BY = ("--approver", APPROVER, "--why", "better on the same rows")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def challenger(after_first: Path) -> str:
    return add_challenger(after_first, FIRST)


def champion(home: Path) -> str:
    entry = Registry(home / "models").champion(FIRST + timedelta(days=1))
    assert entry is not None
    return entry.model_id


def test_a_model_goes_through_its_life(after_first: Path, challenger: str, capsys: Capture) -> None:
    home, first, published = ("--home", after_first), champion(after_first), release_bytes(after_first)
    ended = command(capsys, "promote", challenger, *BY, "--yes", *home)
    assert (ended.code, ended.err) == (0, "")
    assert f"champion of the nights from {FIRST + timedelta(days=1)} on" in ended.out
    assert champion(after_first) == challenger
    assert command(capsys, "rollback", *BY, *home).code == 0
    assert champion(after_first) == first
    assert command(capsys, "retire", challenger, "--who", "Cy", "--why", "not wanted", *home).code == 0
    ended = command(capsys, "models", "--log", *home)
    assert ended.code == 0
    for word in (first, challenger, "retired", "promoted", "rolled_back", AUTHOR, APPROVER, "schedule", "not wanted"):
        assert word in ended.out, word
    assert release_bytes(after_first) == published


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("promote", "CHALLENGER", "--approver", AUTHOR.upper(), "--why", "mine", "--yes"), 4, "not its author"),
        (("promote", "CHALLENGER", "--approver", " ", "--why", "x", "--yes"), 2, "approver: must not be empty"),
        (("promote", "CHALLENGER", "--approver", "Bo", "--why", "", "--yes"), 2, "why: must not be empty"),
        (("promote", "CHALLENGER", *BY), 2, "nobody can be asked here"),
        (("promote", "CHALLENGER", *BY, "--yes", "--on", "2026-06-29"), 4, "the night of 2026-06-30 is published"),
        (("promote", "CHALLENGER", *BY, "--yes", "--on", "soon"), 2, "--on soon: not a date"),
        (("promote", "CHAMPION", *BY, "--yes"), 4, "champion already"),
        (("promote", "m-none", *BY, "--yes"), 2, "no such model"),
        (("rollback", *BY), 4, "no champion before the reigning one"),
        (("retire", "CHAMPION", "--who", "Cy", "--why", "old"), 4, "champion of nights after"),
        (("retire", "m-none", "--who", "Cy", "--why", "old"), 2, "no such model"),
        (("compare", "m-none"), 2, "no such model"),
        (("card", "m-none"), 2, "no such model"),
        (("card", "../models"), 2, "no such model"),
        (("compare", "CHAMPION"), 2, "name a challenger"),
        (("compare", "--as-of", "x"), 2, "--as-of x: not a date"),
    ],
)
def test_a_refusal_is_one_line_with_its_code(
    after_first: Path, challenger: str, capsys: Capture, arguments: tuple[str, ...], code: int, says: str
) -> None:
    before = (after_first / "models" / "model_inventory.json").read_bytes()
    names = {"CHALLENGER": challenger, "CHAMPION": champion(after_first)}
    ended = command(capsys, *(names.get(word, word) for word in arguments), "--home", after_first)
    assert (ended.code, says in ended.error_line) == (code, True), ended
    assert (after_first / "models" / "model_inventory.json").read_bytes() == before


def test_a_damaged_challenger_and_one_of_other_features_are_refused(after_first: Path, capsys: Capture) -> None:
    damaged = add_challenger(after_first, FIRST)
    other = add_challenger(after_first, FIRST, feature_set="0" * 64)
    (after_first / "models" / damaged / "booster.txt").write_text("tree\n")
    for model_id, code, says in ((damaged, 5, "booster.txt"), (other, 4, "it learned from other features")):
        ended = command(capsys, "promote", model_id, *BY, "--yes", "--home", after_first)
        assert (ended.code, says in ended.error_line) == (code, True), ended
    ended = command(capsys, "models", "--home", after_first)
    assert ended.code == 0
    assert "damaged" in ended.out


def test_compare_prints_outcomes_tiers_and_swaps(after_first: Path, challenger: str, capsys: Capture) -> None:
    ended = command(capsys, "compare", "--home", after_first)
    assert (ended.code, ended.err) == (0, "")
    for word in ("gini", "log_loss", "95 % interval", "calibration per tier", "champion down", "newly refused", "PSI"):
        assert word in ended.out, word
    directory = after_first / "work" / f"as_of={FIRST}" / "comparison" / challenger
    names = ["calibration", "changes", "figures", "migration", "movers"]
    assert sorted(path.stem for path in directory.iterdir()) == names


def test_without_a_challenger_there_is_nothing_to_compare(first_night: Path, capsys: Capture) -> None:
    ended = command(capsys, "compare", "--home", first_night)
    assert (ended.code, "train one with `tierline train`" in ended.error_line) == (2, True)


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_a_person_sees_the_comparison_and_is_asked(
    after_first: Path, challenger: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    first = champion(after_first)
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    ended = command(capsys, "promote", challenger, *BY, "--home", after_first)
    assert ended.code == code, ended
    assert "champion down" in ended.out
    assert f"Promote {challenger} for the nights after {FIRST}?" in ended.out
    assert champion(after_first) == (challenger if code == 0 else first)


def test_tests_of_other_dates_or_labels_are_said_to_have_nothing_in_common(after_first: Path, capsys: Capture) -> None:
    add_challenger(after_first, FIRST, label_hash="another")
    ended = command(capsys, "compare", "--home", after_first)
    assert ended.code == 0
    assert "note: the two learned different labels" in ended.out
    assert "newly accepted" in ended.out


def test_a_card_is_written_for_any_registered_model(after_first: Path, challenger: str, capsys: Capture) -> None:
    first, cards = champion(after_first), after_first / "models" / "cards"
    by_the_night = (cards / f"{first}.html").read_bytes()
    shutil.rmtree(cards)
    ended = command(capsys, "card", "--home", after_first)
    assert (ended.code, ended.err) == (0, "")
    assert str(cards / f"{first}.html") in ended.out
    assert (cards / f"{first}.html").read_bytes() == by_the_night
    assert command(capsys, "retire", challenger, "--who", "Cy", "--why", "old", "--home", after_first).code == 0
    elsewhere = after_first / "elsewhere"
    ended = command(capsys, "card", challenger, "--output", elsewhere, "--home", after_first)
    assert ended.code == 0
    assert {path.name for path in elsewhere.iterdir()} == {challenger, f"{challenger}.html", f"{challenger}.md"}
    assert not (cards / f"{challenger}.html").exists()


def test_without_a_release_a_card_needs_a_name(tmp_path: Path, capsys: Capture) -> None:
    ended = command(capsys, "card", "--home", tmp_path)
    assert ended.code == 2
    assert "nothing is published here" in ended.error_line
