"""The packaged superlender mapping over the published files, judged by plain pandas over the landing files."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tierline.schemas import LANDING
from tierline.sources.info import SourceInfo
from tierline.sources.mapping import Mapping, check_mapping, load_mapping, write_landing

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TIERLINE_REAL_DATA", ROOT.parent / "shared" / "data")) / "superlender"
LAGOS = "Africa/Lagos"

pytestmark = pytest.mark.skipif(
    not (DATA / "trainprevloans.csv").is_file(),
    reason="superlender files not found: set TIERLINE_REAL_DATA to the folder that holds superlender/",
)


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return load_mapping(ROOT / "src" / "tierline" / "sources" / "superlender.yaml")


@pytest.fixture(scope="module")
def landing(mapping: Mapping, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("superlender") / "landing"
    write_landing(mapping, DATA, path)
    return path


@pytest.fixture(scope="module")
def tables(mapping: Mapping, landing: Path) -> dict[str, pd.DataFrame]:
    """Every delivered table: the union of its day files, each read and held against the contract on its own."""
    frames = {}
    for name in mapping.delivered:
        parts = []
        for path in sorted((landing / name).glob("date=*/*.parquet")):
            read = pq.read_table(path, partitioning=None)
            assert read.schema.equals(LANDING[name].arrow_schema), path
            if read.num_rows:
                parts.append(read.to_pandas().assign(landed=path.parent.name.removeprefix("date=")))
        frames[name] = pd.concat(parts, ignore_index=True)
    return frames


@pytest.fixture(scope="module")
def raw() -> tuple[pd.DataFrame, pd.DataFrame]:
    dates = ["approveddate", "closeddate", "firstduedate", "firstrepaiddate"]
    previous = pd.read_csv(DATA / "trainprevloans.csv", dtype={"systemloanid": str}, parse_dates=dates)
    target = pd.read_csv(DATA / "trainperf.csv", dtype={"systemloanid": str}, parse_dates=["approveddate"])
    return target, previous


def local_day(times: pd.Series) -> pd.Series:
    return times.dt.tz_convert(LAGOS).dt.tz_localize(None).dt.normalize()


def test_check_finds_nothing_and_says_what_is_left_out(mapping: Mapping) -> None:
    checks = check_mapping(mapping, DATA)
    assert {check.table for check in checks if check.status == "left_out"} == {
        "transactions",
        "macro",
        "funding_partners",
        "lender_position",
    }
    assert all(check.status == "ok" for check in checks if check.table in mapping.delivered)
    assert not any(check.problems or check.notes for check in checks)


def test_rows_and_bads(tables: dict[str, pd.DataFrame], raw: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    target, previous = raw
    assert (len(target), len(previous)) == (4_368, 18_183)
    assert len(tables["customers"]) == 4_368
    assert len(tables["loans"]) == 4_368 + 18_183
    assert len(tables["outcomes"]) == 4_368
    assert tables["outcomes"]["defaulted"].sum() == 952
    assert set(tables["instalments"]["loan_id"]) == set(previous["systemloanid"])
    assert set(tables["repayments"]["loan_id"]) == set(previous["systemloanid"])
    # 15 and 30 days: one instalment; 60 days: two; 90 days: three.
    assert len(tables["instalments"]) == (previous["termdays"] // 30).clip(lower=1).sum()


def test_a_customers_loans_are_as_delivered(
    tables: dict[str, pd.DataFrame], raw: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    both = pd.concat(raw, ignore_index=True).merge(tables["loans"], left_on="systemloanid", right_on="loan_id")
    assert len(both) == len(tables["loans"])
    assert (both["customerid"] == both["customer_id"]).all()
    assert (both["loanamount"] == both["principal"].astype(float)).all()
    charge = both["annual_rate"] * both["loanamount"] * both["termdays"] / 365
    assert (charge - (both["totaldue"] - both["loanamount"])).abs().max() < 0.01
    assert (both["recorded_at"].dt.tz_convert(LAGOS).dt.tz_localize(None) == both["approveddate"]).all()
    assert (pd.to_datetime(both["originated_on"]) == both["approveddate"].dt.normalize()).all()


def test_first_repayments_are_late_as_delivered(
    tables: dict[str, pd.DataFrame], raw: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    first = tables["repayments"].groupby("loan_id")["paid_at"].min()
    due = tables["instalments"].query("instalment_no == 1").set_index("loan_id")["due_on"]
    late = local_day(first) > pd.to_datetime(due).reindex(first.index)
    previous = raw[1].set_index("systemloanid")
    expected = previous["firstrepaiddate"].dt.normalize() > previous["firstduedate"]
    assert (late == expected.reindex(late.index)).all()
    assert late.sum() == 3_161
    assert round(100 * late.mean(), 1) == 17.4


def test_loans_are_paid_in_full_on_their_closing_day(
    tables: dict[str, pd.DataFrame], raw: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    previous = raw[1].set_index("systemloanid")
    repayments = tables["repayments"].assign(day=local_day(tables["repayments"]["paid_at"]))
    closed = repayments.groupby("loan_id")["day"].max()
    assert (closed == previous["closeddate"].dt.normalize().reindex(closed.index)).all()
    instalments = tables["instalments"].set_index(["loan_id", "instalment_no"])
    owed = (instalments["principal_due"] + instalments["interest_due"]).sort_index()
    paid = repayments.groupby(["loan_id", "instalment_no"])["amount"].sum().sort_index()
    assert paid.equals(owed)
    total = owed.groupby("loan_id").sum().astype(float)
    assert ((total - previous["totaldue"].reindex(total.index)).abs() < 0.001).all()


def test_keys_are_unique(tables: dict[str, pd.DataFrame]) -> None:
    for name, frame in tables.items():
        assert not frame.duplicated(list(LANDING[name].key)).any(), name


def test_nothing_is_known_before_it_happens_or_lands_on_another_day(tables: dict[str, pd.DataFrame]) -> None:
    for name, frame in tables.items():
        known_on = local_day(frame["recorded_at"])
        assert (known_on.dt.strftime("%Y-%m-%d") == frame["landed"]).all(), name
        event = LANDING[name].event_time
        if name == "repayments":
            assert (frame["paid_at"] <= frame["recorded_at"]).all()
        elif name != "instalments":  # due dates lie ahead
            assert (pd.to_datetime(frame[event]) <= known_on).all(), name


def test_what_a_row_refers_to_is_known_by_then(tables: dict[str, pd.DataFrame]) -> None:
    customers = tables["customers"].set_index("customer_id")["recorded_at"]
    loans = tables["loans"].set_index("loan_id")
    assert (loans["recorded_at"] >= loans["customer_id"].map(customers)).all()
    for name in ("instalments", "repayments", "outcomes"):
        known = tables[name]["loan_id"].map(loans["recorded_at"])
        assert (tables[name]["recorded_at"] >= known).all(), name
    assert (tables["repayments"]["paid_at"] >= tables["repayments"]["loan_id"].map(loans["recorded_at"])).all()


def test_every_day_is_delivered_up_to_as_of(mapping: Mapping, landing: Path, tables: dict[str, pd.DataFrame]) -> None:
    info = SourceInfo.model_validate_json((landing / "_source.json").read_bytes())
    days = [f"date={day:%Y-%m-%d}" for day in pd.date_range(info.first_day, info.as_of)]
    for name in mapping.delivered:
        assert sorted(path.name for path in (landing / name).iterdir()) == days, name
    last = max(frame["landed"].max() for frame in tables.values())
    assert last <= info.as_of.isoformat()
    assert pd.Timestamp(info.as_of) == pd.Timestamp(last) + pd.offsets.MonthEnd()


def test_identifiers_that_are_not_needed_are_not_landed(
    landing: Path, raw: tuple[pd.DataFrame, pd.DataFrame], tables: dict[str, pd.DataFrame]
) -> None:
    referrers = set(pd.concat(raw)["referredby"].dropna())
    assert referrers
    # A referrer may be a customer here, too; nothing but customer_id may hold such a number.
    for frame in tables.values():
        for column in frame.select_dtypes("str").columns.drop("customer_id", errors="ignore"):
            assert not set(frame[column]) & referrers
