"""The index of replaced versions gives the versions that grouping all keys gives, and is used only where it fits."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import lakes
import pyarrow as pa
import pytest
from lakes import at
from unit.features.worlds import random_world

from tierline.engine import session
from tierline.ingest.revisions import update_revisions
from tierline.lake import Lake
from tierline.schemas import LAKE

BUCKETS = 2
SPLITS = [date(2023, 9, 30), date(2024, 3, 31), date(2024, 4, 1)]


def versions(lake: Lake, table: str, bucket: int | None) -> pa.Table:
    order = ", ".join((*LAKE[table].key, str(LAKE[table].knowledge_time)))
    with session() as connection:
        return connection.sql(f"SELECT * FROM ({lake.versions_sql(table, bucket)}) ORDER BY {order}").to_arrow_table()


def indexed(lake: Lake) -> None:
    with session() as connection:
        update_revisions(connection, lake)


@pytest.mark.parametrize("seed", [1, 4])
@pytest.mark.parametrize("table", ["customers", "transactions", "loans", "instalments", "repayments", "macro"])
def test_versions_are_the_same_with_and_without_the_index(table: str, seed: int, tmp_path: Path) -> None:
    """Corrections, voids and several versions on one day, over four loads."""
    lake = lakes.write_lake(tmp_path, random_world(seed), buckets=BUCKETS, splits=SPLITS)
    buckets = [None] if table == "macro" else [None, 0, 1]
    grouped = [versions(lake, table, bucket) for bucket in buckets]
    assert lake.revisions_sql(table) is None
    indexed(lake)
    assert lake.revisions_sql(table) is not None
    for bucket, expected in zip(buckets, grouped, strict=True):
        assert versions(lake, table, bucket).equals(expected)
        assert sum(day.year < 9999 for day in expected.column("known_until").to_pylist()) or table == "customers"


def test_an_index_kept_up_load_by_load_is_the_one_made_at_once(tmp_path: Path) -> None:
    world = random_world(6)
    whole = lakes.write_lake(tmp_path / "whole", world, buckets=BUCKETS, splits=SPLITS)
    indexed(whole)
    grown = lakes.write_lake(tmp_path / "grown", world, buckets=BUCKETS, splits=SPLITS)
    manifests = sorted((grown.root / "loads").glob("*.json"))
    contents = {path: path.read_bytes() for path in manifests}
    for path in manifests[1:]:
        path.unlink()
    indexed(grown)
    for path in manifests[1:]:
        path.write_bytes(contents[path])
        assert grown.revisions_sql("transactions", 0) is None, "an index of fewer loads must not be used"
        indexed(grown)
    for table in ("customers", "transactions", "loans", "instalments", "repayments", "macro"):
        assert versions(grown, table, None).equals(versions(whole, table, None))


def test_an_index_names_the_row_that_was_replaced(tmp_path: Path) -> None:
    first = lakes.transaction("T1", lakes.key(1), at("2024-05-01"), 10)
    second = first | {"amount": lakes.money(4), "recorded_at": at("2024-05-03")}
    world = {"customers": [lakes.customer(lakes.key(1), date(2024, 1, 1))], "transactions": [first, second]}
    lake = lakes.write_lake(tmp_path, world, buckets=1)
    indexed(lake)
    with session() as connection:
        (row,) = connection.sql(str(lake.revisions_sql("transactions", 0))).to_arrow_table().to_pylist()
        none = connection.sql(str(lake.revisions_sql("loans", 0))).to_arrow_table()
    assert row == {
        "transaction_id": "T1",
        "recorded_at": at("2024-05-01"),
        "replaced_on": date(2024, 5, 3),
        "customer_key": lakes.key(1),
        "event_on": date(2024, 5, 1),
    }
    assert none.num_rows == 0


@pytest.mark.parametrize("damage", ["{", "[]", '{"2023-01-01_2023-01-02": "0"}'])
def test_a_damaged_or_foreign_index_is_not_used_and_is_made_anew(damage: str, tmp_path: Path) -> None:
    lake = lakes.write_lake(tmp_path, random_world(2), buckets=BUCKETS)
    expected = versions(lake, "transactions", 0)
    indexed(lake)
    (lake.root / "revisions" / "made_of.json").write_text(damage)
    assert lake.revisions_sql("transactions", 0) is None
    assert versions(lake, "transactions", 0).equals(expected)
    indexed(lake)
    assert json.loads((lake.root / "revisions" / "made_of.json").read_bytes()) == lake.contents()
    assert versions(lake, "transactions", 0).equals(expected)


def test_a_load_in_the_past_makes_the_index_anew(tmp_path: Path) -> None:
    """An older load comes after a newer one: its rows may be replaced by what was there already."""
    world = random_world(6)
    lake = lakes.write_lake(tmp_path, world, buckets=BUCKETS, splits=[date(2024, 1, 1)])
    oldest = sorted((lake.root / "loads").glob("*.json"))[0]
    content = oldest.read_bytes()
    oldest.unlink()
    indexed(lake)
    oldest.write_bytes(content)
    expected = versions(lake, "repayments", None)
    indexed(lake)
    assert versions(lake, "repayments", None).equals(expected)
    assert lake.digest(date(2024, 1, 1) + timedelta(days=500)) == lake.digest(date(2024, 12, 31) + timedelta(days=500))
