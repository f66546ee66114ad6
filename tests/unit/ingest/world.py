"""A small landing zone made by hand: six customers, three days, every table, and no fault anywhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from tierline.config import Settings
from tierline.home import Home
from tierline.ingest import ingest_through
from tierline.schemas import LANDING, Feed
from tierline.sources.info import SourceInfo, write_info

FIRST = date(2026, 1, 1)
DAYS = [FIRST + timedelta(days=offset) for offset in range(3)]
LAST = DAYS[-1]
TABLES = [name for name in LANDING if name != "outcomes"]
CUSTOMERS = [f"C{number:03d}" for number in range(6)]
Row = dict[str, Any]
SETTINGS = Settings(quarantine_threshold=0.5)


def at(day: date, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def customer(customer_id: str, day: date, **changes: Any) -> Row:
    return {
        "customer_id": customer_id,
        "registered_on": day,
        "birth_date": date(1990, 5, 17),
        "full_name": f"Invented Name {customer_id}",
        "id_number": f"ID-{customer_id}",
        "phone": f"+00 {customer_id}",
        "region_code": "R1",
        "segment": "consumer",
        "industry_code": None,
        "declared_income_monthly": Decimal("5000.00"),
        "consent_partner_sharing": True,
        "recorded_at": at(day, 1),
    } | changes


def transaction(number: str, customer_id: str, day: date, **changes: Any) -> Row:
    return {
        "transaction_id": number,
        "customer_id": customer_id,
        "occurred_at": at(day, 9),
        "amount": Decimal("12.34"),
        "direction": "debit",
        "category": "grocery",
        "channel": "app",
        "scenario_id": None,
        "counterparty_id": f"SHOP-{number[-1]}",
        "balance_after": Decimal("100.01"),
        "recorded_at": at(day, 10),
    } | changes


def loan(loan_id: str, customer_id: str, day: date, **changes: Any) -> Row:
    return {
        "loan_id": loan_id,
        "customer_id": customer_id,
        "product": "cash",
        "originated_on": day,
        "principal": Decimal("1200.00"),
        "annual_rate": 0.18,
        "term_months": 2,
        "repayment_method": "equal_instalment",
        "scenario_id": None,
        "recorded_at": at(day, 11),
    } | changes


def instalment(loan_id: str, number: int, day: date, **changes: Any) -> Row:
    return {
        "loan_id": loan_id,
        "instalment_no": number,
        "due_on": day + timedelta(days=30 * number),
        "principal_due": Decimal("600.00"),
        "interest_due": Decimal("9.01"),
        "recorded_at": at(day, 11),
    } | changes


def repayment(number: str, loan_id: str, day: date, **changes: Any) -> Row:
    return {
        "repayment_id": number,
        "loan_id": loan_id,
        "instalment_no": 1,
        "paid_at": at(day, 13),
        "amount": Decimal("609.01"),
        "recorded_at": at(day, 14),
    } | changes


def macro(day: date, **changes: Any) -> Row:
    return {"series_id": "gdp", "period": date(2025, 10, 1), "value": 4.5, "published_at": at(day, 7)} | changes


def partner(day: date, **changes: Any) -> Row:
    money = ("net_tier1_capital", "total_loans", "joint_loan_balance", "commitment", "drawn")
    return {
        "partner_id": "P1",
        "licence": "national",
        "home_region": "R1",
        "regions": "*",
        **{name: Decimal("1000000.00") for name in money},
        "expires_on": None,
        "notice_days": 30,
        "cost_of_funds": 0.04,
        "accepted_tiers": "A,B",
        "first_loss_share": None,
        "recorded_at": at(day, 2),
    } | changes


def position(day: date, **changes: Any) -> Row:
    money = ("net_assets", "standard_funding", "non_standard_funding")
    return (
        {"as_of": day, **{name: Decimal("9.99") for name in money}, "cost_of_funds": 0.05}
        | {"recorded_at": at(day, 3)}
        | changes
    )


def arrow(table: str, rows: list[Row]) -> pa.Table:
    fields = [field.with_nullable(True) for field in LANDING[table].arrow_schema]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def path_of(home: Home, table: str, day: date, name: str = "part.parquet") -> Path:
    path = home.landing / table / f"date={day.isoformat()}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def put(home: Home, table: str, day: date, rows: list[Row], name: str = "part.parquet") -> Path:
    """Write one landing file; the ending of ``name`` says how."""
    path = path_of(home, table, day, name)
    data = arrow(table, rows)
    if path.suffix == ".csv":
        write_csv(path, data)
    else:
        pq.write_table(data, path)
    return path


def write_csv(path: Path, data: pa.Table) -> None:
    """ISO 8601 with an offset; everything else as Arrow prints it."""
    texts = [_csv_texts(column) for column in data.columns]
    pacsv.write_csv(pa.table(dict(zip(data.column_names, texts, strict=True))), path)


def _csv_texts(column: pa.ChunkedArray) -> pa.Array:
    values = [
        value.isoformat() if isinstance(value, date | datetime) else None if value is None else _plain(value)
        for value in column.to_pylist()
    ]
    return pa.array(values, pa.string())


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def day_rows(day: date) -> dict[str, list[Row]]:
    """The rows of one day. Customers and loans come on the first; a correction and a void on the last."""
    index = DAYS.index(day)
    rows: dict[str, list[Row]] = {table: [] for table in TABLES}
    rows["transactions"] = [
        transaction(f"T{index}{number}", customer_id, day) for number, customer_id in enumerate(CUSTOMERS)
    ]
    if index == 0:
        rows["customers"] = [customer(customer_id, day) for customer_id in CUSTOMERS]
        rows["loans"] = [loan("L1", "C001", day), loan("L2", "C002", day)]
        rows["instalments"] = [instalment(loan_id, number, day) for loan_id in ("L1", "L2") for number in (1, 2)]
        rows["macro"], rows["funding_partners"], rows["lender_position"] = [macro(day)], [partner(day)], [position(day)]
    if index == 2:
        rows["repayments"] = [repayment("R1", "L1", day)]
        rows["transactions"].append(
            transaction("T00", "C000", DAYS[0], amount=Decimal("99.00"), recorded_at=at(day, 10))
        )
    return rows


def build(
    home: Home, suffix: str = ".parquet", edit: Callable[[str, date, list[Row]], list[Row]] | None = None
) -> None:
    """Write the whole landing zone; ``edit`` may change the rows of any table and day."""
    write_info(home.landing, info())
    for day in DAYS:
        for table, rows in day_rows(day).items():
            if rows or LANDING[table].feed is Feed.DAILY:
                put(home, table, day, edit(table, day, rows) if edit else rows, f"part{suffix}")


def info(**changes: Any) -> SourceInfo:
    return SourceInfo(
        name="small",
        tables=TABLES,
        first_day=FIRST,
        as_of=LAST,
        pseudonym_key="demo",
        vocabulary={"grocery": "essential"},
    ).model_copy(update=changes)


def template(root: Path) -> Home:
    """A home whose first day is in the lake already; tests work on copies of it."""
    home = Home(root)
    build(home)
    ingest_through(home, SETTINGS, FIRST)
    return home


def copy_of(home: Home, root: Path) -> Home:
    shutil.copytree(home.root, root, dirs_exist_ok=True)
    return Home(root)


def lake_bytes(home: Home) -> dict[str, bytes]:
    """Every table file of the lake, by path; no manifests, no quarantine."""
    return {
        path.relative_to(home.lake).as_posix(): path.read_bytes()
        for path in sorted(home.lake.rglob("*.parquet"))
        if "quarantine" not in path.parts
    }
