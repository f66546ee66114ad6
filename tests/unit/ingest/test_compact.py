"""Merged loads: which, what they hold, and that no moment of the merging shows both or neither."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import lakes
import pyarrow as pa
import pytest
from lakes import at

from tierline import home, parquet
from tierline.engine import session
from tierline.ingest import compact as compacting
from tierline.ingest.compact import compact, due, remove_replaced
from tierline.ingest.load import clean_up
from tierline.ingest.revisions import update_revisions
from tierline.lake import Lake, LandingFile, LoadManifest, TableTotals
from tierline.schemas import LAKE

FIRST = date(2024, 3, 1)
TABLES = ("customers", "transactions", "macro")


def load(first: date, last: date | None = None) -> LoadManifest:
    return LoadManifest(first_day=first, last_day=last or first, buckets=1, files=[], totals={})


def days(first: date, count: int) -> list[LoadManifest]:
    return [load(first + timedelta(days=number)) for number in range(count)]


def names(groups: list[list[LoadManifest]]) -> list[tuple[str, str, int]]:
    return [(str(group[0].first_day), str(group[-1].last_day), len(group)) for group in groups]


def test_seven_days_of_a_month_are_due_but_never_the_newest() -> None:
    assert due(days(FIRST, 7)) == []
    assert names(due(days(FIRST, 8))) == [("2024-03-01", "2024-03-07", 7)]
    assert names(due(days(date(2024, 3, 28), 8))) == []


def test_a_closed_month_is_due_once_a_later_day_is_there() -> None:
    month = [load(FIRST, date(2024, 3, 7)), *days(date(2024, 3, 8), 24)]
    assert names(due([*month[:-1], month[-1]]))[0][2] == 7
    assert names(due([*month, load(date(2024, 4, 1))])) == [("2024-03-01", "2024-03-31", 25)]
    assert due([load(FIRST, date(2024, 3, 31)), load(date(2024, 4, 1))]) == []


def test_gaps_history_loads_and_half_months_are_left_alone() -> None:
    history = load(date(2023, 1, 1), date(2024, 3, 9))
    assert due([history, *days(date(2024, 3, 10), 3)]) == []
    gap = [*days(FIRST, 4), *days(date(2024, 3, 6), 5)]
    assert due(gap) == []
    half = [*days(date(2024, 3, 20), 3), load(date(2024, 3, 23), date(2024, 3, 31)), load(date(2024, 4, 1))]
    assert due(half) == []


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Nine loads of a day, with corrections across them, landing files, totals and a quarantine."""
    keys = [lakes.key(number) for number in range(6)]
    rows = []
    for number in range(60):
        when = at(FIRST + timedelta(days=number % 9), number % 24)
        rows.append(lakes.transaction(f"T{number:02d}", keys[number % 6], when, number + 1))
        if number % 10 == 0:
            later = {"amount": lakes.money(0), "recorded_at": when + timedelta(days=2)}
            rows.append(rows[-1] | later)
    macro = [
        {
            "series_id": "cpi",
            "period": date(2024, 1, 1),
            "value": 1.0,
            "published_at": at(FIRST + timedelta(days=number)),
        }
        for number in range(9)
    ]
    world = {
        "customers": [lakes.customer(key, FIRST) for key in keys],
        "transactions": [row for row in rows if row["recorded_at"].date() < FIRST + timedelta(days=9)],
        "macro": macro,
    }
    splits = [FIRST + timedelta(days=number) for number in range(8)]
    made = lakes.write_lake(tmp_path / "lake", world, buckets=2, splits=splits)
    for number, path in enumerate(sorted((made.root / "loads").glob("*.json"))):
        manifest = LoadManifest.model_validate_json(path.read_bytes())
        file = LandingFile(path=f"transactions/date={manifest.first_day}/a.parquet", sha256=f"{number}", rows=7)
        totals = {"transactions": TableTotals(rows_in=8, rows_used=7, rows_quarantined=1, cents_used=number)}
        path.write_text(manifest.model_copy(update={"files": [file], "totals": totals}).model_dump_json())
        rejected = made.root / "quarantine" / "transactions" / f"load={manifest.name}.parquet"
        parquet.write_arrow(rejected, pa.table({"transaction_id": [f"Q{number}"]}))
    with session() as connection:
        update_revisions(connection, made)
    return made


