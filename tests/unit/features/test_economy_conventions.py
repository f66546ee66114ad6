"""Series of regions and industries as they were published, on cases computed by hand."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import lakes
import pytest
from lakes import Row, at
from unit.features.cases import REGISTERED, table_of

from tierline.features import FEATURES

KEY = lakes.key(1)
NAMES = [feature.name for feature in FEATURES if feature.family == "economy"]


def value(series_id: str, period: str, figure: float, published_at: datetime) -> Row:
    given = {"series_id": series_id, "period": date.fromisoformat(f"{period}-01"), "value": figure}
    return given | {"published_at": published_at}


def economy(root: Path, macro: list[Row], dates: list[date], **customer: Any) -> list[Row]:
    person = lakes.customer(KEY, REGISTERED, **{"region_code": "R1", "industry_code": "C"} | customer)
    return table_of(root, {"customers": [person], "macro": macro}, dates).to_pylist()


def test_the_newest_period_counts_from_the_day_it_is_published(tmp_path: Path) -> None:
    macro = [
        value("unemployment_R1", "2024-01", 5.0, at("2024-02-20")),
        value("unemployment_R1", "2024-02", 5.5, at("2024-03-20")),
        value("unemployment_R1", "2023-12", 4.0, at("2024-03-25")),  # an older period, published late
    ]
    days = [date(2024, 2, 19), date(2024, 2, 20), date(2024, 3, 19), date(2024, 3, 20), date(2024, 4, 1)]
    rows = economy(tmp_path, macro, days)
    assert [row["region_unemployment"] for row in rows] == [None, 5.0, 5.0, 5.5, 5.5]
    assert [row["latest_event_on"] for row in rows] == [None, *[date(2024, 1, 1)] * 2, *[date(2024, 2, 1)] * 2]
    known = [REGISTERED, *[date(2024, 2, 20)] * 2, *[date(2024, 3, 20)] * 2]
    assert [row["latest_known_on"] for row in rows] == known


def test_a_revision_is_unseen_until_it_is_published(tmp_path: Path) -> None:
    """Of the newest period, and of the one a year before."""
    macro = [
        value("industry_index_C", "2023-02", 90.0, at("2023-03-20")),
        value("industry_index_C", "2023-02", 91.0, at("2024-04-15")),
        value("industry_index_C", "2024-02", 100.0, at("2024-03-20")),
        value("industry_index_C", "2024-02", 104.0, at("2024-04-10")),
        value("industry_index_C", "2024-02", 80.0, at("2024-04-20", 23)),
        value("industry_index_C", "2024-02", 70.0, at("2024-04-21", 0)),
    ]
    days = [date(2024, 4, day) for day in (9, 10, 15, 20, 21)]
    rows = economy(tmp_path, macro, days)
    assert [row["industry_index"] for row in rows] == [100, 104, 104, 80, 70]
    assert [row["industry_index_change_12m"] for row in rows] == [10, 14, 13, -11, -21]
    assert [row["latest_known_on"].day for row in rows] == [20, 10, 15, 20, 21]


def test_the_change_needs_the_very_period_a_year_before(tmp_path: Path) -> None:
    macro = [
        value("unemployment_R1", "2023-01", 4.0, at("2023-03-01")),
        value("unemployment_R1", "2023-03", 6.0, at("2023-05-01")),
        value("unemployment_R1", "2024-02", 5.0, at("2024-03-20")),
    ]
    (row,) = economy(tmp_path, macro, [date(2024, 4, 1)])
    assert (row["region_unemployment"], row["region_unemployment_change_12m"]) == (5.0, None)


def test_the_gap_is_to_the_mean_of_every_regions_newest_value(tmp_path: Path) -> None:
    """The regions publish on different days, so their newest periods differ."""
    macro = [
        value("unemployment_R1", "2024-02", 6.0, at("2024-03-20")),
        value("unemployment_R2", "2024-01", 3.0, at("2024-03-25")),
        value("unemployment_R3", "2023-01", 1.5, at("2023-03-20")),
        value("unemployment_R3", "2024-02", 99.0, at("2024-04-20")),
        value("industry_index_C", "2024-01", 100.0, at("2024-03-01")),
    ]
    before, after = economy(tmp_path, macro, [date(2024, 3, 24), date(2024, 3, 25)])
    assert (before["region_unemployment_gap"], after["region_unemployment_gap"]) == (6 - 3.75, 6 - 3.5)
    assert after["industry_index_gap"] == 0  # the only industry is the mean
    assert after["latest_known_on"] == date(2024, 3, 25)  # another region's value was used


def test_a_period_published_ahead_waits_for_its_first_day(tmp_path: Path) -> None:
    macro = [value("unemployment_R1", "2024-05", 5.0, at("2024-04-20"))]
    rows = economy(tmp_path, macro, [date(2024, 4, 30), date(2024, 5, 1)])
    assert [row["region_unemployment"] for row in rows] == [None, 5.0]


@pytest.mark.parametrize("code", [None, "Z"])
def test_without_a_series_of_their_own_a_customer_has_none(code: str | None, tmp_path: Path) -> None:
    macro = [value("industry_index_C", "2024-01", 100.0, at("2024-03-01"))]
    (row,) = economy(tmp_path, macro, [date(2024, 4, 1)], industry_code=code)
    assert {row[name] for name in NAMES} == {None}
    assert (row["latest_event_on"], row["latest_known_on"]) == (None, REGISTERED)


def test_declared_income_is_what_was_declared_by_then(tmp_path: Path) -> None:
    first = lakes.customer(KEY, REGISTERED, declared_income_monthly=lakes.money("4000.50"))
    more = first | {"declared_income_monthly": lakes.money(6_000), "recorded_at": at("2024-02-10")}
    less = first | {"declared_income_monthly": None, "recorded_at": at("2024-03-10")}
    days = [date(2024, 2, 9), date(2024, 2, 10), date(2024, 3, 10)]
    rows = table_of(tmp_path, {"customers": [less, first, more]}, days).to_pylist()
    assert [row["declared_income_monthly"] for row in rows] == [4000.5, 6_000, None]
    assert [row["latest_known_on"] for row in rows] == [REGISTERED, date(2024, 2, 10), date(2024, 3, 10)]
