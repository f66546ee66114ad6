"""The landing zone of the simulated lender, read with plain pandas and held against the contracts."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tierline.errors import ConfigurationError
from tierline.schemas import LANDING
from tierline.schemas.contract import Feed, Table
from tierline.sources.info import read_info
from tierline.sources.simulated import SimulationSpec, run, simulate
from tierline.sources.simulated.households import draw_households
from tierline.sources.simulated.randomness import streams
from tierline.sources.simulated.truth import read_truth

SPEC = SimulationSpec(customers=60, months=15, as_of=date(2026, 6, 30), seed=7)
TINY = SimulationSpec(customers=20, months=6, as_of=date(2026, 3, 17), seed=1)
TABLES = [table for table in LANDING.values() if not table.optional]
MOMENTS = {"transactions": "occurred_at", "repayments": "paid_at"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lender")
    simulate(SPEC, root / "landing", root / "truth")
    return root


def files(root: Path, table: Table) -> list[Path]:
    return sorted((root / "landing" / table.name).glob("date=*/part-0.parquet"))


def day_of(path: Path) -> date:
    return date.fromisoformat(path.parent.name.removeprefix("date="))


@cache
def frame(root: Path, name: str) -> pd.DataFrame:
    parts = [pq.read_table(path, partitioning=None) for path in files(root, LANDING[name])]
    return pa.concat_tables(parts).to_pandas()


@cache
def final(root: Path, name: str) -> pd.DataFrame:
    contract = LANDING[name]
    rows = frame(root, name).sort_values([*contract.key, contract.knowledge_time])
    return rows.drop_duplicates(list(contract.key), keep="last")


@pytest.mark.parametrize("contract", TABLES, ids=lambda table: table.name)
def test_every_file_keeps_its_contract(world: Path, contract: Table) -> None:
    for path in files(world, contract):
        data = pq.read_table(path, partitioning=None)
        assert data.schema.equals(contract.arrow_schema), path
        for column in contract.columns:
            assert column.nullable or data.column(column.name).null_count == 0, (path, column.name)
        known = data.column(contract.knowledge_time).to_pylist()
        assert {moment.date() for moment in known} <= {day_of(path)}, path


@pytest.mark.parametrize("contract", TABLES, ids=lambda table: table.name)
def test_ranges_vocabularies_and_keys(world: Path, contract: Table) -> None:
    rows = frame(world, contract.name)
    assert not rows.duplicated([*contract.key, contract.knowledge_time]).any()
    for column in contract.columns:
        values = rows[column.name].dropna()
        if column.allowed:
            assert set(values) == set(column.allowed)
        if column.minimum is not None:
            assert (values.astype(float) >= column.minimum).all()
        if column.maximum is not None:
            assert (values.astype(float) <= column.maximum).all()


def test_daily_tables_have_every_day_and_a_week_beyond(world: Path) -> None:
    first, last = date(2025, 3, 31), SPEC.as_of + timedelta(days=7)
    expected = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    for contract in TABLES:
        days = [day_of(path) for path in files(world, contract)]
        if contract.feed is Feed.DAILY:
            assert days == expected, contract.name
        else:
            assert set(days) <= set(expected), contract.name
    assert all(pq.read_metadata(path).num_rows for path in files(world, LANDING["transactions"]))
    assert frame(world, "transactions")["occurred_at"].max().date() == last


def test_nothing_is_known_before_it_happens(world: Path) -> None:
    for name, column in MOMENTS.items():
        rows = frame(world, name)
        assert (rows[column] <= rows["recorded_at"]).all()
    for name, column in (("loans", "originated_on"), ("customers", "registered_on"), ("lender_position", "as_of")):
        rows = frame(world, name)
        assert (pd.to_datetime(rows[column]).dt.tz_localize("UTC") <= rows["recorded_at"]).all()


def test_rows_arrive_late_and_get_corrected_and_voided(world: Path) -> None:
    rows = frame(world, "transactions")
    assert (rows["recorded_at"].dt.date > rows["occurred_at"].dt.date).any()
    versions = rows[rows.duplicated("transaction_id", keep=False)]
    assert len(versions) > 0
    assert (final(world, "transactions")["amount"] == 0).any()
    instalments = frame(world, "instalments")
    assert instalments.duplicated(["loan_id", "instalment_no"]).any(), "settlements and restructurings are new versions"


def test_balances_run(world: Path) -> None:
    rows = final(world, "transactions").sort_values(["customer_id", "occurred_at", "transaction_id"])
    signed = rows["amount"].where(rows["direction"] == "credit", -rows["amount"])
    before = rows.groupby("customer_id")["balance_after"].shift()
    inner = before.notna()
    assert (rows["balance_after"][inner] == before[inner] + signed[inner]).all()
    assert (rows["balance_after"] >= 0).all()


def test_schedules_are_annuities_to_the_cent(world: Path) -> None:
    first = frame(world, "instalments").sort_values("recorded_at").drop_duplicates(["loan_id", "instalment_no"])
    plan = first.merge(frame(world, "loans"), on="loan_id")
    plan["due"] = (plan["principal_due"] + plan["interest_due"]).astype(float)
    assert (plan.groupby("loan_id")["principal_due"].sum() == plan.groupby("loan_id")["principal"].first()).all()
    equal = plan[plan["repayment_method"] == "equal_instalment"]
    monthly = equal["annual_rate"] / 12
    annuity = equal["principal"].astype(float) * monthly / (1 - (1 + monthly) ** -equal["term_months"])
    last = equal["instalment_no"] == equal["term_months"]
    assert (abs(equal["due"] - annuity)[~last] <= 0.0051).all()
    assert (abs(equal["due"] - annuity)[last] <= 0.12).all()  # what rounding eleven times may leave
    bullet = plan[plan["repayment_method"] == "bullet"]
    interest = bullet["principal"].astype(float) * bullet["annual_rate"] / 12 * bullet["term_months"]
    assert (bullet["instalment_no"] == 1).all()
    assert (abs(bullet["interest_due"].astype(float) - interest) <= 0.0051).all()


def test_loan_flows_stand_in_the_account(world: Path) -> None:
    rows = final(world, "transactions")
    for name, category, amount in (
        ("loans", "loan_disbursement", "principal"),
        ("repayments", "loan_repayment", "amount"),
    ):
        flows = rows.loc[rows["category"] == category, "amount"]
        book = final(world, name)[amount]
        assert flows.sum() == book.sum(), category
    owed = final(world, "instalments").set_index(["loan_id", "instalment_no"])
    paid = final(world, "repayments").groupby(["loan_id", "instalment_no"])["amount"].sum()
    assert (paid <= (owed["principal_due"] + owed["interest_due"]).loc[paid.index]).all()


def test_about_an_eighth_live_with_another_customer_of_their_region() -> None:
    region = np.random.default_rng(3).integers(0, 31, 20_000)
    household = draw_households(region, np.random.default_rng(5))
    shared = pd.DataFrame({"household": household, "region": region})[household >= 0].groupby("household")["region"]
    assert 0.10 <= (household >= 0).mean() <= 0.125
    assert set(shared.size()) == {2, 3, 4}
    assert (shared.nunique() == 1).all()


def test_households_draw_from_a_stream_of_their_own() -> None:
    """The purposes before them have the generators they had when there were eleven."""
    for child, (purpose, rng) in zip(np.random.SeedSequence(7).spawn(11), streams(7).items(), strict=False):
        assert rng.bit_generator.state == np.random.default_rng(child).bit_generator.state, purpose
    assert list(streams(7)).index("households") == 11


def test_a_customer_keeps_the_household(world: Path) -> None:
    rows = frame(world, "customers")
    assert (rows.groupby("customer_id")["household_id"].nunique(dropna=False) == 1).all()
    assert final(world, "customers")["household_id"].dropna().value_counts().ge(2).all()


def test_macro_is_published_late_and_revised(world: Path) -> None:
    rows = frame(world, "macro")
    unemployment = rows[rows["series_id"] == "unemployment_310000"]
    versions = unemployment.sort_values("published_at").groupby("period")["value"].agg(["first", "last", "size"])
    assert (versions["size"] == 2).any()
    assert (versions["first"] != versions["last"]).any()
    monthly = rows[rows["series_id"].str.startswith(("unemployment", "industry", "cpi"))]
    month_after = pd.to_datetime(monthly["period"]).dt.tz_localize("UTC") + pd.DateOffset(months=1)
    assert (monthly["published_at"] > month_after).all()
    assert rows.loc[rows["series_id"] == "lpr_1y", "value"].between(0.03, 0.04).all()


def test_partners_and_position_are_scaled_to_the_book(world: Path) -> None:
    partners, limits = frame(world, "funding_partners"), SPEC.customers * 22_000
    for _, version in partners.groupby("recorded_at"):
        assert float(version["commitment"].sum()) == pytest.approx(1.5 * 0.7 * limits, rel=0.02)
        assert (version["drawn"] <= version["commitment"]).all()
        single = version["commitment"].astype(float) > 0.25 * version["net_tier1_capital"].astype(float)
        joint = 0.5 * version["total_loans"].astype(float) - version["joint_loan_balance"].astype(float)
        assert single.sum() == 1
        assert list(version["partner_id"][single]) == list(
            version["partner_id"][joint < version["commitment"].astype(float)]
        )
    assert float(frame(world, "lender_position")["net_assets"].iloc[-1]) == pytest.approx(0.10 * limits, rel=0.05)


def test_declaration_maps_every_category(world: Path) -> None:
    info = read_info(world / "landing")
    roles = {"income", "own_transfer", "loan_flow", "cash", "gambling", "essential", "discretionary"}
    assert set(info.vocabulary.values()) == roles | {"refund", "fee", "other"}
    assert set(frame(world, "transactions")["category"]) <= set(info.vocabulary)
    assert (info.first_day, info.as_of, info.pseudonym_key) == (date(2025, 3, 31), SPEC.as_of, "demo")
    assert not info.left_out


def digest(root: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        total.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return total.hexdigest()


def test_same_seed_same_bytes_in_another_process(tmp_path: Path) -> None:
    simulate(TINY, tmp_path / "a" / "landing", tmp_path / "a" / "truth")
    script = (
        "import sys; from pathlib import Path; from tierline.sources.simulated import *;"
        "spec = SimulationSpec.model_validate_json(sys.argv[1]); root = Path(sys.argv[2]);"
        "simulate(spec, root / 'landing', root / 'truth')"
    )
    subprocess.run([sys.executable, "-c", script, TINY.model_dump_json(), str(tmp_path / "b")], check=True)
    other = TINY.model_copy(update={"seed": 2})
    simulate(other, tmp_path / "c" / "landing", tmp_path / "c" / "truth")
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")


def test_existing_landing_zone_is_kept_or_refused(world: Path, tmp_path: Path) -> None:
    landing, truth = world / "landing", tmp_path / "truth"
    before = {path: path.stat().st_mtime_ns for path in landing.rglob("*")}
    again = simulate(SPEC, landing, world / "truth")
    assert again.reused
    assert before == {path: path.stat().st_mtime_ns for path in landing.rglob("*")}
    assert simulate(SPEC, landing, truth).rows == again.rows
    pd.testing.assert_frame_equal(read_truth(truth), read_truth(world / "truth"))  # made again where it was missing
    with pytest.raises(ConfigurationError, match="seed 7 there, 8 asked"):
        simulate(SPEC.model_copy(update={"seed": 8}), landing, world / "truth")
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no simulation made"):
        simulate(SPEC, tmp_path / "strange", truth)
    with pytest.raises(ConfigurationError, match="outside the landing zone"):
        simulate(SPEC, tmp_path / "new", tmp_path / "new" / "truth")


def test_other_simulator_version_is_refused(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SIMULATOR_VERSION", "next")
    with pytest.raises(ConfigurationError, match="not next"):
        simulate(SPEC, world / "landing", world / "truth")


def test_killed_simulation_leaves_nothing_and_the_next_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> int:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(run, "position_table", stopped)
        with pytest.raises(OSError, match="disk full"):
            simulate(TINY, tmp_path / "landing", tmp_path / "truth")
    assert not (tmp_path / "landing").exists()
    summary = simulate(TINY, tmp_path / "landing", tmp_path / "truth")
    assert not summary.reused
    assert sorted(path.name for path in tmp_path.iterdir()) == ["landing", "truth"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("customers", 19), ("months", 5), ("months", 121), ("seed", -1), ("as_of", "1999-12-31"), ("colour", "blue")],
)
def test_bad_specifications_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        SimulationSpec.model_validate({field: value})
