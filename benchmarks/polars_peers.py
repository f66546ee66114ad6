"""The account windows of ``peers`` by Polars, streaming: in one pass and in two steps.

Belongs here: the two forms. Does not belong here: which windows (``peers``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl

from benchmarks.peers import COLUMNS, HORIZON, KINDS, MEASURES, account_windows, condition_of, measure_names
from tierline.features.measures import KNOWN_BASE, WINDOWS, Kind
from tierline.schemas.roles import ROLES


def polars_one_pass(files: list[Path], as_of: date, vocabulary: Mapping[str, str]) -> Any:
    """One grouping by customer with a filtered aggregate for each window."""
    rows, c = _polars_rows(files, as_of, vocabulary)
    pairs = account_windows()
    columns = [_polars_aggregate(name, c, pl.col("age") < days).alias(f"{name}_{days}d") for name, days in pairs]
    windows = rows.group_by("customer_key").agg(columns)
    return _polars_joined(windows, rows, c)


def polars_two_steps(files: list[Path], as_of: date, vocabulary: Mapping[str, str]) -> Any:
    """(customer, band) states, then windows from bands."""
    rows, c = _polars_rows(files, as_of, vocabulary)
    band = pl.lit(HORIZON)
    for days in reversed(WINDOWS[:-1]):
        band = pl.when(pl.col("age") < days).then(days).otherwise(band)
    states = (
        rows.with_columns(band.alias("band"))
        .group_by("customer_key", "band")
        .agg([_polars_aggregate(name, c, None).alias(name) for name in measure_names()])
    )
    columns = []
    for name, days in account_windows():
        column = pl.col(name).filter(pl.col("band") <= days)
        kind = MEASURES[name].kind if name in MEASURES else Kind.SUM
        combined = {Kind.LEAST: column.min(), Kind.MOST: column.max(), Kind.LATEST: column.max()}
        columns.append(combined.get(kind, column.sum()).alias(f"{name}_{days}d"))
    return _polars_joined(states.group_by("customer_key").agg(columns), rows, c)


def _polars_rows(files: list[Path], as_of: date, vocabulary: Mapping[str, str]) -> tuple[Any, Any]:
    day = pl.lit(as_of)
    scanned = (
        pl.scan_parquet(list(files))
        .select(COLUMNS)
        .filter((pl.col("known_on") <= day) & (pl.col("occurred_on") <= day))
    )
    repeated = scanned.group_by("transaction_id").agg(pl.len().alias("n"), pl.col("recorded_at").max().alias("newest"))
    older = repeated.filter(pl.col("n") > 1).select("transaction_id", "newest")
    rows = scanned.join(older, on="transaction_id", how="left").filter(
        pl.col("newest").is_null() | (pl.col("newest") == pl.col("recorded_at"))
    )
    role = pl.col("category").replace_strict(dict(vocabulary), default="other").cast(pl.Enum(ROLES))
    rows = rows.filter((pl.col("amount") > 0) & (pl.col("occurred_on") > day - pl.duration(days=HORIZON)))
    rows = rows.with_columns(
        (day - pl.col("occurred_on")).dt.total_days().cast(pl.Int16).alias("age"),
        pl.col("occurred_on").cast(pl.Int32).alias("day"),
        role.alias("role"),
        (pl.col("amount") * 100).cast(pl.Int64).alias("cents"),
        (pl.col("balance_after") * 100).cast(pl.Int64).alias("balance"),
        (pl.col("occurred_at").dt.hour() < 6).alias("at_night"),
        (pl.col("occurred_on").dt.weekday() >= 6).alias("on_weekend"),
    ).with_columns(
        ((pl.col("direction") == "credit") & (pl.col("role") != "loan_flow")).alias("is_credit"),
        ((pl.col("direction") == "debit") & (pl.col("role") != "loan_flow")).alias("is_debit"),
    )
    names = ("is_credit", "is_debit", "role", "age", "balance", "at_night", "on_weekend")
    c = SimpleNamespace(**{name: pl.col(name) for name in names})
    c.has_scenario, c.has_balance = pl.col("scenario_id").is_not_null(), pl.col("balance").is_not_null()
    c.has_counterparty = pl.col("counterparty_key").is_not_null()
    return rows, c


def _polars_aggregate(name: str, c: Any, inside: Any) -> Any:
    kind = MEASURES[name].kind if name in MEASURES else Kind.SUM
    condition = condition_of(name)(c)
    condition = condition if inside is None else condition & inside
    if kind is Kind.COUNT:
        return condition.sum()
    if kind is Kind.DAYS:
        return pl.col("day").filter(condition).n_unique()
    value = {
        "balance_sum": pl.col("balance"), "balance_min": pl.col("balance"),
        "debit_squares": pl.col("cents").cast(pl.Float64) ** 2,
        "known_row": pl.col("known_on").cast(pl.Int64) * KNOWN_BASE + pl.col("day"),
    }.get(name, pl.col("day") if kind is Kind.LATEST else pl.col("cents")).filter(condition)  # fmt: skip
    return {Kind.SUM: value.sum(), Kind.LEAST: value.min()}.get(kind, value.max())


def _polars_joined(windows: Any, rows: Any, c: Any) -> Any:
    """Beside the windows: last balance, months and distinct keys; everything collected in one go."""
    last = (
        rows.filter(c.has_balance)
        .group_by("customer_key")
        .agg(pl.col("balance").sort_by("occurred_at", "transaction_id").last().alias("balance_last"))
    )
    earned = pl.when(c.is_credit & (c.role == "income")).then(pl.col("cents")).otherwise(0)
    months = (
        rows.group_by("customer_key", pl.col("occurred_on").dt.truncate("1mo").alias("month"))
        .agg(earned.sum().alias("income"))
        .group_by("customer_key")
        .agg(pl.len().alias("months"))
    )
    parts = [last, months]
    for name, (column, condition) in KINDS.items():
        seen = (
            rows.filter(condition(c) & (c.age < 120))
            .group_by("customer_key", column)
            .agg(
                c.age.min().alias("last"),
                c.age.filter(c.age < 30).max().alias("recent"),
                c.age.filter(c.age >= 30).min().alias("before"),
            )
        )
        new = pl.col("recent").is_not_null() & (
            pl.col("before").is_null() | (pl.col("before") - pl.col("recent") >= 90)
        )
        parts.append(
            seen.group_by("customer_key").agg(
                (pl.col("last") < 30).sum().alias(f"{name}_30d"),
                (pl.col("last") < 90).sum().alias(f"{name}_90d"),
                new.sum().alias(f"{name}_new_30d"),
            )
        )
    for part in parts:
        windows = windows.join(part, on="customer_key", how="left")
    return windows.collect(engine="streaming")
