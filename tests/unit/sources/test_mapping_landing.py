"""`write_landing`: exact values and days, the feed's empty days, idempotence, determinism, and kills halfway."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unit.sources.mapped_lender import CREDITS, PEOPLE, lender, spoiled

from tierline.errors import ConfigurationError, InputError
from tierline.schemas import LANDING
from tierline.sources.info import read_info
from tierline.sources.mapping import landing as landing_module
from tierline.sources.mapping import write_landing

UTC = ZoneInfo("UTC")
DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=offset) for offset in range(10)]


def content(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(landing: Path, table: str, day: str) -> list[dict[str, object]]:
    read = pq.read_table(landing / table / f"date={day}" / "part-0.parquet", partitioning=None)
    assert read.schema.equals(LANDING[table].arrow_schema)
    return read.to_pylist()


def test_a_column_that_may_be_missing_is_taken_where_it_is_given(tmp_path: Path) -> None:
    mapping = spoiled((("tables", "customers", "constants", "household_id"), "H1"))
    write_landing(mapping, lender(tmp_path / "data"), tmp_path / "landing")
    assert [row["household_id"] for row in rows(tmp_path / "landing", "customers", "2024-01-03")] == ["H1", "H1"]


def test_values_days_and_declaration(tmp_path: Path) -> None:
    landing = tmp_path / "home" / "landing"
    info = write_landing(spoiled(), lender(tmp_path / "data"), landing)
    # c2 joined 2024-01-03 23:30 in Lagos (UTC+1), c1's loan was paid out at 10:00 there; loan 11 at 00:30 on the 4th.
    assert [row["customer_id"] for row in rows(landing, "customers", "2024-01-03")] == ["c2", "c3"]
    assert [row["household_id"] for row in rows(landing, "customers", "2024-01-03")] == [None, None]  # not delivered
    assert rows(landing, "loans", "2024-01-02") == [
        {
            "loan_id": "10",
            "customer_id": "c1",
            "product": "cash",
            "originated_on": dt.date(2024, 1, 2),
            "principal": Decimal("100.50"),
            "annual_rate": 0.24,
            "term_months": 12,
            "repayment_method": "bullet",
            "scenario_id": None,
            "recorded_at": dt.datetime(2024, 1, 2, 9, 0, tzinfo=UTC),
        }
    ]
    assert [row["loan_id"] for row in rows(landing, "loans", "2024-01-03")] == ["11"]
    assert [row["value"] for row in rows(landing, "macro", "2023-12-20")] == [1.25, 1.5]
    assert info == read_info(landing)
    assert (info.first_day, info.as_of, info.knowledge, info.label) == (DAYS[0], DAYS[-1], "assumed", "outcomes")
    assert info.tables == ["customers", "loans", "macro", "outcomes"]
    assert info.notes == ["knowledge is assumed: lag 0"]


def test_daily_feeds_have_a_file_for_every_day_and_published_ones_do_not(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    write_landing(spoiled(), lender(tmp_path / "data"), landing)
    every = [f"date={day.isoformat()}" for day in DAYS]
    for table in ("customers", "loans", "outcomes"):
        assert sorted(path.name for path in (landing / table).iterdir()) == every
    assert rows(landing, "loans", "2024-01-07") == []
    assert [path.name for path in (landing / "macro").iterdir()] == ["date=2023-12-20"]


def test_business_day_follows_the_mapping_before_the_configuration(tmp_path: Path) -> None:
    data = lender(tmp_path / "data")
    write_landing(spoiled(), data, tmp_path / "configured", business_timezone="Africa/Lagos")
    stated = write_landing(spoiled((("business_timezone",), "Africa/Lagos")), data, tmp_path / "stated")
    for name in ("configured", "stated"):
        assert [row["loan_id"] for row in rows(tmp_path / name, "loans", "2024-01-04")] == ["11"]
    assert stated.business_timezone == "Africa/Lagos"


def test_before_first_day_only_days_with_rows_have_files(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    info = write_landing(spoiled((("first_day",), "2024-01-09")), lender(tmp_path / "data"), landing)
    assert info.first_day == dt.date(2024, 1, 9)
    assert sorted(path.name[5:] for path in (landing / "loans").iterdir()) == [
        "2024-01-02",
        "2024-01-03",
        "2024-01-09",
        "2024-01-10",
    ]


def test_days_beyond_as_of_are_landed_for_later_nights(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    info = write_landing(spoiled((("as_of",), "2024-01-09")), lender(tmp_path / "data"), landing)
    assert info.as_of == dt.date(2024, 1, 9)
    assert len(rows(landing, "outcomes", "2024-01-10")) == 1
    assert (landing / "customers" / "date=2024-01-10").is_dir()


def test_same_input_gives_the_same_bytes_in_any_row_order(tmp_path: Path) -> None:
    head, *body = PEOPLE.splitlines(keepends=True)
    write_landing(spoiled(), lender(tmp_path / "one"), tmp_path / "first" / "landing")
    write_landing(spoiled(), lender(tmp_path / "one"), tmp_path / "second" / "landing")
    write_landing(spoiled(), lender(tmp_path / "two", head + "".join(reversed(body))), tmp_path / "third" / "landing")
    first, second, third = (content(tmp_path / name / "landing") for name in ("first", "second", "third"))
    assert first == second
    assert {name for name in first if first[name] != third[name]} == {"_mapping.json"}  # the file's hash differs


def test_nothing_is_done_for_the_same_origin_and_all_is_replaced_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, landing = lender(tmp_path / "data"), tmp_path / "landing"
    first = write_landing(spoiled(), data, landing)
    with monkeypatch.context() as patched:
        patched.setattr(landing_module, "mapped_tables", None)  # would fail if it were called
        assert write_landing(spoiled(), data, landing) == first
    lender(data, credits_="\n".join(CREDITS.splitlines()[:2]) + "\n")
    write_landing(spoiled(), data, landing)
    assert rows(landing, "loans", "2024-01-03") == []
    write_landing(spoiled((("tables", "macro"), None)), data, landing)
    assert not (landing / "macro").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "landing"]


def test_problems_stop_before_anything_is_written(tmp_path: Path) -> None:
    data, landing = lender(tmp_path / "data"), tmp_path / "landing"
    write_landing(spoiled(), data, landing)
    before = content(landing)
    lender(data, credits_=CREDITS + "12,c9,2024-01-05 10:00:00,1,no,2024-01-09\n")
    with pytest.raises(InputError, match=r"loans: column customer_id: unknown_customer: 1 rows"):
        write_landing(spoiled(), data, landing)
    assert content(landing) == before
    (data / "people.csv").unlink()
    with pytest.raises(InputError, match=r"people\.csv: missing_file"):
        write_landing(spoiled(), data, landing)
    assert content(landing) == before


@pytest.mark.parametrize("step", ["write_contract", "write_info", "replace_file", "_swap"])
def test_a_kill_while_writing_leaves_the_old_landing_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    data, landing = lender(tmp_path / "data"), tmp_path / "landing"
    write_landing(spoiled(), data, landing)
    before = content(landing)
    later = spoiled((("as_of",), "2024-01-12"))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(landing_module, step, killed)
        with pytest.raises(KeyboardInterrupt):
            write_landing(later, data, landing)
    assert content(landing) == before
    assert write_landing(later, data, landing).as_of == dt.date(2024, 1, 12)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "landing"]


def test_a_kill_between_the_two_renames_gives_the_old_landing_zone_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, landing = lender(tmp_path / "data"), tmp_path / "landing"
    first = write_landing(spoiled(), data, landing)
    before = content(landing)
    rename = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if self.name.endswith(".building"):
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write_landing(spoiled((("as_of",), "2024-01-12")), data, landing)
    assert not landing.exists()
    assert write_landing(spoiled(), data, landing) == first
    assert content(landing) == before


def test_a_landing_zone_that_no_mapping_wrote_is_not_replaced(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    (landing / "customers").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="no mapping wrote"):
        write_landing(spoiled(), lender(tmp_path / "data"), landing)
    assert (landing / "customers").is_dir()


@pytest.mark.parametrize("damage", ["origin", "lost day", "lost content", "foreign file"])
def test_a_damaged_landing_zone_is_made_anew(tmp_path: Path, damage: str) -> None:
    data, landing = lender(tmp_path / "data"), tmp_path / "landing"
    write_landing(spoiled(), data, landing)
    before, day = content(landing), landing / "loans" / "date=2024-01-02" / "part-0.parquet"
    if damage == "origin":
        (landing / "_mapping.json").write_text(json.dumps({"writer": 0}), encoding="utf-8")
    elif damage == "lost day":
        day.unlink()
    elif damage == "lost content":
        day.write_bytes(b"")
    else:
        day.with_name("part-1.parquet").write_bytes(day.read_bytes())
    write_landing(spoiled(), data, landing)
    assert content(landing) == before


def test_other_csv_dialects(tmp_path: Path) -> None:
    data = lender(tmp_path / "data")
    (data / "people.csv").write_bytes(PEOPLE.replace(";", "|").replace("c3", "'c|é'").encode("latin-1"))
    dialect = {"file": "people.csv", "delimiter": "|", "quote": "'", "encoding": "latin-1"}
    dialect_types = {**dialect, "types": {"joined": "TIMESTAMP"}}
    write_landing(spoiled((("files", "people"), dialect_types)), data, tmp_path / "landing")
    found = [row["customer_id"] for row in rows(tmp_path / "landing", "customers", "2024-01-03")]
    assert found == ["c2", "c|é"]


def test_parquet_files_bring_their_own_types(tmp_path: Path) -> None:
    data = lender(tmp_path / "data")
    columns = {
        "number": ["c1", "c2", "c3"],
        "joined": [dt.datetime(2024, 1, 1, 9), dt.datetime(2024, 1, 3, 8), dt.datetime(2024, 1, 3, 9)],  # noqa: DTZ001
        "born": [dt.date(1980, 5, 6), dt.date(1990, 1, 2), dt.date(1975, 12, 31)],
    }
    pq.write_table(pa.table(columns), data / "people.parquet")
    mapping = spoiled((("files", "people"), {"file": "people.parquet", "format": "parquet"}))
    write_landing(mapping, data, tmp_path / "landing")
    assert rows(tmp_path / "landing", "customers", "2024-01-01")[0]["birth_date"] == dt.date(1980, 5, 6)
