"""State that is damaged, missing or of something else, and nights that die in the middle."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from unit.features.nights import CONTEXT, differences, indexed_lake, night, recomputed, run_of
from unit.features.worlds import random_world

from tierline.features import FeatureContext, NightlyRun, nightly
from tierline.lake import Lake

YESTERDAY, TONIGHT = date(2024, 2, 10), date(2024, 2, 11)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    world = random_world(5, customers=8, transactions=40)
    return indexed_lake(tmp_path / "lake", world, 2, [YESTERDAY - timedelta(days=1), YESTERDAY])


@pytest.fixture
def tonight(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NightlyRun:
    """A night whose predecessor has left its state."""
    monkeypatch.setattr(nightly, "LARGEST_RECOMPUTE", 1)
    night(run_of(lake, tmp_path, YESTERDAY))
    return run_of(lake, tmp_path, TONIGHT)


def state_of(run: NightlyRun, bucket: int = 0) -> Path:
    return run.state / f"as_of={YESTERDAY}" / f"bucket={bucket:03d}"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def other_code(path: Path) -> None:
    told = json.loads(path.read_bytes()) | {"made_of": "0" * 16}
    path.write_text(json.dumps(told))


FAULTS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a file cut short": ("/customer.arrow", cut, "damaged (bucket=000/customer.arrow)"),
    "a flipped bit": ("/seen.arrow", flip, "damaged (bucket=000/seen.arrow)"),
    "a missing file": ("/stairs.arrow", Path.unlink, "damaged (bucket=000/stairs.arrow)"),
    "loans cut short": ("/loans.arrow", cut, "damaged (bucket=000/loans.arrow)"),
    "a flipped bit in a schedule": ("/schedule.arrow", flip, "damaged (bucket=000/schedule.arrow)"),
    "a manifest cut short": (".json", cut, "damaged (bucket=000.json)"),
    "no manifest": (".json", Path.unlink, "there is no state of 2024-02-10"),
    "other code": (".json", other_code, "made of another lake, code or configuration"),
}


@pytest.mark.parametrize(("name", "damage", "said"), FAULTS.values(), ids=FAULTS)
def test_a_damaged_state_means_a_full_recompute_that_says_so(
    name: str,
    damage: Callable[[Path], object],
    said: str,
    tonight: NightlyRun,
    lake: Lake,
    caplog: pytest.LogCaptureFixture,
) -> None:
    damage(Path(f"{state_of(tonight)}{name}"))
    with caplog.at_level("INFO", "tierline.features"):
        found, reports = night(tonight)
    assert [report.way for report in reports] == ["recomputed", "carried"]
    assert said in reports[0].why
    assert any("1 of 2 buckets recomputed in full" in line and said in line for line in caplog.messages)
    assert differences(found, recomputed(lake, TONIGHT)) == []


def test_a_whole_state_is_carried_on(tonight: NightlyRun) -> None:
    _, reports = night(tonight)
    assert [(report.way, report.why) for report in reports] == [("carried", "")] * 2


def test_another_vocabulary_is_another_state(tonight: NightlyRun) -> None:
    changed = replace(tonight, context=FeatureContext("UTC", {**CONTEXT.vocabulary, "goods": "gambling"}))
    _, reports = night(changed)
    assert {report.way for report in reports} == {"recomputed"}


def test_a_lake_that_changed_behind_the_state_is_another_state(tonight: NightlyRun, lake: Lake) -> None:
    """A load of yesterday is made again with other rows: what was computed from it cannot be carried on."""
    manifest = sorted((lake.root / "loads").glob("*.json"))[0]
    told = json.loads(manifest.read_bytes())
    told["totals"] = {"transactions": {"rows_used": 1}}
    manifest.write_text(json.dumps(told))
    _, reports = night(tonight)
    assert {report.way for report in reports} == {"recomputed"}


def test_without_an_index_of_revisions_nothing_is_carried_on(tonight: NightlyRun, lake: Lake) -> None:
    (lake.root / "revisions" / "made_of.json").write_text("{")
    found, reports = night(tonight)
    assert {report.why for report in reports} == {"the lake has no index of revisions"}
    assert differences(found, recomputed(lake, TONIGHT)) == []


def test_a_night_that_died_goes_on_at_the_first_unfinished_bucket(
    tonight: NightlyRun, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, made = nightly.bucket_night, []

    def dies_at_one(bucket: nightly.BucketNight) -> nightly.BucketReport:
        if bucket.bucket == 1:
            raise KeyboardInterrupt
        return real(bucket)

    monkeypatch.setenv("TIERLINE_WORKERS", "1")
    monkeypatch.setattr(nightly, "bucket_night", dies_at_one)
    with pytest.raises(KeyboardInterrupt):
        night(tonight)
    finished = (tonight.target / "bucket=000.parquet").stat().st_mtime_ns
    monkeypatch.setattr(nightly, "bucket_night", lambda bucket: made.append(bucket.bucket) or real(bucket))
    found, reports = night(tonight)
    assert [report.way for report in reports] == ["kept", "carried"]
    assert (tonight.target / "bucket=000.parquet").stat().st_mtime_ns == finished
    assert differences(found, recomputed(lake, TONIGHT)) == []


def test_a_bucket_file_of_other_input_is_not_kept(tonight: NightlyRun) -> None:
    night(tonight)
    changed = replace(tonight, context=FeatureContext("UTC", {}))
    _, reports = night(changed)
    assert "kept" not in {report.way for report in reports}


def test_only_the_last_two_nights_keep_state(tonight: NightlyRun, lake: Lake, tmp_path: Path) -> None:
    night(tonight)
    night(run_of(lake, tmp_path, TONIGHT + timedelta(days=1)))
    assert sorted(path.name for path in tonight.state.iterdir()) == ["as_of=2024-02-11", "as_of=2024-02-12"]
