"""Small hand-made worlds and their features, several customers and dates at once: a build costs more than its rows.

Belongs here: building. Does not belong here: any expectation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import lakes
import pyarrow as pa
from lakes import Row, World

from tierline.features import FeatureContext, build_features, customer_spine

REGISTERED = date(2023, 1, 1)
VOCABULARY = {
    "salary": "income",
    "own": "own_transfer",
    "loan": "loan_flow",
    "bets": "gambling",
    "food": "essential",
    "fun": "discretionary",
    "atm": "cash",
    "fee": "fee",
    "return": "refund",
}


def table_of(
    root: Path, world: World, dates: Sequence[date], timezone: str = "UTC", words: Mapping[str, str] = VOCABULARY
) -> pa.Table:
    """Features of everyone known at each date, from one call."""
    folder = root / f"lake-{len(list(root.glob('lake-*')))}"
    lake = lakes.write_lake(folder, world, buckets=1, timezone=timezone)
    spine = pa.concat_tables([customer_spine(lake, day) for day in dates])
    return build_features(lake, spine, FeatureContext(timezone, words))


def accounts(root: Path, rows: Mapping[int, Sequence[Row]], dates: Sequence[date], timezone: str = "UTC") -> list[Row]:
    """Features of customers 0, 1, … with these transactions, by customer and date."""
    numbers = {lakes.key(number): number for number in rows}
    world = {
        "customers": [lakes.customer(key, REGISTERED) for key in numbers],
        "transactions": [
            row | {"customer_key": lakes.key(number), "transaction_id": f"{number}-{row['transaction_id']}"}
            for number, listed in rows.items()
            for row in listed
        ],
    }
    found = table_of(root, world, dates, timezone).to_pylist()
    return sorted(found, key=lambda row: (numbers[row["customer_key"]], row["as_of"]))


def credit(number: str, when: datetime, amount: float, category: str = "salary", **other: object) -> Row:
    return lakes.transaction(number, lakes.key(0), when, amount, direction="credit", category=category, **other)


def debit(number: str, when: datetime, amount: float, category: str = "goods", **other: object) -> Row:
    return lakes.transaction(number, lakes.key(0), when, amount, category=category, **other)
