"""What a SELECT gives becomes the contract's type without losing anything, or it is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tierline.schemas import LANDING, Column
from tierline.sources.mapping.casts import contract_cast, type_fault

UTC = ZoneInfo("UTC")
RECORDED_AT, ORIGINATED_ON = LANDING["loans"]["recorded_at"], LANDING["loans"]["originated_on"]
PRINCIPAL, TERM, RATE = LANDING["loans"]["principal"], LANDING["loans"]["term_months"], LANDING["loans"]["annual_rate"]
LOAN_ID, DEFAULTED = LANDING["loans"]["loan_id"], LANDING["outcomes"]["defaulted"]
EXPIRES_ON = LANDING["funding_partners"]["expires_on"]
REFUSED = "refused for its type"


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'UTC'")
        yield opened


def typed(connection: duckdb.DuckDBPyConnection, column: Column, expression: str, zone: str | None) -> Any:
    query = f"SELECT {expression} AS {column.name}"
    found = connection.execute(f"DESCRIBE {query}").fetchall()[0][1]
    if type_fault(column, found, zone):
        return REFUSED
    return connection.execute(f"SELECT {contract_cast(column, found, zone)} FROM ({query})").fetchall()[0][0]


@pytest.mark.parametrize(
    ("column", "expression", "expected"),
    [
        (RECORDED_AT, "'2024-01-02 10:00:00'", dt.datetime(2024, 1, 2, 9, tzinfo=UTC)),
        (RECORDED_AT, "'2024-01-02T10:00:00.250+08:00'", dt.datetime(2024, 1, 2, 2, 0, 0, 250000, tzinfo=UTC)),
        (RECORDED_AT, "'2024-01-02T10:00Z'", dt.datetime(2024, 1, 2, 10, tzinfo=UTC)),
        (RECORDED_AT, "TIMESTAMP '2024-01-02 10:00:00'", dt.datetime(2024, 1, 2, 9, tzinfo=UTC)),
        (RECORDED_AT, "TIMESTAMP_NS '2024-01-02 10:00:00'", dt.datetime(2024, 1, 2, 9, tzinfo=UTC)),
        (RECORDED_AT, "TIMESTAMPTZ '2024-01-02 10:00:00+00'", dt.datetime(2024, 1, 2, 10, tzinfo=UTC)),
        (RECORDED_AT, "'2024-01-02'", None),
        (RECORDED_AT, "'02/01/2024 10:00'", None),
        (RECORDED_AT, "'2024-13-02 10:00:00'", None),
        (RECORDED_AT, "CAST('infinity' AS TIMESTAMP)", None),
        (RECORDED_AT, "DATE '2024-01-02'", REFUSED),
        (RECORDED_AT, "1704189600", REFUSED),
        (ORIGINATED_ON, "DATE '2024-01-02'", dt.date(2024, 1, 2)),
        (ORIGINATED_ON, "'2024-01-02'", dt.date(2024, 1, 2)),
        (ORIGINATED_ON, "'2024-02-30'", None),
        (ORIGINATED_ON, "'2024-01-02 00:00:00'", None),
        (ORIGINATED_ON, "CAST('infinity' AS DATE)", None),
        (ORIGINATED_ON, "TIMESTAMP '2024-01-02 00:00:00'", REFUSED),
        (EXPIRES_ON, "NULL", None),
        (PRINCIPAL, "100", Decimal("100.00")),
        (PRINCIPAL, "'100.1000'", Decimal("100.10")),
        (PRINCIPAL, "CAST(0.1 AS DOUBLE) + CAST(0.2 AS DOUBLE)", Decimal("0.30")),
        (PRINCIPAL, "CAST(1.005 AS DECIMAL(18,4))", None),
        (PRINCIPAL, "CAST(1.005 AS DOUBLE)", None),
        (PRINCIPAL, "'1.005'", None),
        (PRINCIPAL, "'1,000.00'", None),
        (PRINCIPAL, "CAST('nan' AS DOUBLE)", None),
        (PRINCIPAL, "CAST(1e17 AS DOUBLE)", None),
        (PRINCIPAL, "true", REFUSED),
        (TERM, "12", 12),
        (TERM, "CAST(12 AS DOUBLE)", 12),
        (TERM, "'12'", 12),
        (TERM, "1.5", None),
        (TERM, "'1.5'", None),
        (TERM, "'twelve'", None),
        (TERM, "3000000000", None),
        (RATE, "0.155", 0.155),
        (RATE, "'0.155'", 0.155),
        (RATE, "'1e999'", None),
        (RATE, "'nan'", None),
        (RATE, "CAST('inf' AS DOUBLE)", None),
        (LOAN_ID, "CAST(301994762 AS BIGINT)", "301994762"),
        (LOAN_ID, "'007'", "007"),
        (LOAN_ID, "CAST(7 AS DOUBLE)", REFUSED),
        (DEFAULTED, "1 = 1", True),
        (DEFAULTED, "'False'", False),
        (DEFAULTED, "'yes'", None),
        (DEFAULTED, "1", REFUSED),
    ],
)
def test_cast(connection: duckdb.DuckDBPyConnection, column: Column, expression: str, expected: Any) -> None:
    assert typed(connection, column, expression, "Africa/Lagos") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("TIMESTAMP '2024-01-02 10:00:00'", REFUSED),
        ("'2024-01-02 10:00:00'", None),
        ("'2024-01-02 10:00:00+01'", dt.datetime(2024, 1, 2, 9, tzinfo=UTC)),
    ],
)
def test_without_a_stated_zone_a_naive_time_names_no_instant(
    connection: duckdb.DuckDBPyConnection, expression: str, expected: Any
) -> None:
    assert typed(connection, RECORDED_AT, expression, None) == expected
