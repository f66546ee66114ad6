"""What an ingest leaves in the lake: versions, loads, hashes, totals, and a whole state after any interruption."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from unit.ingest.world import (
    CUSTOMERS,
    DAYS,
    FIRST,
    LAST,
    SETTINGS,
    at,
    build,
    copy_of,
    day_rows,
    info,
    lake_bytes,
    path_of,
    put,
    template,
    transaction,
)
from unit.ingest.world import loan as world_loan

from tierline.engine import session
from tierline.errors import ConfigurationError, IntegrityError
from tierline.home import Home
from tierline.ingest import ingest_through, input_hashes, load, write
from tierline.ingest.pseudonyms import DEMO_KEY, pseudonymise
from tierline.lake import Lake
from tierline.parquet import read_arrow
from tierline.schemas import LAKE, Kind
from tierline.sources.info import write_info

WHOLE = f"{FIRST}_{LAST}"


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def begun(first_night: Home, tmp_path: Path) -> Home:
    """The first day is in the lake, two more wait in the landing zone."""
    return copy_of(first_night, tmp_path)


def known(home: Home, table: str, as_of: date) -> list[dict[str, Any]]:
    with session() as connection:
        cursor = connection.execute(Lake(home.lake).known_sql(table, as_of))
        names = [item[0] for item in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_the_first_night_is_one_load_and_later_nights_are_days(home: Home) -> None:
    build(home)
    assert ingest_through(home, SETTINGS, DAYS[1]).new == [f"{FIRST}_{DAYS[1]}"]
    assert ingest_through(home, SETTINGS, DAYS[1]).new == []
    report = ingest_through(home, SETTINGS, LAST)
    assert report.new == [f"{LAST}_{LAST}"]
    assert [load.name for load in report.loads] == [f"{FIRST}_{DAYS[1]}", f"{LAST}_{LAST}"]
    assert report.totals["transactions"].rows_used == 19
    assert report.left_out == []


def test_days_after_as_of_are_not_read(home: Home) -> None:
    build(home)
    path_of(home, "transactions", LAST).write_bytes(b"not Parquet at all")
    assert ingest_through(home, SETTINGS, DAYS[1]).new == [f"{FIRST}_{DAYS[1]}"]


def test_lake_files_keep_their_contract_and_mode(begun: Home) -> None:
    ingest_through(begun, SETTINGS, LAST)
    for table, contract in LAKE.items():
        for path in Lake(begun.lake).files(table):
            assert pq.read_schema(path).equals(contract.arrow_schema)
            assert path.stat().st_mode & 0o777 == 0o640
    assert Lake(begun.lake).has("repayments")


def test_rows_stand_in_the_bucket_of_their_pseudonym(begun: Home) -> None:
    found = {}
    for bucket in range(SETTINGS.buckets):
        for path in Lake(begun.lake).files("transactions", bucket):
            for key in read_arrow(path).column("customer_key").to_pylist():
                found[key] = bucket
    keys = [pseudonymise(customer_id, DEMO_KEY) for customer_id in CUSTOMERS]
    assert found == {key: int(key[:8], 16) % SETTINGS.buckets for key in keys}


def test_no_personal_data_in_the_lake(begun: Home) -> None:
    ingest_through(begun, SETTINGS, LAST)
    for path in begun.lake.rglob("*"):
        if path.is_file():
            content = path.read_bytes() if path.suffix != ".parquet" else str(read_arrow(path).to_pylist()).encode()
            assert not any(clear in content for clear in (b"C001", b"Invented", b"SHOP-", b"ID-", b"1990-05"))


def test_loan_tables_carry_the_customer_of_their_loan(begun: Home) -> None:
    ingest_through(begun, SETTINGS, LAST)
    owners = {row["loan_id"]: row["customer_key"] for row in known(begun, "instalments", LAST)}
    assert owners == {"L1": pseudonymise("C001", DEMO_KEY), "L2": pseudonymise("C002", DEMO_KEY)}
    assert [row["customer_key"] for row in known(begun, "repayments", LAST)] == [owners["L1"]]


def test_a_correction_is_a_version_known_from_its_own_day(begun: Home) -> None:
    ingest_through(begun, SETTINGS, LAST)

    def amounts(as_of: date) -> list[Decimal]:
        return [row["amount"] for row in known(begun, "transactions", as_of) if row["transaction_id"] == "T00"]

    assert amounts(FIRST) == amounts(DAYS[1]) == [Decimal("12.34")]
    assert amounts(LAST) == [Decimal("99.00")]


def test_business_days_are_those_of_the_time_zone(home: Home) -> None:
    build(home)
    late = transaction("T99", "C000", FIRST, occurred_at=at(FIRST, 15, 59), recorded_at=at(FIRST, 16))
    put(home, "transactions", DAYS[1], [late], "more.parquet")  # 16:00 UTC is midnight in Shanghai
    settings = SETTINGS.model_copy(update={"business_timezone": "Asia/Shanghai"})
    ingest_through(home, settings, LAST)
    row = next(row for row in known(home, "transactions", LAST) if row["transaction_id"] == "T99")
    assert (row["occurred_on"], row["known_on"]) == (FIRST, DAYS[1])


def test_totals_reconcile_with_a_count_by_hand(home: Home) -> None:
    build(home)
    again = day_rows(FIRST)["transactions"][:2]
    bad = transaction("T90", "C000", FIRST, amount=Decimal("-5.00"), balance_after=None)
    put(home, "transactions", FIRST, [*again, bad], "more.parquet")
    total = ingest_through(home, SETTINGS, FIRST).totals["transactions"]
    row = 1234 + 10001
    assert (total.rows_in, total.rows_used, total.rows_duplicate, total.rows_quarantined) == (9, 6, 2, 1)
    assert (total.cents_used, total.cents_duplicate, total.cents_quarantined) == (6 * row, 2 * row, -500)
    assert total.cents_in == 8 * row - 500


def test_rows_that_get_lost_are_noticed(begun: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = write.write_arrow
    monkeypatch.setattr(write, "write_arrow", lambda path, data: honest(path, data.slice(1)))
    with pytest.raises(IntegrityError, match="rows in, but"):
        ingest_through(begun, SETTINGS, LAST)
    assert [load.name for load in Lake(begun.lake).loads()] == [f"{FIRST}_{FIRST}"]


def test_cents_that_get_lost_are_noticed(begun: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = write._lake_value
    monkeypatch.setattr(
        write,
        "_lake_value",
        lambda contract, column, zone: (
            "12.33::DECIMAL(18,2)" if column.name == "amount" else honest(contract, column, zone)
        ),
    )
    with pytest.raises(IntegrityError, match="cents in, but"):
        ingest_through(begun, SETTINGS, DAYS[1])


def test_a_late_file_makes_its_load_again(begun: Home, caplog: pytest.LogCaptureFixture) -> None:
    ingest_through(begun, SETTINGS, LAST)
    before = lake_bytes(begun)
    put(begun, "transactions", FIRST, [transaction("T91", "C000", FIRST)], "late.parquet")
    with caplog.at_level("INFO", logger="tierline"):
        report = ingest_through(begun, SETTINGS, LAST)
    assert report.new == [f"{FIRST}_{FIRST}"]
    assert f"transactions/date={FIRST}/late.parquet is new" in caplog.text
    assert report.totals["transactions"].rows_used == 20
    changed = {path for path, content in lake_bytes(begun).items() if before.get(path) != content}
    assert {path.split("/")[0] for path in changed} == {"transactions"}


def test_what_was_quarantined_for_want_of_a_late_row_is_taken_up(begun: Home) -> None:
    put(begun, "transactions", LAST, [transaction("T92", "C9", LAST)], "more.parquet")
    assert ingest_through(begun, SETTINGS, LAST).totals["transactions"].rows_quarantined == 1
    late = day_rows(FIRST)["customers"][0] | {"customer_id": "C9"}
    put(begun, "customers", FIRST, [late], "late.parquet")
    report = ingest_through(begun, SETTINGS, LAST)
    assert report.totals["transactions"].rows_quarantined == 0
    assert not list((begun.lake / "quarantine").rglob("*.parquet"))


def test_a_changed_file_of_a_past_night_does_not_drop_later_days(home: Home) -> None:
    build(home)
    ingest_through(home, SETTINGS, LAST)
    put(home, "transactions", FIRST, [transaction("T91", "C000", FIRST)], "late.parquet")
    assert ingest_through(home, SETTINGS, FIRST).new == [WHOLE]
    assert ingest_through(home, SETTINGS, LAST).totals["transactions"].rows_used == 20


def test_history_before_the_first_feed_day_is_part_of_the_first_load(home: Home) -> None:
    build(home)
    old = date(2025, 6, 1)
    put(home, "loans", old, [world_loan("L0", "C001", old)])
    assert ingest_through(home, SETTINGS, FIRST).new == [f"{old}_{FIRST}"]


def test_input_hashes_do_not_depend_on_the_loads(first_night: Home, begun: Home, tmp_path: Path) -> None:
    ingest_through(begun, SETTINGS, LAST)
    other = Home(tmp_path / "other")
    build(other)
    ingest_through(other, SETTINGS, LAST)
    assert input_hashes(begun, LAST) == input_hashes(other, LAST)
    assert set(input_hashes(begun, LAST)) == set(info().tables)
    assert input_hashes(begun, FIRST) == input_hashes(other, FIRST) == input_hashes(first_night, FIRST)
    assert input_hashes(begun, FIRST)["transactions"] != input_hashes(begun, LAST)["transactions"]


def test_unmapped_categories_are_counted(home: Home) -> None:
    build(home)
    write_info(home.landing, info(vocabulary={}))
    assert "transactions.category: no role for grocery (6): treated as other; name them in the vocabulary" in (
        ingest_through(home, SETTINGS, FIRST).warnings
    )


@pytest.mark.parametrize("change", [{"buckets": 5}, {"business_timezone": "Asia/Shanghai"}])
def test_a_lake_keeps_what_it_was_made_with(begun: Home, change: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"{next(iter(change))}.*the lake|lake.*{next(iter(change))}"):
        ingest_through(begun, SETTINGS.model_copy(update=change), LAST)


def test_a_lake_keeps_its_key(begun: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    (begun.root / "other.key").write_bytes(b"k" * 40)
    monkeypatch.setenv("TIERLINE_PSEUDONYM_KEY_FILE", str(begun.root / "other.key"))
    write_info(begun.landing, info(pseudonym_key="file"))
    with pytest.raises(ConfigurationError, match="another pseudonym_key"):
        ingest_through(begun, SETTINGS, LAST)


KILLED = """
import os, sys
sys.path.insert(0, sys.argv[1])
from datetime import date
from pathlib import Path
from tierline.home import Home
from tierline.ingest import ingest_through, load, write
from unit.ingest.world import LAST, SETTINGS
left = int(sys.argv[3])
def dying(call):
    def wrapped(*arguments):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return call(*arguments)
    return wrapped
