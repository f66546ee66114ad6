"""The same account windows by other tools: pandas and naive one-pass SQL, and what all peers make.

Belongs here: what a practitioner of each tool would write for speed. Does not belong here: Polars (``polars_peers``),
or tierline's own way.

The peers make the windows, the distinct counts and the months that the account features are made of, and stop there;
tierline is timed with all that, the features' own expressions, loans, master data, the economy, the proof and the file
written: its ratios flatter the peers. Each takes the last version known on the date, and drops void rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from tierline.features.measures import KNOWN_BASE, LOW_BALANCE_CENTS, WINDOWS, Kind
from tierline.features.registry import ACCOUNT_WINDOWS
from tierline.lake import scan

HORIZON = 365
COLUMNS = (
    *("transaction_id", "customer_key", "occurred_at", "occurred_on", "amount", "direction", "category"),
    *("scenario_id", "counterparty_key", "balance_after", "recorded_at", "known_on"),
)
MEASURES = {window.measure.name: window.measure for window in ACCOUNT_WINDOWS}
Condition = Callable[[Any], Any]
CONDITIONS: dict[str, Condition] = {
    "credit": lambda c: c.is_credit,
    "debit": lambda c: c.is_debit,
    "income": lambda c: c.is_credit & (c.role == "income"),
    "spend": lambda c: c.is_debit & (c.role != "own_transfer"),
    "essential": lambda c: c.is_debit & (c.role == "essential"),
    "discretionary": lambda c: c.is_debit & (c.role == "discretionary"),
    "gambling": lambda c: c.is_debit & (c.role == "gambling"),
    "cash": lambda c: c.role == "cash",
    "fee": lambda c: c.is_debit & (c.role == "fee"),
    "other_spend": lambda c: c.is_debit & ((c.role == "other") | (c.role == "refund") | (c.role == "income")),
    "refund": lambda c: c.is_credit & (c.role == "refund"),
    "transfer_in": lambda c: c.is_credit & (c.role == "own_transfer"),
    "transfer_out": lambda c: c.is_debit & (c.role == "own_transfer"),
    "scenario_spend": lambda c: c.is_debit & c.has_scenario,
    "rows": lambda c: c.age >= 0,
    "fees": lambda c: c.role == "fee",
    "at_nights": lambda c: c.is_debit & c.at_night,
    "on_weekends": lambda c: c.is_debit & c.on_weekend,
    "active_days": lambda c: c.role != "loan_flow",
    "low_days": lambda c: c.balance < LOW_BALANCE_CENTS,
    "balance_sum": lambda c: c.has_balance,
    "event_day": lambda c: c.age >= 0,
}
SAME = {
    "credits": "credit", "debits": "debit", "incomes": "income", "gamblings": "gambling", "cashes": "cash",
    "refunds": "refund", "balances": "balance_sum", "debit_squares": "debit", "debit_max": "debit",
    "credit_max": "credit", "balance_min": "balance_sum", "known_row": "rows", "last_income": "income",
    "last_cash": "cash", "last_gambling": "gambling",
}  # fmt: skip
"""Measures over the same rows as another."""
KINDS: dict[str, tuple[str, Condition]] = {
    "counterparties": (
        "counterparty_key",
        lambda c: c.is_debit & (c.role != "own_transfer") & c.has_counterparty,
    ),
    "payers": ("counterparty_key", lambda c: c.is_credit & (c.role == "income") & c.has_counterparty),
    "scenarios": ("scenario_id", lambda c: c.is_debit & c.has_scenario),
    "categories": ("category", lambda c: c.is_debit),
}


def measure_names() -> list[str]:
    """Measures a peer makes; squares as one, since it may sum in floating point."""
    return [name for name in MEASURES if not name.startswith("squares")] + ["debit_squares"]


def condition_of(name: str) -> Condition:
    return CONDITIONS[SAME.get(name, name)]


def account_windows() -> list[tuple[str, int]]:
    pairs = [(window.measure.name, window.days) for window in ACCOUNT_WINDOWS]
    return [pair for pair in pairs if not pair[0].startswith("squares")] + [("debit_squares", 90)]


def pandas_features(files: list[Path], as_of: date, vocabulary: Mapping[str, str]) -> pd.DataFrame:
    """Two steps: (customer, band) states of masked columns, then windows as sums over bands."""
    c = _pandas_rows(files, as_of, vocabulary)
    band = np.searchsorted(WINDOWS, c.age.to_numpy(), side="right")
    key = c.customer.cat.codes.to_numpy().astype(np.int64) * len(WINDOWS) + band
    values = {"balance_sum": c.balance, "debit_squares": c.cents.astype(float) ** 2}
    sums, lows, highs, days = {}, {}, {}, {}
    for name in measure_names():
        kind = MEASURES[name].kind if name in MEASURES else Kind.SUM
        mask = condition_of(name)(c).to_numpy(dtype=bool, na_value=False)
        if kind is Kind.SUM:
            sums[name] = np.where(mask, values.get(name, c.cents), 0)
        elif kind is Kind.COUNT:
            sums[name] = mask.astype(np.int64)
        elif kind is Kind.DAYS:
            days[name] = pd.DataFrame({"key": key[mask], "age": c.age.to_numpy()[mask]}).drop_duplicates()
        elif kind is Kind.LEAST:
            lows[name] = np.where(mask, c.balance, np.nan)
        else:
            extreme = {"known_row": c.known, "debit_max": c.cents, "credit_max": c.cents}.get(name, c.day)
            highs[name] = np.where(mask, extreme, -1)
    grouped = [
        pd.DataFrame(sums).groupby(key).sum(),
        pd.DataFrame(lows).groupby(key).min(),
        pd.DataFrame(highs).groupby(key).max(),
        *(frame.groupby("key").size().rename(name) for name, frame in days.items()),
    ]
    states = pd.concat(grouped, axis=1)
    customer, state_band = states.index // len(WINDOWS), states.index % len(WINDOWS)
    windows = {}
    for name, length in account_windows():
        inside = state_band <= WINDOWS.index(length)
        column = states[name][inside].groupby(customer[inside])
        kind = MEASURES[name].kind if name in MEASURES else Kind.SUM
        extreme = {Kind.LEAST: column.min, Kind.MOST: column.max, Kind.LATEST: column.max}.get(kind, column.sum)
        windows[f"{name}_{length}d"] = extreme()
    return pd.concat([pd.DataFrame(windows), *_pandas_more(c)], axis=1)


def _pandas_rows(files: list[Path], as_of: date, vocabulary: Mapping[str, str]) -> pd.DataFrame:
    words = ["customer_key", "direction", "category", "scenario_id", "counterparty_key"]
    form = ds.ParquetFileFormat(dictionary_columns=words)
    frame = ds.dataset([str(file) for file in files], format=form).to_table(
        columns=list(COLUMNS),
        filter=(ds.field("known_on") <= as_of) & (ds.field("occurred_on") <= as_of),
    )
    for name in ("amount", "balance_after"):
        index = frame.schema.get_field_index(name)
        cents = pa.compute.multiply(frame.column(name), pa.scalar(100, pa.decimal128(3, 0))).cast(pa.float64())
        frame = frame.set_column(index, name, cents)
    for name in ("occurred_on", "known_on"):
        index = frame.schema.get_field_index(name)
        frame = frame.set_column(index, name, frame.column(name).cast(pa.int32()))
    data = frame.unify_dictionaries().to_pandas()
    del frame
    data = data.sort_values("recorded_at", kind="stable").drop_duplicates("transaction_id", keep="last")
    today = (as_of - date(1970, 1, 1)).days
    age = today - data.occurred_on
    data, age = data[(age < HORIZON) & (data.amount > 0)], age[(age < HORIZON) & (data.amount > 0)]
    words = [vocabulary.get(word, "other") for word in data.category.cat.categories]
    roles = sorted({*words, "other"})
    code = np.array([roles.index(word) for word in [*words, "other"]])  # the last is for no word at all
    role = pd.Series(pd.Categorical.from_codes(code[data.category.cat.codes], roles), index=data.index)
    return pd.DataFrame(
        {
            "customer": data.customer_key, "age": age, "day": data.occurred_on, "role": role,
            "is_credit": (data.direction == "credit") & (role != "loan_flow"),
            "is_debit": (data.direction == "debit") & (role != "loan_flow"),
            "cents": data.amount.round().astype(np.int64), "balance": data.balance_after,
            "has_balance": data.balance_after.notna(), "at_night": data.occurred_at.dt.hour < 6,
            "on_weekend": (data.occurred_on + 3) % 7 >= 5, "has_scenario": data.scenario_id.notna(),
            "has_counterparty": data.counterparty_key.notna(),
            "known": data.known_on.astype(np.int64) * KNOWN_BASE + data.occurred_on,
            "counterparty_key": data.counterparty_key, "scenario_id": data.scenario_id, "category": data.category,
            "occurred_at": data.occurred_at, "transaction_id": data.transaction_id,
        }
    )  # fmt: skip


def _pandas_more(c: pd.DataFrame) -> list[pd.Series]:
    """Last balance, months and distinct keys."""
    code = c.customer.cat.codes
    known = c[c.has_balance].sort_values(["occurred_at", "transaction_id"])
    month = c.occurred_at.dt.year * 12 + c.occurred_at.dt.month
    income = c.cents.where(c.is_credit & (c.role == "income"), 0).groupby([code, month]).sum()
    found = [known.balance.groupby(code[known.index]).last().rename("balance_last"), income.groupby(level=0).size()]
    for name, (column, condition) in KINDS.items():
        rows = c[condition(c) & (c.age < 120)]
        ages = rows.age.groupby([code[rows.index], rows[column].cat.codes])
        last = ages.min()
        recent = rows.age.where(rows.age < 30).groupby([code[rows.index], rows[column].cat.codes]).max()
        before = rows.age.where(rows.age >= 30).groupby([code[rows.index], rows[column].cat.codes]).min()
        new = recent.notna() & (before.isna() | (before - recent >= 90))
        for days in (30, 90):
            found.append((last < days).groupby(level=0).sum().rename(f"{name}_{days}d"))
        found.append(new.groupby(level=0).sum().rename(f"{name}_new_30d"))
    return found


def naive_sql(files: list[Path], as_of: date, vocabulary: Mapping[str, str]) -> pa.Table:
    """One grouping by customer over the rows, with FILTER for each window and COUNT(DISTINCT) for distinct counts."""
    columns = []
    for name, days in account_windows():
        measure = MEASURES.get(name)
        where = f"FILTER ({measure.where if measure else 'is_debit'} AND age < {days})"
        kind = measure.kind if measure else Kind.SUM
        value = measure.value if measure else "cents::HUGEINT * cents"
        function = {
            Kind.SUM: f"sum({value})", Kind.COUNT: "count(*)", Kind.DAYS: "count(DISTINCT day)",
            Kind.LEAST: f"min({value})",
        }.get(kind, f"max({value})")  # fmt: skip
        columns.append(f"{function} {where} AS {name}_{days}d")
    wheres = {
        "counterparties": ("counterparty_key", "is_debit AND role <> 'own_transfer'"),
        "payers": ("counterparty_key", "is_credit AND role = 'income'"),
        "scenarios": ("scenario", "is_debit"),
        "categories": ("category", "is_debit"),
    }
    for name, (key, where) in wheres.items():
        for days in (30, 90):
            columns.append(f"count(DISTINCT {key}) FILTER ({where} AND age < {days}) AS {name}_{days}d")
    words = " ".join(f"WHEN '{word}' THEN '{role}'" for word, role in sorted(vocabulary.items()))
    version = "row_number() OVER (PARTITION BY transaction_id ORDER BY recorded_at DESC) = 1"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '3GB'; SET enable_progress_bar = false")
        return connection.sql(
            f"""
            SELECT customer_key, {", ".join(columns)},
                   arg_max(balance, (occurred_at, transaction_id)) FILTER (balance IS NOT NULL) AS balance_last
            FROM (SELECT *, direction = 'credit' AND role <> 'loan_flow' AS is_credit,
                         direction = 'debit' AND role <> 'loan_flow' AS is_debit
                  FROM (SELECT customer_key, transaction_id, occurred_at, direction, category, counterparty_key,
                               scenario_id AS scenario, (DATE '{as_of}' - occurred_on) AS age,
                               occurred_on - DATE '1970-01-01' AS day, known_on - DATE '1970-01-01' AS known,
                               CASE category {words} ELSE 'other' END AS role, (amount * 100)::BIGINT AS cents,
                               (balance_after * 100)::BIGINT AS balance,
                               extract(hour FROM occurred_at) < 6 AS at_night, isodow(occurred_on) >= 6 AS on_weekend
                        FROM {scan(files)} WHERE known_on <= DATE '{as_of}' AND occurred_on <= DATE '{as_of}'
                        QUALIFY {version})
                  WHERE cents > 0 AND age < {HORIZON})
            GROUP BY customer_key"""
        ).to_arrow_table()
