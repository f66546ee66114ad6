"""Rows, settings and declarations that cannot be used: quarantined and counted, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest
from unit.ingest.world import (
    DAYS,
    LAST,
    SETTINGS,
    Row,
    at,
    copy_of,
    customer,
    info,
    instalment,
    lake_bytes,
    loan,
    macro,
    path_of,
    put,
    transaction,
)

from tierline.config import Settings
from tierline.errors import BlockedError, ConfigurationError
from tierline.home import Home
from tierline.ingest import IngestReport, ingest_through
from tierline.schemas import LAKE
from tierline.sources.info import write_info

DAY = DAYS[1]
FILE = f"transactions/date={DAY}/part.parquet"


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
