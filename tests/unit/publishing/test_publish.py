from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unit.publishing.nights import day, facts, rows_of, run_night, stage

from tierline.errors import BlockedError, IntegrityError, TierlineError
from tierline.home import Home
from tierline.parquet import write_contract
from tierline.publishing import open_snapshot, publish
from tierline.schemas import PUBLISHED


def test_a_snapshot_is_what_the_output_contract_says(home: Home) -> None:
    result = run_night(home, 0, mark=7)
    assert (home.published / "CURRENT").read_text() == f"{result.name}\n"
    assert result.became_current
    content = (result.path / "MANIFEST.json").read_bytes()
    assert result.name == f"2025-03-01-{hashlib.sha256(content).hexdigest()[:16]}"
    manifest = json.loads(content)
    assert manifest["as_of"] == "2025-03-01"
    assert manifest["model"] == {"model_id": "m1", "features": 60}
    assert manifest["previous_snapshot"] is None
    assert sorted(manifest["tables"]) == sorted(PUBLISHED)
    for name, entry in manifest["tables"].items():
        file = result.path / name / "part-0.parquet"
        assert entry["file"] == f"{name}/part-0.parquet"
        assert entry["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert entry["bytes"] == file.stat().st_size
        assert entry["rows"] == pq.read_metadata(file).num_rows == 2
        assert entry["schema_hash"] == PUBLISHED[name].schema_hash
    # two rows of 7.25 yuan
    assert manifest["tables"]["credit_limits"]["cents"] == {
        "credit_limit": 1450,
        "previous_limit": 1450,
        "drawn_balance": 1450,
    }


def test_modes_are_the_projects(home: Home) -> None:
    result = run_night(home, 0, mark=7)
    for path in [result.path, *result.path.rglob("*"), home.published / "CURRENT"]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o750 if path.is_dir() else 0o640), path


def test_the_same_content_gives_the_same_name_and_changes_nothing(home: Home, tmp_path: Path) -> None:
    first = run_night(home, 0, mark=7)
    stamps = {path: path.stat().st_mtime_ns for path in home.published.rglob("*.parquet")}
    again = run_night(home, 0, mark=7)
    elsewhere = run_night(Home(tmp_path / "elsewhere"), 0, mark=7)
    assert first.name == again.name == elsewhere.name
    assert again.became_current
    assert stamps == {path: path.stat().st_mtime_ns for path in home.published.rglob("*.parquet")}
    visible = sorted(path.name for path in home.published.iterdir() if not path.name.startswith("."))
    assert visible == [first.name, "CURRENT"]
    assert not (home.published / ".stage").exists()


def test_any_fact_changes_the_name(home: Home, tmp_path: Path) -> None:
    paths = stage(tmp_path / "staged", day(0), 7)
    names = {
        publish(Home(tmp_path / str(i)), paths, facts(day(0), None, **change)).name
        for i, change in enumerate([{}, {"code_version": "c2"}, {"policy_id": "p2"}, {"notes": ["no macro"]}])
    }
    assert len(names) == 4


def test_a_later_night_becomes_current_and_an_older_one_does_not(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    run_night(home, 0, mark=1)
    newest = run_night(home, 2, mark=3)
    with caplog.at_level(logging.INFO, logger="tierline"):
        older = run_night(home, 1, mark=2)
    assert newest.became_current
    assert not older.became_current
    assert older.path.is_dir()
    assert (home.published / "CURRENT").read_text().strip() == newest.name
    assert f"{older.name} is stored; CURRENT stays at the later night {newest.name}" in caplog.text


def test_the_same_date_with_other_content_replaces_the_release(home: Home) -> None:
    run_night(home, 0, mark=1)
    old = run_night(home, 1, mark=2)
    new = run_night(home, 1, mark=5)
    assert new.became_current
    assert new.name != old.name
    assert open_snapshot(home.published).name == new.name
    assert old.path.is_dir()


def _without(paths: dict[str, Path]) -> None:
    del paths["pricing"]


def _unknown(paths: dict[str, Path]) -> None:
    paths["secrets"] = paths["scores"]


def _empty(paths: dict[str, Path]) -> None:
    write_contract(paths["scores"], rows_of(PUBLISHED["scores"], day(0), 1, count=0), PUBLISHED["scores"])


def _other_day(paths: dict[str, Path]) -> None:
    write_contract(paths["scores"], rows_of(PUBLISHED["scores"], day(1), 1), PUBLISHED["scores"])


def _repeated_key(paths: dict[str, Path]) -> None:
    once = rows_of(PUBLISHED["scores"], day(0), 1, count=1)
    write_contract(paths["scores"], pa.concat_tables([once, once]), PUBLISHED["scores"])


def _extra_column(paths: dict[str, Path]) -> None:
    pq.write_table(pq.read_table(paths["scores"]).append_column("x", pa.array([1, 2])), paths["scores"])


def _wider_type(paths: dict[str, Path]) -> None:
    data = pq.read_table(paths["pricing"])
    place = data.schema.get_field_index("term_months")
    field = data.schema.field(place).with_type(pa.int64())
    pq.write_table(data.set_column(place, field, data.column(place).cast(pa.int64())), paths["pricing"])


def _nullable(paths: dict[str, Path]) -> None:
    data = pq.read_table(paths["scores"])
    pq.write_table(data.cast(pa.schema([field.with_nullable(True) for field in data.schema])), paths["scores"])


def _corrupt(paths: dict[str, Path]) -> None:
    paths["scores"].write_bytes(b"PAR1 not really PAR1")


def _flipped_bit_in_a_page(paths: dict[str, Path]) -> None:
    chunk = pq.read_metadata(paths["scores"]).row_group(0).column(2)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content = bytearray(paths["scores"].read_bytes())
    content[start + chunk.total_compressed_size - 1] ^= 1  # the last byte of its last page
    paths["scores"].write_bytes(bytes(content))


def _gone(paths: dict[str, Path]) -> None:
    paths["scores"].unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_without, "pricing: not staged"),
        (_unknown, "secrets: not a published table"),
        (_empty, "scores has no rows"),
        (_other_day, "column as_of: holds 2025-03-02 in the night of 2025-03-01"),
        (_repeated_key, "key customer_key, as_of is not unique"),
        (_extra_column, "the contract says"),
        (_wider_type, "column term_months: is int64 not null, the contract says int32 not null"),
        (_nullable, "column customer_key: is string, the contract says string not null"),
        (_corrupt, "stage scores again"),
        (_flipped_bit_in_a_page, "stage scores again"),
        (_gone, "stage scores again"),
    ],
)
def test_a_table_that_breaks_its_contract_blocks(home: Home, tmp_path: Path, spoil: object, says: str) -> None:
    live = run_night(home, -1, mark=1)
    paths = stage(tmp_path / "staged", day(0), 7)
    assert callable(spoil)
    spoil(paths)
    with pytest.raises(BlockedError, match=says) as caught:
        publish(home, paths, facts(day(0), live.name))
    assert "\n" not in str(caught.value)
    assert open_snapshot(home.published).name == live.name


