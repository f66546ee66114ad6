"""Who the customer is on paper, and the economy around them as published on the day.

Belongs here: features of master data and of macro series, and the SQL of both. Does not belong here: scenarios and
overlays of a model.

A series is read as known at the end of the observation date: its newest period published by then, with later revisions
unseen. Series are found by name: ``unemployment_<region_code>`` and ``industry_index_<industry_code>``. National series
are the same for every customer of a date: they cannot rank and would only tell the model which date it is, so they are
left to the overlay of the model.
"""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa

from tierline.engine import session
from tierline.features.feature import Feature
from tierline.lake import Lake

_DECLARED = "the customer declared none"
_UNPUBLISHED = "no such series was published by then"

CUSTOMER_FEATURES: tuple[Feature, ...] = (
    Feature("registered_days", "customer", "({today} - registered_on)::DOUBLE", "days", "SHORT_HISTORY",
            ("customers.registered_on",), null_means="never: registration is required"),
    Feature("is_sole_proprietor", "customer", "(segment = 'sole_proprietor')::INTEGER::DOUBLE", "flag", "SEGMENT",
            ("customers.segment",), null_means="never: the segment is required"),
    Feature("declared_income_monthly", "customer", "declared_income_monthly::DOUBLE", "yuan", "INCOME_LEVEL",
            ("customers.declared_income_monthly",), null_means=_DECLARED),
    Feature("recurring_to_declared_income", "customer",
            "income_recurring_monthly / nullif(declared_income_monthly::DOUBLE, 0)", "ratio", "INCOME_LEVEL",
            ("customers.declared_income_monthly", "transactions.amount", "transactions.category"),
            null_means=f"{_DECLARED}, or fewer than four full months of history"),
)  # fmt: skip


def _series(name: str, sql: str, unit: str, monotone: int, why: str) -> Feature:
    place = "customers.region_code" if name.startswith("region") else "customers.industry_code"
    sources = (place, "macro.period", "macro.series_id", "macro.value")
    return Feature(name, "economy", sql, unit, "ECONOMY", sources, monotone, why, null_means=_UNPUBLISHED)


_SCARCE, _WEAK = "work is harder to find", "the trade earns less"

ECONOMY_FEATURES: tuple[Feature, ...] = (
    _series("region_unemployment", "region.value", "rate", 1, _SCARCE),
    _series("region_unemployment_gap", "region.gap", "rate", 1, _SCARCE),
    _series("region_unemployment_change_12m", "region.change_12m", "rate", 1, _SCARCE),
    _series("industry_index", "industry.value", "index", -1, _WEAK),
    _series("industry_index_gap", "industry.gap", "index", -1, _WEAK),
    _series("industry_index_change_12m", "industry.change_12m", "index", -1, _WEAK),
)

SERIES = """
CREATE OR REPLACE TEMP TABLE {table} AS
WITH known AS (
       SELECT series_id[{start}:] AS code, period, value, known_on FROM ({macro})
       WHERE starts_with(series_id, '{prefix}') AND period <= DATE '{today}'),
     newest AS (
       SELECT code, max(period) AS period, arg_max(value, period) AS value, arg_max(known_on, period) AS known_on
       FROM known GROUP BY code)
SELECT newest.code, newest.value, newest.period,
       newest.value - (SELECT list_sum(list(value ORDER BY code)) / count(*) FROM newest) AS gap,
       newest.value - before.value AS change_12m,
       greatest(newest.known_on, coalesce(before.known_on, newest.known_on),
                (SELECT max(known_on) FROM newest)) AS used_on,
       (SELECT max(period) FROM newest) AS newest_period
FROM newest LEFT JOIN known AS before
     ON before.code = newest.code AND before.period = newest.period - INTERVAL 12 MONTH
"""
"""Newest value of each series of a kind, its distance from their mean and from a year before."""

PREFIXES = {"region": "unemployment_", "industry": "industry_index_"}


def make_economy(connection: duckdb.DuckDBPyConnection, lake: Lake, day: date) -> None:
    """Make ``region`` and ``industry``: one row per code, as published by the end of ``day``."""
    macro = lake.known_sql("macro", day)
    for table, prefix in PREFIXES.items():
        connection.execute(
            SERIES.format(table=table, prefix=prefix, start=len(prefix) + 1, macro=macro, today=day.isoformat())
        )


def economy_of(lake: Lake, day: date) -> dict[str, pa.Table]:
    """``region`` and ``industry`` of a night, made once for all its buckets."""
    with session() as connection:
        make_economy(connection, lake, day)
        return {table: connection.sql(f"FROM {table} ORDER BY code").to_arrow_table() for table in PREFIXES}
