"""The packaged berka mapping over the published files, judged by plain pandas over the landing and the lake."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tierline.config import Settings
from tierline.home import Home
from tierline.ingest import ingest_through
from tierline.labels import application_population
from tierline.lake import Lake
from tierline.schemas import LANDING
from tierline.sources.mapping import Mapping, check_mapping, load_mapping, write_landing

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TIERLINE_REAL_DATA", ROOT.parent / "shared" / "data")) / "berka"
PRAGUE = "Europe/Prague"
LAST = date(1998, 12, 31)
LOANS, BADS, TRANSACTIONS = 354, 30, 30_200  # published with the data

pytestmark = pytest.mark.skipif(
    not (DATA / "trans_1997_1998.csv").is_file(),
    reason="berka files not found: set TIERLINE_REAL_DATA to the folder that holds berka/",
)


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return load_mapping(ROOT / "src" / "tierline" / "sources" / "berka.yaml")


@pytest.fixture(scope="module")
def home(mapping: Mapping, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("berka"))
    write_landing(mapping, DATA, home.landing)
    settings = Settings(buckets=1, business_timezone=PRAGUE, waived_days={"transactions": [LAST]})
    report = ingest_through(home, settings, LAST)
    assert not any("quarantin" in warning for warning in report.warnings)
    return home


@pytest.fixture(scope="module")
def tables(mapping: Mapping, home: Home) -> dict[str, pd.DataFrame]:
    """Every delivered table: the union of its day files, each held against the contract."""
    frames = {}
    for name in mapping.delivered:
        parts = []
        for path in sorted((home.landing / name).glob("date=*/*.parquet")):
            read = pq.read_table(path, partitioning=None)
            assert read.schema.equals(LANDING[name].arrow_schema), path
            parts.append(read.to_pandas().assign(landed=path.parent.name.removeprefix("date=")))
        frames[name] = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return frames


def raw(name: str) -> pd.DataFrame:
    return pd.read_csv(DATA / name, sep=";", dtype=str)


def owned_loans() -> pd.DataFrame:
    """The loans of 1997 and 1998 with their account's owner."""
    owners = raw("disp.asc").query("type == 'OWNER'")[["account_id", "client_id"]]
    return raw("loan.asc").query("date >= '970101'").merge(owners, on="account_id")


def day_of(text: pd.Series) -> pd.Series:
    return pd.to_datetime("19" + text, format="%Y%m%d")


def local(times: pd.Series) -> pd.Series:
    return times.dt.tz_convert(PRAGUE).dt.tz_localize(None)


def test_check_finds_no_problem_and_says_what_is_left_out(mapping: Mapping) -> None:
    checks = check_mapping(mapping, DATA)
    assert {check.table for check in checks if check.status == "left_out"} == {
        "instalments", "repayments", "macro", "funding_partners", "lender_position",
    }  # fmt: skip
    assert all(check.status == "ok" for check in checks if check.table in mapping.delivered)
    assert not any(check.problems for check in checks)
    assert [check.table for check in checks if check.notes] == ["transactions"]  # the last day of the feed is quiet


def test_every_loan_has_an_outcome_and_thirty_are_bad(tables: dict[str, pd.DataFrame]) -> None:
    loans, outcomes = tables["loans"], tables["outcomes"]
    assert len(loans) == len(outcomes) == len(tables["customers"]) == LOANS
    expected = owned_loans().set_index("loan_id")["status"].isin(["B", "D"])
    assert expected.sum() == BADS
    assert outcomes.set_index("loan_id")["defaulted"].sort_index().equals(expected.sort_index().rename("defaulted"))


def test_an_outcome_is_not_known_before_the_loan_has_ended_or_the_year_1998_has(
    tables: dict[str, pd.DataFrame],
) -> None:
    both = tables["outcomes"].merge(owned_loans(), on="loan_id")
    known = pd.to_datetime(both["observed_on"])
    ended = both["status"].isin(["A", "B"])
    assert ended.sum() == 43
    assert (known[~ended] == pd.Timestamp(LAST)).all()
    months = pd.Series(
        [day + pd.DateOffset(months=int(n)) for day, n in zip(day_of(both["date"]), both["duration"], strict=True)]
    )
    assert (known[ended] == months[ended]).all()
    assert (months[~ended] > pd.Timestamp(LAST)).all()


def test_loans_are_as_delivered(tables: dict[str, pd.DataFrame]) -> None:
    both = tables["loans"].merge(owned_loans(), on="loan_id", suffixes=("", "_raw"))
    assert (both["customer_id"] == both["client_id"]).all()
    assert (both["principal"].astype(float) == both["amount"].astype(float)).all()
    assert (both["term_months"] == both["duration"].astype(int)).all()
    assert (pd.to_datetime(both["originated_on"]) == day_of(both["date"])).all()
    assert (both["payments"].astype(float) * both["term_months"] == both["principal"].astype(float)).all()
    assert (both["annual_rate"].abs() < 1e-12).all()


def test_transactions_are_as_delivered_and_lie_before_the_loan(tables: dict[str, pd.DataFrame]) -> None:
    delivered = raw("trans_1997_1998.csv")
    both = tables["transactions"].merge(delivered, left_on="transaction_id", right_on="trans_id", suffixes=("", "_raw"))
    assert len(both) == len(delivered) == TRANSACTIONS
    assert (both["amount"].astype(float) == both["amount_raw"].astype(float)).all()
    assert (both["balance_after"].astype(float) == both["balance"].astype(float)).all()
    assert ((both["direction"] == "credit") == (both["type"] == "credit")).all()
    assert (local(both["occurred_at"]) == day_of(both["date"])).all()
    granted = tables["loans"].set_index("customer_id")["recorded_at"]
    assert (both["recorded_at"] < both["customer_id"].map(granted)).all()


def test_the_vocabulary_knows_every_word(mapping: Mapping, tables: dict[str, pd.DataFrame]) -> None:
    words = tables["transactions"]["category"].value_counts()
    assert set(words.index) == set(mapping.vocabulary)
    symbols = raw("trans_1997_1998.csv")["k_symbol"].str.strip().value_counts()
    for word in ("household", "insurrance payment", "payment for statement", "interest credited"):
        assert words[word] == symbols[word]


def test_of_the_birth_number_only_the_year_lands(tables: dict[str, pd.DataFrame], home: Home) -> None:
    customers = tables["customers"]
    numbers = raw("client.asc").set_index("client_id")["birth_number"].reindex(customers["customer_id"])
    born = pd.to_datetime(customers["birth_date"])
    assert (born.dt.strftime("%m-%d") == "01-01").all()
    assert (born.dt.year.to_numpy() == 1900 + numbers.str[:2].astype(int).to_numpy()).all()
    lake = pd.concat([pd.read_parquet(path) for path in Lake(home.lake).root.rglob("customers/**/*.parquet")])
    assert set(lake["birth_year"]) == set(born.dt.year)
    texts = lake.select_dtypes(["object", "str"]).astype(str)
    assert not texts.isin(set(numbers)).any().any()
    assert not texts.isin(set(customers["customer_id"])).any().any()


def test_labels_are_observed_at_application(home: Home) -> None:
    rows = application_population(Lake(home.lake), LAST).rows.to_pandas()
    assert (len(rows), rows["defaulted"].sum()) == (LOANS, BADS)
    assert sorted(pd.to_datetime(rows["as_of"])) == sorted(day_of(owned_loans()["date"]))
