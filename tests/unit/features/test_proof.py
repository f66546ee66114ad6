"""The check at the end of a build: take out any one of the filters that keep the future out, and it must fail."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import lakes
import pyarrow as pa
import pytest
from lakes import Row, World, at
from unit.features.cases import REGISTERED, debit, table_of

from tierline.errors import IntegrityError
from tierline.features import account_sql, environment, schedule_sql
from tierline.features.assemble import check_proof
from tierline.features.calendar import Calendar
from tierline.lake import Lake

AS_OF = date(2024, 1, 31)
TOMORROW, YESTERDAY = AS_OF + timedelta(days=1), AS_OF - timedelta(days=1)
KEY = lakes.key(0)


def world(**tables: list[Row]) -> World:
    return {"customers": [lakes.customer(KEY, REGISTERED)], **tables}


def published(period: date, day: date) -> Row:
    return {"series_id": "unemployment_R1", "period": period, "value": 5.0, "published_at": at(day)}


LOAN = lakes.loan("L1", KEY, date(2023, 12, 1), 300)
DUE = lakes.instalment("L1", 1, AS_OF, 300, at("2023-12-01"))
AHEAD = {"recorded_at": at(YESTERDAY)}
EVENT, KNOWN = "latest_event_on", "latest_known_on"

FILTERS: dict[str, tuple[ModuleType, str, str, str, World]] = {
    "a transaction recorded later": (
        account_sql, "PREPARE", "AND known_on <= DATE '{last}'", KNOWN,
        world(transactions=[debit("T1", at(AS_OF), 5, recorded_at=at(TOMORROW))]),
    ),
    "a loan drawn later": (
        schedule_sql, "_LOANS", "originated_on <= {today} AND", EVENT,
        world(loans=[lakes.loan("L1", KEY, TOMORROW, 300, **AHEAD)]),
    ),
    "a loan recorded later": (
        schedule_sql, "_LOANS", "AND known_on <= {today}", KNOWN,
        world(loans=[LOAN | {"recorded_at": at(TOMORROW)}]),
    ),
    "an instalment recorded later": (
        schedule_sql, "_SCHEDULE", r"(?<=WHERE )known_on <= {today} AND(?= {today} < known_until\),)", KNOWN,
        world(loans=[LOAN], instalments=[DUE | {"recorded_at": at(TOMORROW)}]),
    ),
    "a payment made later": (
        schedule_sql, "_SCHEDULE", "paid_on <= {today} AND", EVENT,
        world(loans=[LOAN], instalments=[DUE], repayments=[lakes.repayment("P", "L1", 1, at(TOMORROW), 9, **AHEAD)]),
    ),
    "a payment recorded later": (
        schedule_sql, "_SCHEDULE", "(?<=paid_on <= {today}) AND known_on <= {today}", KNOWN,
        world(
            loans=[LOAN],
            instalments=[DUE],
            repayments=[lakes.repayment("P", "L1", 1, at(AS_OF), 9, recorded_at=at(TOMORROW))],
        ),
    ),
    "a period that has not begun": (
        environment, "SERIES", "AND period <= DATE '{today}'", EVENT, world(macro=[published(TOMORROW, YESTERDAY)]),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("module", "name", "filter_", "column", "given"), FILTERS.values(), ids=FILTERS)
def test_a_row_that_used_what_came_later_is_refused(
    module: ModuleType,
    name: str,
    filter_: str,
    column: str,
    given: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert table_of(tmp_path, given, [AS_OF]).num_rows == 1
    pattern = filter_ if filter_.startswith("(?<") else re.escape(filter_)
    pattern = pattern.replace("{today}", r"\{today\}") if filter_.startswith("(?<") else pattern
    blind, cuts = re.subn(pattern, "", getattr(module, name))
    assert cuts == 1
    monkeypatch.setattr(module, name, blind)
    with pytest.raises(IntegrityError, match=rf"{column}: 1 rows of 2024-01-31 used what came after it"):
        table_of(tmp_path, given, [AS_OF])


def test_a_series_published_later_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = world(macro=[published(date(2024, 1, 1), TOMORROW)])
    assert table_of(tmp_path, given, [AS_OF]).column("region_unemployment").null_count == 1
    monkeypatch.setattr(Lake, "known_sql", _all_known(Lake.known_sql))
    with pytest.raises(IntegrityError, match=r"latest_known_on: 1 rows of 2024-01-31 used what came after it"):
        table_of(tmp_path, given, [AS_OF])


def _all_known(known_sql):
    """As if everything had been known for ever."""
    return lambda lake, table, as_of, bucket=None: known_sql(lake, table, date(2030, 1, 1), bucket)


def test_a_panel_whose_windows_reach_past_their_date_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each date gets the segments of the last one: a transaction of the day between is seen too early."""
    rows = [debit("T1", at(YESTERDAY), 5), debit("T2", at(TOMORROW), 5)]
    given, dates = world(transactions=rows), [AS_OF, TOMORROW]
    assert table_of(tmp_path, given, dates).column("debit_count_7d").to_pylist() == [1, 2]
    bands = Calendar.bands
    monkeypatch.setattr(Calendar, "bands", lambda calendar, day: bands(calendar, calendar.last))
    with pytest.raises(IntegrityError, match=r"latest_event_on: 1 rows of 2024-01-31 used what came after it"):
        table_of(tmp_path, given, dates)


def test_the_check_counts_rows_and_lets_the_day_itself_and_no_event_pass() -> None:
    def proofs(*days: date | None) -> pa.Table:
        column = pa.array(days, pa.date32())
        return pa.table({EVENT: column, KNOWN: pa.array([REGISTERED] * len(days), pa.date32())})

    check_proof(proofs(), AS_OF)
    check_proof(proofs(None), AS_OF)
    check_proof(proofs(AS_OF, None, YESTERDAY), AS_OF)
    with pytest.raises(IntegrityError, match="latest_event_on: 2 rows of 2024-01-31"):
        check_proof(proofs(TOMORROW, None, AS_OF, TOMORROW), AS_OF)
