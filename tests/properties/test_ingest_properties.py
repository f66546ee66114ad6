"""What must not change the lake: the order of the input, repeated rows, the format, how rows are cut into files."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.ingest.world import LAST, SETTINGS, Row, build, day_rows, lake_bytes, path_of, put

from tierline.home import Home
from tierline.ingest import ingest_through


def lake_of(root: Path, suffix: str = ".parquet", edit: object = None) -> dict[str, bytes]:
    home = Home(root)
    build(home, suffix, edit)  # type: ignore[arg-type]
    ingest_through(home, SETTINGS, LAST)
    return lake_bytes(home)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return lake_of(tmp_path_factory.mktemp("expected"))


@settings(max_examples=3, deadline=None)
@given(st.randoms(use_true_random=False))
def test_permuting_rows_changes_nothing(expected: dict[str, bytes], random: object) -> None:
    def shuffle(table: str, day: date, rows: list[Row]) -> list[Row]:
        return random.sample(rows, len(rows))  # type: ignore[attr-defined,no-any-return]

    with tempfile.TemporaryDirectory() as root:
        assert lake_of(Path(root), edit=shuffle) == expected


@settings(max_examples=3, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=5))
def test_duplicates_change_nothing(expected: dict[str, bytes], times: list[int]) -> None:
    def repeat(table: str, day: date, rows: list[Row]) -> list[Row]:
        return [row for index, row in enumerate(rows) for _ in range(times[index % len(times)])]

    with tempfile.TemporaryDirectory() as root:
        assert lake_of(Path(root), edit=repeat) == expected


def test_csv_makes_the_same_lake_as_parquet(expected: dict[str, bytes], tmp_path: Path) -> None:
    assert lake_of(tmp_path, ".csv") == expected


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 6), st.sampled_from(["more.parquet", "more.csv", "a.parquet"]))
def test_cutting_a_day_into_files_changes_nothing(expected: dict[str, bytes], cut: int, name: str) -> None:
    with tempfile.TemporaryDirectory() as root:
        home = Home(Path(root))
        build(home)
        rows = day_rows(LAST)["transactions"]
        path_of(home, "transactions", LAST).unlink()
        put(home, "transactions", LAST, rows[:cut])
        put(home, "transactions", LAST, rows[cut:], name)
        ingest_through(home, SETTINGS, LAST)
        assert lake_bytes(home) == expected
