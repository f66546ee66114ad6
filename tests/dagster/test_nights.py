"""Two nights of a small lender end to end: what is published, that it adds up, that running again changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from small_lender import FIRST, NEXT, copy_home, current, release_bytes, run_night, unchanged_process

import tierline
from tierline.models import Registry
from tierline.publishing import Snapshot
from tierline.schemas import LANDING, PUBLISHED
from tierline.scoring import load_reasons


@pytest.fixture(scope="module", params=[FIRST, NEXT], ids=["first night", "second night"])
def night(request: pytest.FixtureRequest, second_night: Path) -> Snapshot:
    return tierline.open_snapshot(second_night / "published", request.param)


@pytest.fixture(scope="module")
def both(second_night: Path) -> tuple[Snapshot, Snapshot]:
    published = second_night / "published"
    return tierline.open_snapshot(published, FIRST), tierline.open_snapshot(published, NEXT)


def test_every_published_table_keeps_its_contract_to_the_type(night: Snapshot) -> None:
    assert set(night.manifest.tables) == set(PUBLISHED)
    directory = night.published / night.name
    assert {path.name for path in directory.iterdir()} == {*PUBLISHED, "MANIFEST.json"}
    for name, contract in PUBLISHED.items():
        (file,) = (directory / name).iterdir()
        assert pq.read_schema(file).equals(contract.arrow_schema), name
        assert pc.unique(night.read(name).column("as_of")).to_pylist() in ([night.as_of], []), name
        assert night.read(name).num_rows == night.manifest.tables[name].rows


def test_the_manifest_tells_the_bytes_on_disk(night: Snapshot) -> None:
    directory = night.published / night.name
    text = (directory / "MANIFEST.json").read_bytes()
    assert night.name == f"{night.as_of}-{hashlib.sha256(text).hexdigest()[:16]}"
    for entry in json.loads(text)["tables"].values():
        content = (directory / entry["file"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["bytes"], entry["sha256"])


def test_one_score_per_customer_known_by_then(night: Snapshot, landed: Path) -> None:
    customers = landed_rows(landed, "customers", night)
    scores = night.to_pandas("scores")
    assert scores["customer_key"].is_unique
    assert len(scores) == customers["customer_id"].nunique()
    limits = night.to_pandas("credit_limits")
    assert list(limits["customer_key"]) == list(scores["customer_key"]) == sorted(scores["customer_key"])


def test_pd_tier_and_reasons(night: Snapshot) -> None:
    scores = night.to_pandas("scores")
    assert scores["pd_12m"].gt(0).all()
    assert scores["pd_12m"].le(1).all()
    assert ((scores["tier"] == "X") == (scores["pd_12m"] == 1)).all()
    assert (scores["tier"] == "X").any()
    assert scores["tier"].nunique() >= 4
    # only a customer who is better than the book in everything has no adverse reason
    risky = scores["pd_12m"] >= scores["pd_12m"].quantile(0.75)
    assert scores.loc[risky, "reason_1"].notna().all()
    assert scores["reason_1"].notna().mean() > 0.9
    assert (scores.loc[scores["tier"] == "X", "reason_1"] == "IN_DEFAULT").all()
    reasons = scores[[f"reason_{rank}" for rank in range(1, 5)]]
    assert set(reasons.stack().dropna()) <= set(load_reasons())
    assert (reasons.nunique(axis=1) == reasons.notna().sum(axis=1)).all()  # none twice
    better = scores[scores["tier"] != "X"].groupby("tier")["pd_12m"].agg(["min", "max"]).sort_index()
    # tiers overlap by the hysteresis at most: a tenth of the bound, either way
    assert (better["max"].to_numpy()[:-1] * 0.9 <= better["min"].to_numpy()[1:] * 1.1).all()


def test_funding_sums_to_every_limit_to_the_cent(night: Snapshot) -> None:
    limits = night.to_pandas("credit_limits").set_index("customer_key")["credit_limit"]
    funded = night.to_pandas("funding_allocation").groupby("customer_key")["amount"].sum()
    assert set(funded.index) == set(limits.index[limits > 0])
    assert (funded == limits[limits > 0]).all()
    totals: Any = night.manifest.control_totals["decisions"]
    assert totals["credit_limit"] == totals["funded"] == int(limits.sum() * 100)
    assert totals["customers"] == len(limits)


def test_control_totals_are_those_of_the_landing_files(night: Snapshot, landed: Path) -> None:
    for name, contract in LANDING.items():
        if contract.optional:
            continue
        rows = landed_rows(landed, name, night)
        newest = rows.sort_values(str(contract.knowledge_time), kind="stable")
        known = newest.drop_duplicates(list(contract.key), keep="last")
        expected = {"rows": len(known)}
        for column in contract.money_columns:
            expected[column] = int(sum(known[column].dropna(), Decimal(0)) * 100)
        assert night.manifest.control_totals[name] == expected, name


def landed_rows(home: Path, table: str, night: Snapshot) -> pd.DataFrame:
    """Every row delivered up to the night, read file by file: keys, knowledge time, money."""
    days = sorted((home / "landing" / table).iterdir())
    paths = [path for day in days if day.name <= f"date={night.as_of}" for path in sorted(day.iterdir())]
    columns = [*LANDING[table].key, str(LANDING[table].knowledge_time), *LANDING[table].money_columns]
    return pa.concat_tables(pq.read_table(path, partitioning=None, columns=columns) for path in paths).to_pandas()


def test_the_next_night_builds_on_the_one_before(both: tuple[Snapshot, Snapshot]) -> None:
    before, after = both
    assert after.manifest.previous_snapshot == before.name
    assert before.manifest.previous_snapshot is None
    assert after.manifest.model == before.manifest.model
    assert set(after.to_pandas("scores")["model_id"]) == {before.manifest.model["model_id"]}
    assert before.to_pandas("credit_limits")["previous_limit"].isna().all()
    yesterday = before.to_pandas("credit_limits").set_index("customer_key")["credit_limit"]
    limits = after.to_pandas("credit_limits").set_index("customer_key")
    for key, previous in limits["previous_limit"].items():
        if key in yesterday.index:
            assert previous == yesterday[key]
        else:
            assert pd.isna(previous)
    held, cut = limits[limits["action"] == "hold"], limits[limits["action"] == "cut"]
    assert len(held)
    assert (held["credit_limit"] == held["previous_limit"]).all()
    assert (cut["credit_limit"] < cut["previous_limit"]).all()


def test_pandas_and_duckdb_read_the_same_release(second_night: Path, both: tuple[Snapshot, Snapshot]) -> None:
    published = second_night / "published"
    directory = published / (published / "CURRENT").read_text().strip()
    live = tierline.open_snapshot(published)
    assert live.name == directory.name == both[1].name
    from_pandas = pd.read_parquet(directory / "credit_limits")
    assert from_pandas.drop(columns="as_of").equals(live.to_pandas("credit_limits").drop(columns="as_of"))
    with duckdb.connect() as connection:
        sql = f"SELECT count(*), sum(credit_limit) FROM read_parquet('{directory}/credit_limits/*.parquet')"
        assert connection.sql(sql).fetchall() == [(len(from_pandas), from_pandas["credit_limit"].sum())]


def test_older_night_again_gives_the_old_name_and_leaves_the_newer_live(
    after_second: Path, both: tuple[Snapshot, Snapshot]
) -> None:
    published = release_bytes(after_second)
    run_night(after_second, FIRST)
    assert release_bytes(after_second) == published
    assert current(after_second) == both[1].name


def test_a_night_without_its_work_files_or_lake_gives_the_same_name(
    second_night: Path, tmp_path: Path, both: tuple[Snapshot, Snapshot]
) -> None:
    """One load of all days, as after a lost lake, decides as day-by-day loads did."""
    home = copy_home(second_night, tmp_path / "home", without=("lake", "work"))
    run_night(home, NEXT)
    assert current(home) == both[1].name
    assert len(list((home / "published").glob("2026-*"))) == 2


@pytest.fixture(scope="module")
def metadata(second_night: Path) -> dict[str, dict[str, Any]]:
    """Metadata of the newest materialization of every asset."""
    found: dict[str, dict[str, Any]] = {}
    with unchanged_process():
        os.environ["DAGSTER_HOME"] = str(second_night / "dagster")
        with dg.DagsterInstance.get() as instance:
            for key in instance.get_asset_keys():
                event = instance.get_latest_materialization_event(key)
                assert event is not None
                assert event.asset_materialization is not None
                found[key.to_user_string()] = {n: v.value for n, v in event.asset_materialization.metadata.items()}
    return found


def test_assets_tell_their_rows(metadata: dict[str, dict[str, Any]], both: tuple[Snapshot, Snapshot]) -> None:
    for name in PUBLISHED:
        assert metadata[name]["dagster/row_count"] == both[1].manifest.tables[name].rows, name
    assert metadata["lake/transactions"]["rows_in"] == metadata["lake/transactions"]["rows_used"] > 100_000
    assert metadata["release"]["snapshot"] == both[1].name
    assert metadata["release"]["control_totals"] == both[1].manifest.control_totals


def test_the_model_shows_its_calibration(second_night: Path, metadata: dict[str, dict[str, Any]]) -> None:
    (entry,) = Registry(second_night / "models").entries()
    shown = metadata["champion_model"]
    assert shown["model_id"] == entry.model_id
    assert shown["calibration"].startswith("![calibration](data:image/")
    for chart in ("calibration", "gains", "ks_curves", "importance"):
        assert shown[chart].startswith(f"![{chart}](data:image/png;base64,"), chart
        assert len(shown[chart]) > 5_000, chart
    assert shown["model_card"].endswith(f"/models/cards/{entry.model_id}.html")
    card = (second_night / "models" / "cards" / f"{entry.model_id}.html").read_text(encoding="utf-8")
    assert entry.model_id in card
    assert f"{shown['auc']:.3f}" in card
    assert 0.5 < shown["auc"] < 1
    assert shown["slices"]["test"]["first"] == "2025-06-30"
