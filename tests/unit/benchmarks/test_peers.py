"""The contenders of a benchmark must do the same work: each peer's windows equal tierline's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks import features, peers, polars_peers
from benchmarks.skewed import LAST, VOCABULARY, Skewed, load_days, make_lake
from benchmarks.timing import Measured, table
from tierline.features.build import BucketTask, make_tables, prepared
from tierline.lake import Lake

LATEST = {f"{name}_365d": name for name in ("event_day", "known_row", "last_income", "last_cash", "last_gambling")}
ROUNDED = ("debit_squares_90d", "income", "months")  # sums in floating point, or of another grain


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return make_lake(Skewed(tmp_path_factory.mktemp("skewed"), 300), workers=1)


@pytest.fixture(scope="module")
def expected(lake: Lake) -> pd.DataFrame:
    """Windows and distinct counts as the feature stage makes them."""
    task = BucketTask(lake, 0, (LAST,), features.CONTEXT)
    with prepared(task) as (connection, spans):
        make_tables(connection, task, LAST, spans)
        found = connection.sql(
            "SELECT customer_key, account.*, contacts.* EXCLUDE (no) FROM account JOIN customer_no USING (no)"
            " LEFT JOIN contacts USING (no) ORDER BY customer_key"
        ).to_arrow_table()
    return found.to_pandas().set_index("customer_key")


def by_pandas(lake: Lake) -> pd.DataFrame:
    files = features.window_files(lake.root)
    found = peers.pandas_features(files, LAST, VOCABULARY)
    names = peers._pandas_rows(files, LAST, VOCABULARY).customer.cat.categories
    return found.set_index(names[found.index])


def by_other(run: Callable[..., Any]) -> Callable[[Lake], pd.DataFrame]:
    def call(lake: Lake) -> pd.DataFrame:
        found = run(features.window_files(lake.root), LAST, VOCABULARY)
        return pd.DataFrame(
            found.to_arrow().to_pydict() if hasattr(found, "to_arrow") else found.to_pydict()
        ).set_index("customer_key")

    return call


PEERS = [
    pytest.param(by_pandas, id="pandas"),
    pytest.param(by_other(polars_peers.polars_one_pass), id="Polars, one pass"),
    pytest.param(by_other(polars_peers.polars_two_steps), id="Polars, two steps"),
    pytest.param(by_other(peers.naive_sql), id="naive SQL"),
]


@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_makes_the_same_windows(
    peer: Callable[[Lake], pd.DataFrame], lake: Lake, expected: pd.DataFrame
) -> None:
    found = peer(lake)
    compared = 0
    for name in found.columns:
        ours = LATEST.get(name, name)
        if ours not in expected or name in ROUNDED:
            continue
        compared += 1
        theirs = found[name].astype(float).reindex(expected.index)
        theirs = theirs.mask(theirs < 0) if name in LATEST or "_max_" in name else theirs
        assert np.allclose(theirs.fillna(0), expected[ours].astype(float).fillna(0), rtol=1e-12), name
    assert compared >= 105


def test_the_lake_has_what_makes_features_hard(lake: Lake) -> None:
    """Skew, late rows and corrections, in as many files as ingest would leave."""
    assert {load.name for load in lake.loads()} == {f"{first}_{last}" for first, last in load_days()}
    revisions = lake.revisions_sql("transactions", 0)
    task = BucketTask(lake, 0, (LAST,), features.CONTEXT)
    with prepared(task) as (connection, _):
        late, rows = connection.execute("SELECT count_if(known > day), count(*) FROM tx").fetchall()[0]
        replaced = connection.execute(f"SELECT count(*) FROM ({revisions})").fetchall()[0][0]
        shares = connection.execute("SELECT count(*) AS n FROM tx GROUP BY no ORDER BY n DESC").fetchall()
    assert 0.01 < late / rows < 0.03
    assert 0.0005 < replaced / (2 * rows) < 0.002
    assert sum(n for (n,) in shares[:30]) > 0.3 * rows


def test_a_table_gives_medians_of_paired_ratios() -> None:
    measured = {"base": Measured([1.0, 2.0, 4.0], 0.5), "other": Measured([2.0, 2.0, 6.0], 1.25)}
    lines = table("A title", measured, "base")
    assert lines[-2] == "| other | 2.00 | 1.50 (1.00 – 2.00) | 1.25 |"
