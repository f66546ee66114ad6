"""A column that may be missing: from a file, from a source, and from a lake made before the contract had it."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from unit.ingest.world import CUSTOMERS, DAYS, FIRST, LAST, SETTINGS, arrow, at, build, customer, path_of, put

from tierline.engine import session
from tierline.home import Home
from tierline.ingest import ingest_through
from tierline.ingest.compact import compact
from tierline.ingest.pseudonyms import DEMO_KEY, pseudonymise
from tierline.ingest.run import MADE_WITH
from tierline.lake import Lake
from tierline.parquet import read_arrow
from tierline.schemas import LAKE
from tierline.validation import validate_lake

KEYS = [pseudonymise(one, DEMO_KEY) for one in CUSTOMERS]
HOME = pseudonymise("H-SECRET-1", DEMO_KEY)


def households(home: Home, as_of: date) -> dict[str, str | None]:
    with session() as connection:
        rows = connection.execute(
            f"SELECT customer_key, household_key FROM ({Lake(home.lake).known_sql('customers', as_of)})"
        )
        return dict(rows.fetchall())


def without(home: Home, suffix: str) -> None:
    """Customers' files as delivered by a source that has no households: without the column."""
    for day in DAYS:
        path = path_of(home, "customers", day, f"part{suffix}")
        rows = arrow("customers", [customer(one, day) for one in CUSTOMERS] if day == FIRST else [])
        if suffix == ".parquet":
            pq.write_table(rows.drop_columns(["household_id"]), path)
        else:
            data = pacsv.read_csv(path, convert_options=pacsv.ConvertOptions(strings_can_be_null=True))
            pacsv.write_csv(data.drop_columns(["household_id"]), path)


def moved_in(home: Home, day: date) -> None:
    """On a later day two customers are said to live together."""
    rows = [
        customer(one, FIRST, household_id="H-SECRET-1", recorded_at=at(day, 5)) for one in (CUSTOMERS[1], CUSTOMERS[4])
    ]
    put(home, "customers", day, rows)


def made_before(home: Home) -> None:
    """The lake as it was before its optional columns: no file has them, nor the hash of what it was made with."""
    later = {"customers": "household_key", "funding_partners": "first_loss_share"}
    for table, column in later.items():
        for path in Lake(home.lake).files(table):
            pq.write_table(read_arrow(path).drop_columns([column]), path)
    path = home.lake / MADE_WITH
    described = json.loads(path.read_bytes())
    schemas = {name: table.arrow_schema for name, table in LAKE.items()}
    for table, column in later.items():
        schemas[table] = pa.schema([field for field in schemas[table] if field.name != column])
    contracts = repr([(name, table.key, str(schemas[name])) for name, table in LAKE.items()])
    described["contracts"] = hashlib.sha256(contracts.encode()).hexdigest()
    path.write_text(json.dumps(described))


def test_a_household_is_pseudonymised(home: Home) -> None:
    build(home)
    moved_in(home, DAYS[1])
    ingest_through(home, SETTINGS, LAST)
    assert households(home, FIRST) == dict.fromkeys(KEYS)
    assert households(home, LAST) == dict.fromkeys(KEYS) | {KEYS[1]: HOME, KEYS[4]: HOME}
    written = str([read_arrow(path).to_pylist() for path in Lake(home.lake).files("customers")])
    assert HOME in written
    assert "SECRET" not in written


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_files_without_the_column_know_no_household(home: Home, suffix: str) -> None:
    build(home, suffix)
    without(home, suffix)
    report = ingest_through(home, SETTINGS, LAST)
    assert report.totals["customers"].rows_used == len(CUSTOMERS)
    assert households(home, LAST) == dict.fromkeys(KEYS)


def test_files_with_and_without_the_column_make_one_load(home: Home) -> None:
    build(home)
    without(home, ".parquet")
    moved_in(home, DAYS[1])
    ingest_through(home, SETTINGS, LAST)
    assert households(home, LAST) == dict.fromkeys(KEYS) | {KEYS[1]: HOME, KEYS[4]: HOME}


def test_a_quarantined_household_is_pseudonymised_too(home: Home) -> None:
    build(home)
    bad = customer("C009", FIRST, household_id="H-SECRET-1", segment="club")
    put(home, "customers", FIRST, [bad], "more.parquet")
    ingest_through(home, SETTINGS.model_copy(update={"quarantine_threshold": 1.0}), LAST)
    (path,) = (home.lake / "quarantine" / "customers").glob("*.parquet")
    (row,) = read_arrow(path).to_pylist()
    assert (row["household_key"], row["failed_rules"]) == (HOME, ["allowed:segment"])
    assert "SECRET" not in str(row)


@pytest.mark.parametrize("index", [True, False])
def test_a_lake_made_before_goes_on(home: Home, index: bool) -> None:
    """Its files read as null, a later version brings the household, and its loads still pass their validation."""
    build(home)
    ingest_through(home, SETTINGS, FIRST)
    made_before(home)
    moved_in(home, DAYS[1])
    report = ingest_through(home, SETTINGS, LAST)
    assert report.new == [f"{DAYS[1]}_{LAST}"]
    if not index:
        (home.lake / "revisions" / "made_of.json").unlink()
    assert households(home, FIRST) == dict.fromkeys(KEYS)
    assert households(home, LAST) == dict.fromkeys(KEYS) | {KEYS[1]: HOME, KEYS[4]: HOME}
    for load in report.loads:
        assert [line for verdict in validate_lake(home, SETTINGS, load) for line in verdict.failed] == []
    with session() as connection:
        sql = Lake(home.lake).rows_sql("customers")
        assert connection.execute(f"SELECT count(*), count(household_key) FROM ({sql})").fetchall() == [(8, 2)]


def test_merging_loads_of_both_kinds(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    build(home)
    ingest_through(home, SETTINGS, FIRST)
    made_before(home)
    moved_in(home, DAYS[1])
    ingest_through(home, SETTINGS, LAST)
    lake = Lake(home.lake)
    monkeypatch.setattr("tierline.ingest.compact.due", lambda loads: [loads] if len(loads) > 1 else [])
    with session() as connection:
        compact(connection, lake, tmp_path / "staging")
    assert len(lake.loads()) == 1
    for path in lake.files("customers"):
        assert pq.read_schema(path).equals(LAKE["customers"].arrow_schema)
    assert households(home, LAST) == dict.fromkeys(KEYS) | {KEYS[1]: HOME, KEYS[4]: HOME}
