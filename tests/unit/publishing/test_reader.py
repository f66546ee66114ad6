from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from unit.publishing.nights import day, run_night

from tierline.errors import ConfigurationError, IntegrityError
from tierline.home import Home
from tierline.publishing import open_snapshot, previous_snapshot, prune


def test_open_snapshot_reads_the_live_tables(home: Home) -> None:
    result = run_night(home, 0, mark=7)
    snapshot = open_snapshot(str(home.published))
    assert (snapshot.name, snapshot.as_of) == (result.name, day(0))
    assert snapshot.path("scores") == result.path / "scores" / "part-0.parquet"
    assert snapshot.read("scores").column("pd_12m").to_pylist() == [7.0, 7.0]
    assert snapshot.to_pandas("credit_limits")["credit_limit"].tolist() == [Decimal("7.25")] * 2
    with pytest.raises(KeyError, match="no table nonsense"):
        snapshot.path("nonsense")


def test_duckdb_and_pandas_read_as_of_as_the_contract_types_it(home: Home) -> None:
    name = run_night(home, 0, mark=7).name
    directory = home.published / name / "scores"
    row = duckdb.sql(f"SELECT any_value(as_of), any_value(typeof(as_of)) FROM '{directory}/*.parquet'").fetchall()
    assert row == [(dt.date(2025, 3, 1), "DATE")]
    assert pd.read_parquet(directory)["as_of"].tolist() == [dt.date(2025, 3, 1)] * 2


def test_the_environment_names_the_published_directory(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    name = run_night(home, 0, mark=7).name
    monkeypatch.setenv("TIERLINE_PUBLISHED", str(home.published))
    assert open_snapshot().name == name


def test_the_default_is_data_published_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = run_night(Home(tmp_path / "data"), 0, mark=7).name
    monkeypatch.delenv("TIERLINE_PUBLISHED", raising=False)
    monkeypatch.chdir(tmp_path)
    assert open_snapshot().name == name


@pytest.mark.parametrize("verify", [True, False])
def test_a_flipped_byte_is_seen_unless_verification_is_off(home: Home, verify: bool) -> None:
    result = run_night(home, 0, mark=7)
    file = result.path / "scores" / "part-0.parquet"
    content = bytearray(file.read_bytes())
    content[-3] ^= 1  # inside the closing magic's neighbourhood: the length and data stay
    file.write_bytes(bytes(content))
    snapshot = open_snapshot(home.published, verify=verify)
    if verify:
        for read in (snapshot.path, snapshot.read, snapshot.to_pandas):
            with pytest.raises(IntegrityError, match="not what the manifest promises"):
                read("scores")
        assert snapshot.read("pricing").num_rows == 2
    else:
        assert snapshot.path("scores") == file


def test_a_table_that_is_gone_is_an_integrity_error(home: Home) -> None:
    result = run_night(home, 0, mark=7)
    (result.path / "scores" / "part-0.parquet").unlink()
    for read in (open_snapshot(home.published).path, open_snapshot(home.published).read):
        with pytest.raises(IntegrityError, match="cannot be read"):
            read("scores")


def test_nothing_published_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nothing is published here"):
        open_snapshot(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"../other", b"/etc", b"2025-03-01-0123456789abcdef/../..", b"\xff\xfe\x00", b"x" * 5000, b"current"],
)
def test_a_garbled_pointer_is_an_integrity_error(home: Home, content: bytes) -> None:
    run_night(home, 0, mark=7)
    (home.published / "CURRENT").write_bytes(content)
    with pytest.raises(IntegrityError, match="no snapshot name") as caught:
        open_snapshot(home.published)
    assert "\n" not in str(caught.value)


def test_a_pointer_to_nowhere_or_that_is_a_directory_is_an_integrity_error(home: Home) -> None:
    run_night(home, 0, mark=7)
    pointer = home.published / "CURRENT"
    pointer.write_text("2025-03-01-0123456789abcdef\n")
    with pytest.raises(IntegrityError, match="which is not there"):
        open_snapshot(home.published)
    pointer.unlink()
    pointer.mkdir()
    with pytest.raises(IntegrityError, match="cannot be read"):
        open_snapshot(home.published)


