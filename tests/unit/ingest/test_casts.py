"""Types that may stand for the contract's: accepted only where nothing is lost, and mixed freely between files."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unit.ingest.world import FIRST, SETTINGS, arrow, build, info, loan, path_of, put, transaction

from tierline.home import Home
from tierline.ingest import ingest_through
from tierline.ingest.casts import type_fault
from tierline.lake import Lake
from tierline.parquet import read_arrow
from tierline.schemas import LANDING, Column, Kind
from tierline.sources.info import write_info

ACCEPTED = {
    Kind.STRING: [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())],
    Kind.TIMESTAMP: [pa.timestamp("ns", "UTC"), pa.timestamp("ms", "Asia/Shanghai"), pa.timestamp("us", "+08:00")],
    Kind.DATE: [pa.date64()],
    Kind.MONEY: [pa.decimal128(38, 2), pa.decimal128(9, 0), pa.decimal128(12, 1)],
    Kind.RATE: [],
    Kind.COUNT: [pa.int64(), pa.int8(), pa.uint16(), pa.uint64()],
    Kind.BOOLEAN: [],
}
REFUSED = {
    Kind.STRING: [pa.int64(), pa.binary(), pa.dictionary(pa.int8(), pa.int64()), pa.list_(pa.string())],
    Kind.TIMESTAMP: [pa.timestamp("us"), pa.date32(), pa.string(), pa.int64()],
    Kind.DATE: [pa.timestamp("us", "UTC"), pa.string()],
    Kind.MONEY: [pa.float64(), pa.float32(), pa.int64(), pa.string(), pa.decimal128(18, 3), pa.decimal128(18, -2)],
    Kind.RATE: [pa.float32(), pa.int64(), pa.decimal128(18, 6), pa.string()],
    Kind.COUNT: [pa.float64(), pa.string(), pa.bool_(), pa.decimal128(5, 0)],
    Kind.BOOLEAN: [pa.int8(), pa.string()],
}


@pytest.mark.parametrize("kind", list(Kind))
def test_which_types_may_stand_for_a_kind(kind: Kind) -> None:
    column = Column("c", kind, "a column")
    for found in [column.arrow_field.type, *ACCEPTED[kind]]:
        assert type_fault(column, found) is None, found
    for found in [pa.null(), pa.struct([("a", pa.int8())]), *REFUSED[kind]]:
        assert type_fault(column, found) is not None, found
    assert type_fault(Column("c", kind, "a column", nullable=True), pa.null()) is None


def recast(data: pa.Table, **types: pa.DataType) -> pa.Table:
    for name, found in types.items():
        index = data.schema.get_field_index(name)
        values = data.column(name).to_pylist()
        data = data.set_column(index, name, pa.array(values, found))
    return data


def test_files_of_different_types_make_one_table(home: Home) -> None:
    build(home)
    rows = [transaction("T50", "C000", FIRST, counterparty_id=None, amount=Decimal("7.00"))]
    plain = put(home, "transactions", FIRST, rows, "plain.parquet")
    expected = sorted(path.read_bytes() for path in _ingest(home))
    plain.unlink()
    odd = recast(
        arrow("transactions", rows),
        transaction_id=pa.dictionary(pa.int32(), pa.string()),
        customer_id=pa.large_string(),
        occurred_at=pa.timestamp("ns", "UTC"),
        recorded_at=pa.timestamp("ms", "Asia/Shanghai"),
        amount=pa.decimal128(5, 0),
        balance_after=pa.decimal128(38, 2),
        counterparty_id=pa.null(),
    )
    pq.write_table(odd.select(odd.column_names[::-1]), path_of(home, "transactions", FIRST, "a-first.parquet"))
    assert sorted(path.read_bytes() for path in _ingest(home)) == expected


def _ingest(home: Home) -> Any:
    ingest_through(home, SETTINGS, FIRST)
    return Lake(home.lake).files("transactions")


@pytest.mark.parametrize(
    ("table", "column", "found", "value", "rule"),
    [
        ("transactions", "amount", pa.decimal128(38, 2), Decimal("1" * 17 + ".00"), "unparseable:amount"),
        ("transactions", "occurred_at", pa.timestamp("ns", "UTC"), 1, "unparseable:occurred_at"),
        ("loans", "term_months", pa.int64(), 2**40, "range:term_months"),
        ("loans", "term_months", pa.uint64(), 2**63 + 5, "unparseable:term_months"),
    ],
)
def test_a_value_that_would_be_cut_is_quarantined(
    home: Home, table: str, column: str, found: pa.DataType, value: Any, rule: str
) -> None:
    build(home)
    row = transaction("T50", "C000", FIRST) if table == "transactions" else loan("L50", "C000", FIRST)
    data = arrow(table, [row])
    index = data.schema.get_field_index(column)
    pq.write_table(data.set_column(index, column, pa.array([value], found)), path_of(home, table, FIRST, "odd.parquet"))
    ingest_through(home, SETTINGS, FIRST)
    held = read_arrow(home.lake / "quarantine" / table / f"load={FIRST}_{FIRST}.parquet").to_pylist()
    assert [row["failed_rules"] for row in held] == [[rule]]
    assert held[0][column] is None


def test_a_source_without_some_tables_runs_with_what_it_has(home: Home) -> None:
    build(home)
    write_info(home.landing, info(tables=["customers", "loans"]))
    report = ingest_through(home, SETTINGS, FIRST)
    assert set(report.totals) == {"customers", "loans"}
    assert set(report.left_out) == set(LANDING) - {"customers", "loans", "outcomes"}
    assert "landing/transactions: not declared by the source: not read" in report.warnings
