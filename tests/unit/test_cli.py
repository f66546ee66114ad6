"""The command line: what a person types wrongly gets one line and its own exit code, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_lender import FIRST, command, release_bytes, run_steps

from tierline.models import Registry

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nightly", "--as-of", "yesterday"), "--as-of yesterday: not a date of the form YYYY-MM-DD"),
        (("nightly", "--as-of", "2026-02-30"), "--as-of 2026-02-30: not a date"),
        (("nightly", "--as-of", "2099-01-01"), "--as-of 2099-01-01: give a business day that is over"),
        (("nightly", "--as-of", "2015-12-31"), "2016-01-01 or later"),
        (("show", "--as-of", "30/06/2026"), "--as-of 30/06/2026: not a date"),
        (("audit", "--as-of", "x"), "--as-of x: not a date"),
        (("show", "--as-of", "2026-06-29"), "2026-06-29: found no night"),
        (("train", "--set", "leaves"), "--set leaves: give name=value"),
        (("train", "--set", "leaves=4,many"), "leaves.1: Input should be a valid integer"),
        (("train", "--set", "leaves=9999"), "leaves: Value error, a tree has 2 to 1023 leaves"),
        (("train", "--set", "num_leaves=31"), "num_leaves: Extra inputs are not permitted"),
        (("train", "--author", "Schedule"), "author Schedule: this name stands for the nightly schedule"),
        (("simulate", "--customers", "1"), "customers: Input should be greater than or equal to 20"),
        (("simulate", "--as-of", "soon"), "as_of: Input should be a valid date"),
        (("simulate", "--customers", "50"), "made from another specification (customers 1000 there, 50 asked"),
        (("run", "--source", "no-such.yaml", "--data", "."), "no-such.yaml"),
        (("run", "--data", "files"), "--data files: the simulated lender reads no files"),
    ],
)
def test_a_wrong_option_gets_one_line_and_exit_code_2(
    first_night: Path, capsys: Capture, arguments: tuple[str, ...], says: str
) -> None:
    before = release_bytes(first_night)
    ended = command(capsys, *arguments, "--home", first_night)
    assert ended.code == 2, ended
    assert says in ended.error_line
    assert ended.error_line.startswith("error: ")
    assert release_bytes(first_night) == before


def test_a_mapping_without_its_folder(tmp_path: Path, capsys: Capture) -> None:
    mapping = ROOT / "src" / "tierline" / "sources" / "superlender.yaml"
    ended = command(capsys, "run", "--source", mapping, "--home", tmp_path)
    assert (ended.code, "--data FOLDER" in ended.error_line) == (2, True)
    ended = command(capsys, "run", "--source", mapping, "--data", tmp_path / "nowhere", "--home", tmp_path)
    assert ended.code == 3
    assert "trainperf.csv: missing_file: put it into the data folder" in ended.error_line


@pytest.mark.parametrize("name", ["nightly", "show", "audit"])
def test_an_empty_home_says_what_to_do(tmp_path: Path, capsys: Capture, name: str) -> None:
    ended = command(capsys, name, "--home", tmp_path)
    assert ended.code == 2
    assert "run a" in ended.error_line
    assert not (tmp_path / "published").exists()


def test_broken_settings_are_named(tmp_path: Path, capsys: Capture, first_night: Path) -> None:
    for part in ("landing", "published"):
        (tmp_path / part).symlink_to(first_night / part)
    (tmp_path / "tierline.yaml").write_text("bucket: 4\n")
    ended = command(capsys, "nightly", "--home", tmp_path)
    assert (ended.code, ended.error_line.endswith("tierline.yaml: bucket: Extra inputs are not permitted")) == (2, True)


def test_unknown_command(capsys: Capture) -> None:
    assert command(capsys, "nigthly").code == 2


def test_show_prints_what_is_published(first_night: Path, capsys: Capture) -> None:
    ended = command(capsys, "show", "--home", first_night, "--as-of", FIRST.isoformat())
    assert (ended.code, ended.err) == (0, "")
    for word in ("published tables", "mean PD", "mean limit", "annual rate", "logistic", "Gini of the true PD"):
        assert word in ended.out
    assert (first_night / "published" / "CURRENT").read_text().strip() in ended.out


def test_audit_of_a_good_release_finds_nothing(first_night: Path, capsys: Capture) -> None:
    ended = command(capsys, "audit", "--home", first_night)
    assert (ended.code, ended.err) == (0, "")
    first, *table = ended.out.strip().splitlines()
    assert first.endswith(": 0 findings")
    for word in ("used", "bound", "slack", "partner_commitment", "region_share", "expected_loss", "inclusive book"):
        assert any(word in line for line in table), word
    assert "BROKEN" not in ended.out


def test_a_challenger_changes_no_decision(after_first: Path, capsys: Capture) -> None:
    before, registry = release_bytes(after_first), Registry(after_first / "models")
    champion = registry.champion(FIRST)
    settings = ("tune_months=1", "max_training_months=4", "calibration_months=2", "max_trees=10", "min_defaults=5")
    by = ("--author", "Ada  Author")
    ended = command(
        capsys, "train", "--home", after_first, *by, *(word for item in settings for word in ("--set", item))
    )
    assert ended.code == 0, ended
    assert [entry.role for entry in registry.entries()] == ["champion", "challenger"]
    assert [entry.trained_by for entry in registry.entries()] == ["schedule", "Ada Author"]
    assert registry.champion(FIRST) == champion
    challenger = registry.entries()[1].model_id
    assert f"challenger: {challenger}" in ended.out
    card = json.loads((after_first / "models" / challenger / "card.json").read_text())
    given = {item.partition("=")[0]: int(item.partition("=")[2]) for item in settings}
    assert {name: card["training"][name] for name in given} == given
    steps = ["champion_model", "customer_features", "scored_book", "scores", "release_candidate", "release"]
    assert run_steps(after_first, FIRST, steps).success
    assert release_bytes(after_first) == before