def test_empty_watch_list_is_published(home: Home, tmp_path: Path) -> None:
    paths = stage(tmp_path / "staged", day(0), 7)
    write_contract(paths["watch_list"], rows_of(PUBLISHED["watch_list"], day(0), 1, count=0), PUBLISHED["watch_list"])
    publish(home, paths, facts(day(0)))
    assert open_snapshot(home.published).read("watch_list").num_rows == 0


def test_a_night_computed_from_another_release_is_blocked(home: Home, tmp_path: Path) -> None:
    first = run_night(home, 0, mark=1)
    run_night(home, 1, mark=2)
    paths = stage(tmp_path / "staged", day(2), 3)
    with pytest.raises(BlockedError, match="but the night was computed from"):
        publish(home, paths, facts(day(2), first.name))
    with pytest.raises(BlockedError, match="computed from None"):
        publish(home, paths, facts(day(2)))


def test_another_source_is_blocked(home: Home, tmp_path: Path) -> None:
    first = run_night(home, 0, mark=1)
    with pytest.raises(BlockedError, match="holds releases of source test, not another"):
        publish(home, stage(tmp_path / "s", day(1), 3), facts(day(1), first.name, source="another"))


def test_a_fact_that_is_no_number_is_refused(home: Home, tmp_path: Path) -> None:
    with pytest.raises(BlockedError, match="not a finite number"):
        publish(home, stage(tmp_path / "s", day(0), 3), facts(day(0), control_totals={"x": float("nan")}))


def test_a_second_publisher_waits_then_fails_clearly(home: Home, tmp_path: Path) -> None:
    live = run_night(home, 0, mark=1)
    paths = stage(tmp_path / "s", day(1), 3)
    with (home.published / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BlockedError, match="another run is publishing"):
            publish(home, paths, facts(day(1), live.name), lock_wait=0.2)
        assert open_snapshot(home.published).name == live.name
    assert publish(home, paths, facts(day(1), live.name), lock_wait=0.2).became_current


def test_leftovers_of_a_killed_run_are_removed(home: Home) -> None:
    run_night(home, 0, mark=1)
    leftover = home.published / ".stage" / "scores"
    leftover.mkdir(parents=True)
    (leftover / "part-0.parquet").write_bytes(b"half")
    result = run_night(home, 1, mark=2)
    assert not (home.published / ".stage").exists()
    assert open_snapshot(home.published).read("scores").num_rows == 2
    assert result.became_current


@pytest.mark.parametrize("damage", ["flip", "cut", "delete", "stranger", "directory"])
def test_a_damaged_snapshot_is_mended_by_publishing_it_again(
    home: Home, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    result = run_night(home, 0, mark=1)
    file = result.path / "scores" / "part-0.parquet"
    good = file.read_bytes()
    if damage == "flip":
        file.write_bytes(good[:100] + bytes([good[100] ^ 1]) + good[101:])
    elif damage == "cut":
        file.write_bytes(good[:100])
    elif damage == "stranger":
        (file.parent / "part-1.parquet").write_bytes(good)
    else:
        file.unlink()
        if damage == "directory":
            file.parent.rmdir()
    with caplog.at_level(logging.WARNING, logger="tierline"):
        again = run_night(home, 0, mark=1)
    assert again.name == result.name
    assert file.read_bytes() == good
    assert sorted(path.name for path in file.parent.iterdir()) == ["part-0.parquet"]
    assert "was damaged; mended" in caplog.text


def test_a_damaged_manifest_is_told_and_mended_after_the_pointer_is_set_back(home: Home) -> None:
    first = run_night(home, 0, mark=1)
    second = run_night(home, 1, mark=2)
    manifest = second.path / "MANIFEST.json"
    good = manifest.read_bytes()
    manifest.write_bytes(good.replace(b"c1", b"c9"))
    with pytest.raises(IntegrityError, match="does not match the hash"):
        run_night(home, 1, mark=2)
    (home.published / "CURRENT").write_text(first.name)
    assert run_night(home, 1, mark=2).name == second.name
    assert manifest.read_bytes() == good
    assert open_snapshot(home.published).name == second.name


def test_a_disk_that_refuses_is_one_line(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    live = run_night(home, 0, mark=1)

    def full(descriptor: int, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.write", full)
        with pytest.raises(TierlineError, match="No space left on device"):
            run_night(home, 1, mark=2)
    assert open_snapshot(home.published).name == live.name