write.write_arrow = dying(write.write_arrow)
load._replace = dying(load._replace)
load.replace_file = dying(load.replace_file)
ingest_through(Home(Path(sys.argv[2])), SETTINGS, LAST)
"""


@pytest.fixture(scope="module")
def clean(first_night: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The lake of an ingest that nothing interrupts."""
    home = copy_of(first_night, tmp_path_factory.mktemp("clean"))
    ingest_through(home, SETTINGS, LAST)
    return lake_bytes(home)


def shown(home: Home) -> set[str]:
    lake = Lake(home.lake)
    return {path.relative_to(home.lake).as_posix() for table in LAKE for path in lake.files(table)}


@pytest.mark.parametrize("survived", [3, 14])
def test_a_killed_ingest_shows_nothing_and_is_made_good(begun: Home, clean: dict[str, bytes], survived: int) -> None:
    before = set(lake_bytes(begun))
    arguments = [str(Path(__file__).parents[2]), str(begun.root), str(survived)]
    run = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False, env=dict(os.environ))
    assert run.returncode == 9
    assert (begun.lake / ".staging").exists()
    assert shown(begun) == before
    ingest_through(begun, SETTINGS, LAST)
    assert lake_bytes(begun) == clean
    assert not (begun.lake / ".staging").exists()


def test_whichever_write_fails_the_lake_stays_whole(
    begun: Home, clean: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The N-th write fails, for every third N until none is left to fail."""
    before = set(lake_bytes(begun))
    left = 0

    def failing(call: Any) -> Any:
        def wrapped(*arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError("no space left on device")
            return call(*arguments)

        return wrapped

    for module, name in ((write, "write_arrow"), (load, "_replace"), (load, "replace_file")):
        monkeypatch.setattr(module, name, failing(getattr(module, name)))
    for survived in range(0, 100, 3):
        left = survived
        try:
            ingest_through(begun, SETTINGS, LAST)
        except OSError:
            assert shown(begun) == before
        else:
            break
    assert survived > 20
    assert lake_bytes(begun) == clean


def test_every_money_column_is_counted() -> None:
    """The totals rest on ``money_columns``: a lake table has those of its landing table."""
    for contract in LAKE.values():
        assert set(contract.money_columns) == {c.name for c in contract.columns if c.kind is Kind.MONEY}