def content(lake: Lake) -> dict[str, pa.Table]:
    """What a reader sees: every version of every table, and what was quarantined."""
    seen = {}
    with session() as connection:
        for table in TABLES:
            order = ", ".join((*LAKE[table].key, str(LAKE[table].knowledge_time)))
            sql = f"SELECT * FROM ({lake.versions_sql(table)}) ORDER BY {order}"
            seen[table] = connection.sql(sql).to_arrow_table()
    return seen


def merge(lake: Lake) -> list[str]:
    with session() as connection:
        return compact(connection, lake, lake.root / ".staging")


def test_a_merged_load_holds_what_its_parts_held(lake: Lake) -> None:
    before, digest = content(lake), lake.digest(FIRST + timedelta(days=20))
    assert merge(lake) == ["2024-03-01_2024-03-07"]
    assert content(lake) == before
    assert lake.digest(FIRST + timedelta(days=20)) == digest
    merged, *rest = lake.loads()
    assert [load.name for load in rest] == ["2024-03-08_2024-03-08", "2024-03-09_2024-03-10"]
    assert merged.totals["transactions"].rows_used == 49
    assert merged.totals["transactions"].cents_used == sum(range(7))
    assert len(merged.files) == 7
    held = parquet.read_arrow(lake.root / "quarantine" / "transactions" / f"load={merged.name}.parquet")
    assert held.num_rows == 7
    assert len(list((lake.root / "transactions").iterdir())) == len(lake.loads()) == 3
    assert lake.revisions_sql("transactions", 0) is not None, "the index still fits"
    assert merge(lake) == []


def test_rows_of_a_merged_load_stand_in_the_order_of_ingest(lake: Lake) -> None:
    merge(lake)
    for path in sorted((lake.root / "transactions" / "load=2024-03-01_2024-03-07").glob("*.parquet")):
        rows = parquet.read_arrow(path).to_pylist()
        order = [(r["customer_key"], r["occurred_at"], r["transaction_id"], r["recorded_at"]) for r in rows]
        assert order == sorted(order)
        assert len(rows) > 5


STEPS: list[tuple[object, str]] = [
    (compacting, "write_arrow"),
    (compacting, "replace_file"),
    (compacting, "rename_loads"),
    (Path, "replace"),
    (Path, "unlink"),
    (shutil, "rmtree"),
    (home.os, "fsync"),
]


@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_whichever_step_fails_a_reader_sees_every_row_once(
    owner: object, name: str, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let the n-th call fail, for every n, until one run needs fewer calls."""
    before = content(lake)
    failures = 0
    for nth in range(200):
        copy = Lake(tmp_path / f"{name}-{nth}")
        shutil.copytree(lake.root, copy.root)
        with monkeypatch.context() as patched:
            calls = _failing(getattr(owner, name), nth)
            patched.setattr(owner, name, calls)
            try:
                merge(copy)
            except OSError:
                failures += 1
        assert content(copy) == before, f"after call {nth} of {name} failed"
        remove_replaced(copy)
        clean_up(copy.root)
        assert content(copy) == before
        merge(copy)
        assert content(copy) == before
        present = {f"load={load.name}" for load in copy.loads()}
        assert {path.name for path in (copy.root / "transactions").iterdir()} == present
        if calls.count <= nth:  # type: ignore[attr-defined]
            break
    assert failures


def _failing(real: Callable[..., object], nth: int) -> Callable[..., object]:
    def call(*args: object, **kwargs: object) -> object:
        call.count += 1  # type: ignore[attr-defined]
        if call.count == nth + 1:  # type: ignore[attr-defined]
            raise OSError("no space left on device")
        return real(*args, **kwargs)

    call.count = 0  # type: ignore[attr-defined]
    return call