def test_a_foreign_manifest_under_a_right_name_is_refused(home: Home) -> None:
    first, second = run_night(home, 0, mark=7), run_night(home, 1, mark=8)
    (second.path / "MANIFEST.json").write_bytes((first.path / "MANIFEST.json").read_bytes())
    with pytest.raises(IntegrityError, match="does not match the hash"):
        open_snapshot(home.published)


def test_previous_snapshot_does_not_depend_on_what_is_published_later(home: Home) -> None:
    assert previous_snapshot(home, day(0)) is None
    first = run_night(home, 0, mark=1)
    assert previous_snapshot(home, day(0)) is None
    second = run_night(home, 1, mark=2)
    run_night(home, 2, mark=3)
    found = [previous_snapshot(home, day(number)) for number in (0, 1, 2)]
    assert [snapshot and snapshot.name for snapshot in found] == [None, first.name, second.name]


def test_running_an_old_night_again_gives_its_name_again(home: Home) -> None:
    names = [run_night(home, number, mark=number).name for number in range(4)]
    assert [run_night(home, number, mark=number).name for number in (1, 0, 3, 2)] == [names[i] for i in (1, 0, 3, 2)]
    assert open_snapshot(home.published).name == names[3]


def test_a_night_run_again_with_other_content_follows_the_same_predecessor(home: Home) -> None:
    first = run_night(home, 0, mark=1)
    run_night(home, 1, mark=2)
    again = run_night(home, 1, mark=9)
    assert open_snapshot(home.published).manifest.previous_snapshot == first.name
    assert open_snapshot(home.published).name == again.name


def test_open_snapshot_by_date_takes_the_release_that_was_live(home: Home) -> None:
    first = run_night(home, 0, mark=1)
    second = run_night(home, 1, mark=2)
    run_night(home, 3, mark=3)
    run_night(home, 1, mark=9)  # stored, never live
    assert open_snapshot(home.published, day(0)).name == first.name
    assert open_snapshot(home.published, day(1)).name == second.name
    stored = run_night(home, 2, mark=4)
    assert open_snapshot(home.published, day(2)).name == stored.name
    run_night(home, 2, mark=5)
    with pytest.raises(ConfigurationError, match="found 2 nights that were never live"):
        open_snapshot(home.published, day(2))
    with pytest.raises(ConfigurationError, match="found no night"):
        open_snapshot(home.published, day(7))


def test_a_reader_opened_before_the_flip_reads_its_night_after_it(home: Home) -> None:
    run_night(home, 0, mark=1)
    reader = open_snapshot(home.published)
    run_night(home, 1, mark=2)
    assert reader.read("scores").column("pd_12m").to_pylist() == [1.0, 1.0]
    assert open_snapshot(home.published).read("scores").column("pd_12m").to_pylist() == [2.0, 2.0]


def test_prune_keeps_the_last_releases_and_their_contemporaries(home: Home) -> None:
    names = [run_night(home, number, mark=number).name for number in range(5)]
    replaced = run_night(home, 4, mark=9).name  # a second release of the last date
    assert prune(home, keep=6) == []
    assert prune(home, keep=3) == sorted(names[:2])
    left = {path.name for path in home.published.iterdir() if path.name.startswith("2025")}
    assert left == {names[2], names[3], names[4], replaced}
    assert open_snapshot(home.published).name == replaced
    assert prune(home, keep=3) == []
    before = previous_snapshot(home, day(3))
    assert before is not None
    assert before.name == names[2]
    with pytest.raises(IntegrityError, match="pruned"):
        previous_snapshot(home, day(2))


def test_prune_never_removes_the_live_release(home: Home) -> None:
    names = [run_night(home, number, mark=number).name for number in range(3)]
    assert prune(home, keep=1) == names[:2]
    assert open_snapshot(home.published).read("scores").num_rows == 2
    assert run_night(home, 3, mark=3).became_current
    with pytest.raises(ConfigurationError, match="at least 1"):
        prune(home, keep=0)


def test_prune_of_nothing(home: Home) -> None:
    assert prune(home) == []
