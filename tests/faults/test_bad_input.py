"""Every kind of bad input: one clear line with file, column and rule, and a lake that did not change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unit.ingest.world import (
    DAYS,
    LAST,
    SETTINGS,
    Row,
    arrow,
    at,
    copy_of,
    customer,
    day_rows,
    info,
    instalment,
    lake_bytes,
    loan,
    macro,
    path_of,
    put,
    template,
    transaction,
)

from tierline.config import Settings
from tierline.errors import BlockedError, ConfigurationError, InputError
from tierline.home import Home
from tierline.ingest import IngestReport, ingest_through
from tierline.schemas import LAKE
from tierline.sources.info import write_info

DAY = DAYS[1]
FILE = f"transactions/date={DAY}/part.parquet"


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def home(first_night: Home, tmp_path: Path) -> Home:
    """The first day is in the lake already; the second is about to come."""
    return copy_of(first_night, tmp_path)


def change(home: Home, edit: Callable[[pa.Table], pa.Table], table: str = "transactions") -> None:
    path = path_of(home, table, DAY)
    pq.write_table(edit(pq.read_table(path, partitioning=None)), path)


def retype(column: str, to: pa.DataType) -> Callable[[Home], None]:
    def edit(data: pa.Table) -> pa.Table:
        index = data.schema.get_field_index(column)
        return data.set_column(index, column, data.column(column).cast(to, safe=False))

    return lambda home: change(home, edit)


def truncate(home: Home) -> None:
    path = path_of(home, "transactions", DAY)
    path.write_bytes(path.read_bytes()[:-20])


def damage_pages(home: Home) -> None:
    """The footer stays whole, so that only reading the rows can find it."""
    path = path_of(home, "transactions", DAY)
    content = bytearray(path.read_bytes())
    content[4:600] = b"\xff" * 596
    path.write_bytes(bytes(content))


def csv_instead(text: bytes) -> Callable[[Home], None]:
    def act(home: Home) -> None:
        path_of(home, "transactions", DAY).unlink()
        path_of(home, "transactions", DAY, "part.csv").write_bytes(text)

    return act


def naive_csv(home: Home) -> None:
    path_of(home, "transactions", DAY).unlink()
    path = put(home, "transactions", DAY, day_rows(DAY)["transactions"], "part.csv")
    path.write_text(path.read_text().replace("09:00:00+00:00", "09:00:00", 1))


def mistyped_name(home: Home) -> None:
    change(home, lambda data: data.rename_columns([name.replace("amount", "Amount") for name in data.column_names]))


HEADER = ",".join(arrow("transactions", []).column_names).encode()
FILE_FAULTS: dict[str, tuple[Callable[[Home], Any], str, str, str]] = {
    "missing day": (
        lambda home: shutil.rmtree(path_of(home, "loans", DAY).parent),
        f"loans/date={DAY}",
        "",
        "missing_day",
    ),
    "day without a file": (lambda home: path_of(home, "loans", DAY).unlink(), f"loans/date={DAY}", "", "missing_day"),
    "missing table": (lambda home: shutil.rmtree(home.landing / "macro"), "macro", "", "missing_table"),
    "zero bytes": (lambda home: path_of(home, "transactions", DAY).write_bytes(b""), FILE, "", "empty_file"),
    "no rows": (lambda home: put(home, "transactions", DAY, []), f"transactions/date={DAY}", "", "empty_day"),
    "missing column": (
        lambda home: change(home, lambda data: data.drop_columns(["channel"])),
        FILE,
        "channel",
        "missing_column",
    ),
    "extra column": (
        lambda home: change(home, lambda data: data.append_column("note", pa.array(["x"] * data.num_rows))),
        FILE,
        "note",
        "extra_column",
    ),
    "column in capitals": (mistyped_name, FILE, "amount", "missing_column"),
    "money as float": (retype("amount", pa.float64()), FILE, "amount", "wrong_type"),
    "money with mills": (retype("amount", pa.decimal128(18, 3)), FILE, "amount", "wrong_type"),
    "text as number": (
        lambda home: change(home, lambda data: data.set_column(0, "transaction_id", pa.array(range(data.num_rows)))),
        FILE,
        "transaction_id",
        "wrong_type",
    ),
    "nested": (
        lambda home: change(home, lambda data: data.set_column(0, "transaction_id", pa.array([["a"]] * data.num_rows))),
        FILE,
        "transaction_id",
        "wrong_type",
    ),
    "naive timestamp": (retype("occurred_at", pa.timestamp("us")), FILE, "occurred_at", "naive_timestamp"),
    "naive timestamp in CSV": (naive_csv, f"transactions/date={DAY}/part.csv", "occurred_at", "naive_timestamp"),
    "corrupt footer": (truncate, FILE, "", "corrupt_parquet"),
    "corrupt pages": (damage_pages, FILE, "", "corrupt_parquet"),
    "not Parquet": (
        lambda home: path_of(home, "transactions", DAY).write_bytes(b"hello" * 9),
        FILE,
        "",
        "corrupt_parquet",
    ),
    "empty CSV": (csv_instead(b""), f"transactions/date={DAY}/part.csv", "", "empty_file"),
    "CSV short of fields": (
        csv_instead(HEADER + b"\na,b\n"),
        f"transactions/date={DAY}/part.csv",
        "",
        "unreadable_csv",
    ),
    "CSV open quote": (csv_instead(HEADER + b'\n"a,b\n'), f"transactions/date={DAY}/part.csv", "", "unreadable_csv"),
    "CSV not UTF-8": (
        csv_instead(HEADER.decode().encode("utf-16")),
        f"transactions/date={DAY}/part.csv",
        "",
        "unreadable_csv",
    ),
    "another format": (
        lambda home: path_of(home, "loans", DAY, "part.xlsx").write_bytes(b"x"),
        f"loans/date={DAY}/part.xlsx",
        "",
        "unknown_format",
    ),
    "a pattern for a name": (
        lambda home: put(home, "loans", DAY, [], "part*.parquet"),
        f"loans/date={DAY}/part*.parquet",
        "",
        "bad_name",
    ),
    "no partition": (
        lambda home: (home.landing / "loans" / "date=2026-13-01").mkdir(),
        "loans/date=2026-13-01",
        "",
        "bad_partition",
    ),
}


@pytest.mark.parametrize("name", FILE_FAULTS)
def test_a_file_fault_is_named_and_changes_nothing(home: Home, name: str) -> None:
    act, file, column, rule = FILE_FAULTS[name]
    act(home)
    before = everything(home)
    with pytest.raises(InputError) as caught:
        ingest_through(home, SETTINGS, DAY)
    assert (file, column, rule) in {(fault.file, fault.column, fault.rule) for fault in caught.value.faults}
    line = str(caught.value)
    assert "\n" not in line
    assert str(home.root) not in line
    assert caught.value.exit_code == 3
    assert everything(home) == before


def test_all_file_faults_are_reported_at_once(home: Home) -> None:
    for name in ("missing table", "money as float", "another format"):
        FILE_FAULTS[name][0](home)
    with pytest.raises(InputError) as caught:
        ingest_through(home, SETTINGS, DAY)
    assert {fault.rule for fault in caught.value.faults} == {"missing_table", "wrong_type", "unknown_format"}


def add(table: str, *rows: Row) -> Callable[[Home], Any]:
    return lambda home: put(home, table, DAY, list(rows), "more.parquet")


def tomorrow() -> datetime:
    return at(DAY + timedelta(days=1))


ROW_FAULTS: dict[str, tuple[str, list[Row], set[str]]] = {
    "negative amount": ("transactions", [transaction("X1", "C001", DAY, amount=Decimal("-0.01"))], {"range:amount"}),
    "null": ("transactions", [transaction("X1", "C001", DAY, channel=None)], {"null:channel"}),
    "empty text": ("transactions", [transaction("X1", "C001", DAY, channel="")], {"null:channel"}),
    "null knowledge time": ("transactions", [transaction("X1", "C001", DAY, recorded_at=None)], {"null:recorded_at"}),
    "unknown word": ("transactions", [transaction("X1", "C001", DAY, direction="up")], {"allowed:direction"}),
    "unknown customer": ("transactions", [transaction("X1", "C999", DAY)], {"unknown_customer"}),
    "loan of unknown customer": ("loans", [loan("L9", "C999", DAY)], {"unknown_customer"}),
    "unknown loan": ("instalments", [instalment("L999", 1, DAY)], {"unknown_loan"}),
    "NaN": ("loans", [loan("L9", "C001", DAY, annual_rate=float("nan"))], {"not_finite:annual_rate"}),
    "infinity": ("loans", [loan("L9", "C001", DAY, annual_rate=float("inf"))], {"not_finite:annual_rate"}),
    "minus infinity": ("macro", [macro(DAY, value=float("-inf"))], {"not_finite:value"}),
    "rate out of range": ("loans", [loan("L9", "C001", DAY, annual_rate=10.5)], {"range:annual_rate"}),
    "count out of range": ("loans", [loan("L9", "C001", DAY, term_months=0)], {"range:term_months"}),
    "birth year": ("customers", [customer("C9", DAY, birth_date=date(1785, 1, 1))], {"range:birth_date"}),
    "happened after it was known": (
        "transactions",
        [transaction("X1", "C001", DAY, occurred_at=at(DAY, 11))],
        {"event_after_knowledge"},
    ),
    "drawn after it was known": (
        "loans",
        [loan("L9", "C001", DAY, originated_on=DAY + timedelta(days=1))],
        {"event_after_knowledge"},
    ),
    "future timestamp": (
        "transactions",
        [transaction("X1", "C001", DAY, recorded_at=datetime(2031, 1, 1, tzinfo=UTC))],
        {"wrong_partition"},
    ),
    "yesterday's partition": ("transactions", [transaction("X1", "C001", DAYS[0])], {"wrong_partition"}),
    "same key, other body": (
        "transactions",
        [transaction("X1", "C001", DAY), transaction("X1", "C001", DAY, amount=Decimal("1.00"))],
        {"conflicting_duplicate"},
    ),
    "another customer's transaction": (
        "transactions",
        [transaction("X1", "C001", DAY), transaction("X1", "C002", DAY, recorded_at=at(DAY, 11))],
        {"changed_customer"},
    ),
    "another customer's, in the lake": (
        "transactions",
        [transaction("T01", "C002", DAYS[0], recorded_at=at(DAY))],
        {"changed_customer"},
    ),
}


def own_rows(name: str) -> list[Row]:
    """The rows of one case, under keys of their own, so that all cases fit into one night."""
    number = list(ROW_FAULTS).index(name)
    own = {"X1": f"X-{number}", "L9": f"L-{number}"}
    return [{key: own.get(str(value), value) for key, value in row.items()} for row in ROW_FAULTS[name][1]]


@pytest.fixture(scope="module")
def faulty_night(first_night: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, IngestReport]:
    home = copy_of(first_night, tmp_path_factory.mktemp("faulty"))
    tables: dict[str, list[Row]] = {}
    for name, (table, _, _) in ROW_FAULTS.items():
        tables.setdefault(table, []).extend(own_rows(name))
    for table, rows in tables.items():
        put(home, table, DAY, rows, "more.parquet")
    return home, ingest_through(home, SETTINGS.model_copy(update={"quarantine_threshold": 1.0}), DAY)


@pytest.mark.parametrize("name", ROW_FAULTS)
def test_a_row_fault_is_quarantined_with_its_rule(faulty_night: tuple[Home, IngestReport], name: str) -> None:
    home, _ = faulty_night
    table, _, rules = ROW_FAULTS[name]
    key = next(column for column in LAKE[table].key if column != "customer_key") if table != "customers" else "segment"
    rows = own_rows(name)
    held = [row for row in quarantined(home, table) if row[key] == rows[0][key]]
    # Of two customers' versions the first stays.
    faulty = rows[1:] if name == "another customer's transaction" else rows
    assert [set(row["failed_rules"]) for row in held] == [rules] * len(faulty)
    assert {row["source_file"] for row in held} == {f"{table}/date={DAY}/more.parquet"}


def test_the_faulty_night_counts_its_rows_and_leaves_the_rest(
    first_night: Home, faulty_night: tuple[Home, IngestReport]
) -> None:
    home, report = faulty_night
    for table in ("customers", "transactions", "loans", "instalments", "macro"):
        rows = quarantined(home, table)
        assert report.totals[table].rows_quarantined == len(rows) > 0
        assert any(f"{table}: {len(rows)} rows quarantined, most often for" in line for line in report.warnings)
    transactions = [row for name in ROW_FAULTS if ROW_FAULTS[name][0] == "transactions" for row in own_rows(name)]
    total = report.totals["transactions"]
    assert total.rows_in == 12 + len(transactions)
    # 12 clean rows and the first version of the changed customer, each 12.34 with a balance of 100.01.
    assert total.rows_used == 13
    assert total.cents_used == 13 * (1234 + 10001)
    assert total.cents_in == 12 * (1234 + 10001) + sum(
        int(100 * (row["amount"] + row["balance_after"])) for row in transactions
    )
    before = lake_bytes(first_night)
    assert {path: content for path, content in lake_bytes(home).items() if path in before} == before


def test_unreadable_csv_values_are_row_faults(home: Home) -> None:
    path_of(home, "transactions", DAY).unlink()
    rows = [transaction(f"X{number}", "C001", DAY) for number in range(6)]
    path = put(home, "transactions", DAY, rows, "part.csv")
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace("12.34", "12.345")
    lines[2] = lines[2].replace("12.34", "1e3")
    lines[3] = lines[3].replace("2026-01-02T09", "2026-02-30T09")
    lines[4] = lines[4].replace("12.34", "nan")
    lines[5] = lines[5].replace("12.34", "1,234.00") if '"' not in lines[5] else lines[5].replace("12.34", "1_234.00")
    path.write_text("\n".join(lines) + "\n")
    report = ingest_through(home, SETTINGS.model_copy(update={"quarantine_threshold": 1.0}), DAY)
    found = {row["transaction_id"]: row["failed_rules"] for row in quarantined(home, "transactions")}
    money = ["unparseable:amount"]
    assert found == {"X0": money, "X1": money, "X2": ["unparseable:occurred_at"], "X3": money, "X4": money}
    assert report.totals["transactions"].cents_unreadable_rows == 4


def test_too_much_quarantine_blocks_and_leaves_the_rows_to_look_at(home: Home) -> None:
    before = lake_bytes(home)
    manifests = sorted((home.lake / "loads").iterdir())
    bad = [transaction("X1", "C999", DAY), transaction("X2", "C999", DAY, amount=Decimal("-1.00"))]
    put(home, "transactions", DAY, bad, "more.parquet")
    with pytest.raises(BlockedError) as caught:
        ingest_through(home, Settings(quarantine_threshold=0.24), DAY)
    line = str(caught.value)
    kept = home.lake / "quarantine" / "failed" / f"load={DAY}_{DAY}" / "transactions.parquet"
    for words in ("transactions: 2 of 8 rows", "25.00%", "24.00%", "unknown_customer", str(kept)):
        assert words in line
    assert pq.read_table(kept, partitioning=None).num_rows == 2
    assert lake_bytes(home) == before
    assert sorted((home.lake / "loads").iterdir()) == manifests
    ingest_through(home, Settings(quarantine_threshold=0.25), DAY)  # a share equal to the threshold does not block
    assert not kept.exists()


def test_quarantine_holds_no_personal_data(home: Home) -> None:
    put(home, "customers", DAY, [customer("C777", DAY, segment="Invented Name C777")], "more.parquet")
    put(home, "transactions", DAY, [transaction("X1", "C888", DAY, counterparty_id="SHOP-SECRET")], "more.parquet")
    ingest_through(home, SETTINGS.model_copy(update={"quarantine_threshold": 1.0}), DAY)
    for path in (home.lake / "quarantine").rglob("*.parquet"):
        text = str(pq.read_table(path, partitioning=None).to_pylist())
        for clear in ("C777", "C888", "Invented", "SHOP-SECRET", "1990"):
            assert clear not in text.replace("'birth_year': 1990", "")


def test_ignored_columns_and_waived_days(home: Home) -> None:
    FILE_FAULTS["extra column"][0](home)
    FILE_FAULTS["missing day"][0](home)
    settings = SETTINGS.model_copy(
        update={"ignored_columns": {"transactions": ["note"]}, "waived_days": {"loans": [DAY]}}
    )
    assert ingest_through(home, settings, DAY).new == [f"{DAY}_{DAY}"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tables": ["customers", "bonds"]}, "bonds"),
        ({"tables": ["transactions"]}, "customers is missing"),
        ({"tables": ["customers", "repayments"]}, "loans is missing"),
        ({"first_day": LAST + timedelta(days=1)}, "before the source's first day"),
    ],
)
def test_a_declaration_that_cannot_be_used(home: Home, changes: dict[str, Any], words: str) -> None:
    write_info(home.landing, info(**changes))
    with pytest.raises(ConfigurationError, match=words):
        ingest_through(home, SETTINGS, DAY)


def quarantined(home: Home, table: str) -> list[Row]:
    path = home.lake / "quarantine" / table / f"load={DAY}_{DAY}.parquet"
    rows: list[Row] = pq.read_table(path, partitioning=None).to_pylist()
    return rows


def everything(home: Home) -> dict[str, bytes]:
    """Every file of the lake; the lock has no content."""
    return {path.as_posix(): path.read_bytes() for path in sorted(home.lake.rglob("*")) if path.is_file()}
