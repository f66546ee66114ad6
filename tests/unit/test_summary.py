"""The tables at the end of a run, recomputed from the published files with plain pandas."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import tierline
from tierline import summary
from tierline.models import load_bundle
from tierline.publishing import Snapshot


@pytest.fixture(scope="module")
def night(first_night: Path) -> Snapshot:
    return tierline.open_snapshot(first_night / "published")


def files(night: Snapshot, table: str) -> pd.DataFrame:
    return pd.read_parquet(night.published / night.name / table)


def number(text: str) -> float:
    return float(text.replace(",", "").removesuffix("%"))


def test_rows_of_every_table(night: Snapshot) -> None:
    rows = {name: number(count) for name, count, _ in summary.published_rows(night).rows}
    assert rows == {name: len(files(night, name)) for name in night.tables}


def test_tiers(night: Snapshot) -> None:
    section = summary.tier_table(night)
    shown = pd.DataFrame(section.rows, columns=list(section.columns)).set_index("tier")
    scores, limits, prices = (files(night, name) for name in ("scores", "credit_limits", "pricing"))
    assert list(shown.index) == [*sorted(scores["tier"].unique()), "all"]
    money = limits.astype({"credit_limit": float, "drawn_balance": float})
    for tier in shown.index:
        mask = scores["tier"].notna() if tier == "all" else scores["tier"] == tier
        mine = money[money["customer_key"].isin(scores.loc[mask, "customer_key"])]
        row = shown.loc[tier]
        assert number(row["customers"]) == mask.sum()
        assert number(row["mean PD"]) == pytest.approx(100 * scores.loc[mask, "pd_12m"].mean(), abs=0.0051)
        assert number(row["total limit"]) == pytest.approx(mine["credit_limit"].sum(), abs=0.51)
        assert number(row["drawn"]) == pytest.approx(mine["drawn_balance"].sum(), abs=0.51)
        granted = mine.loc[mine["credit_limit"] > 0, "credit_limit"]
        assert number(row["with limit"]) == len(granted)
        if len(granted):
            assert number(row["mean limit"]) == pytest.approx(granted.mean(), abs=0.51)
        offered = prices[prices["offered"] & ((prices["tier"] == tier) | (tier == "all"))]["annual_rate"]
        if len(offered):
            low, high = (number(part) for part in row["annual rate"].split(" – "))
            assert (low, high) == pytest.approx((100 * offered.min(), 100 * offered.max()), abs=0.0051)
        else:
            assert row["annual rate"] == "not offered"
    assert number(shown.loc["all", "customers"]) == len(scores)


def test_actions_and_funders(night: Snapshot) -> None:
    counts = files(night, "credit_limits")["action"].value_counts()
    assert {name: number(count) for name, count in summary.action_table(night).rows} == counts.to_dict()
    amounts = files(night, "funding_allocation").astype({"amount": float}).groupby("funder_id")["amount"].sum()
    for funder, _, amount, share in summary.funding_table(night).rows:
        assert number(amount) == pytest.approx(amounts[funder], abs=0.51)
        assert number(share) == pytest.approx(100 * amounts[funder] / amounts.sum(), abs=0.051)
    assert len(summary.funding_table(night).rows) == len(amounts)


def test_the_model_lines_say_what_the_figures_were_measured_on(night: Snapshot, first_night: Path) -> None:
    bundle = load_bundle(first_night / "models" / str(night.manifest.model["model_id"]))
    text = "\n".join(summary.model_lines(bundle))
    rows = bundle.test_rows.to_pandas()
    assert f"tested out of time on {len(rows):,} customers" in text
    assert f"{rows['defaulted'].sum()} of them defaulted" in text
    assert f"mean PD {rows['pd_12m'].mean():.2%} against {rows['defaulted'].mean():.2%} observed" in text
    assert "logistic" in text
