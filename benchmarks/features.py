"""The feature stage at one date against scan-and-sum and against plain pandas, on the simulated lender.

``scansum`` is DuckDB scanning the seven transaction columns the features need and computing one sum and one maximum
per customer: the least that any feature stage must do. The pandas peer computes the windowed sums and counts only
(twenty of the features), so its ratio flatters pandas.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from benchmarks.timing import paired
from tierline.config import Settings
from tierline.engine import session
from tierline.features import FeatureContext, build_features, customer_spine
from tierline.home import Home
from tierline.ingest import ingest_through
from tierline.lake import Lake
from tierline.sources.info import read_info
from tierline.sources.simulated import SimulationSpec, simulate

COLUMNS = ["customer_key", "occurred_on", "known_on", "amount", "direction", "category", "balance_after"]


def scansum(lake: Lake) -> None:
    listed = ", ".join(f"'{path}'" for path in lake.files("transactions"))
    with session() as connection:
        connection.sql(
            f"SELECT customer_key, sum(amount), max(balance_after), count(occurred_on), count(known_on),"
            f" count(direction), count(category) FROM read_parquet([{listed}]) GROUP BY customer_key"
        ).to_arrow_table()


def pandas_windows(lake: Lake, as_of: date) -> pd.DataFrame:
    frame = pd.concat([pd.read_parquet(path, columns=COLUMNS) for path in lake.files("transactions")])
    frame = frame[frame["known_on"] <= as_of]
    age = (pd.Timestamp(as_of) - pd.to_datetime(frame["occurred_on"])).dt.days
    frame = frame.assign(age=age, amount=frame["amount"].astype(float))
    parts = []
    for days in (7, 30, 90, 180, 365):
        for direction in ("credit", "debit"):
            rows = frame[(frame["age"] < days) & (frame["direction"] == direction)]
            found = rows.groupby("customer_key")["amount"].agg(["sum", "count"])
            parts.append(found.add_prefix(f"{direction}_{days}_"))
    return pd.concat(parts, axis=1)


def run(customers: int) -> tuple[str, dict[str, list[float]]]:
    with TemporaryDirectory() as folder:
        home = Home(Path(folder) / "data")
        spec = SimulationSpec(customers=customers, months=14)
        simulate(spec, home.landing, home.root / "truth")
        ingest_through(home, Settings(), spec.as_of)
        lake, info = Lake(home.lake), read_info(home.landing)
        context = FeatureContext("UTC", info.vocabulary)
        spine = customer_spine(lake, spec.as_of)
        contenders = {
            "scansum": lambda: scansum(lake),
            "tierline, all features": lambda: build_features(lake, spine, context),
            "pandas, 20 windowed sums and counts": lambda: pandas_windows(lake, spec.as_of),
        }
        title = f"features at one date, {customers:,} simulated customers, {spec.months} months"
        return title, paired(contenders)
