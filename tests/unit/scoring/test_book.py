"""A night's scores and what the decisions get to see."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import lakes
import numpy as np
import pyarrow as pa
import pytest
from lakes import at
from unit.training.tiny_world import AS_OF, CONTEXT, tiny_bundle, tiny_lake, tiny_world

from tierline.features import build_features, customer_spine
from tierline.lake import Lake
from tierline.parquet import conform
from tierline.schemas import DECISION_INPUTS
from tierline.scoring import SCORED, decision_inputs, drift_samples, score_book

DAY = date(2024, 3, 15)


@pytest.fixture(scope="module")
def features() -> pa.Table:
    return build_features(tiny_lake(), customer_spine(tiny_lake(), AS_OF), CONTEXT)


def column(table: pa.Table, name: str) -> list:
    return table[name].to_pylist()


def test_every_customer_is_scored_once_and_keeps_the_contract(features: pa.Table) -> None:
    scored = score_book(tiny_bundle(), [features], [], AS_OF)
    assert conform(scored, SCORED).num_rows == len(tiny_world()["customers"])
    assert column(scored, "customer_key") == column(features, "customer_key")
    assert set(column(scored, "model_id")) == {tiny_bundle().model_id}
    assert set(column(scored, "as_of")) == {AS_OF}


def test_in_default_is_the_labels_threshold_or_an_outcome(features: pa.Table) -> None:
    """The tiny book's label is 30 DPD."""
    calm = next(r for r in features.to_pylist() if r["dpd_now"] == 0)["customer_key"]
    scored = score_book(tiny_bundle(), [features], [calm], AS_OF)
    pd_12m = tiny_bundle().predict_pd(features)
    for row, dpd, modelled in zip(scored.to_pylist(), column(features, "dpd_now"), pd_12m, strict=True):
        bad = dpd >= 30 or row["customer_key"] == calm
        assert row["in_default"] is bad
        assert row["pd_12m"] == (1.0 if bad else modelled)
        assert (row["reason_1"] == "IN_DEFAULT") is bad
        assert "IN_DEFAULT" not in (row["reason_2"], row["reason_3"], row["reason_4"])
    dpds = column(features, "dpd_now")
    assert max(dpds) >= 30
    assert any(0 < dpd < 30 for dpd in dpds)


def test_how_the_book_is_divided_makes_no_difference(features: pa.Table) -> None:
    whole = score_book(tiny_bundle(), [features], [], AS_OF)
    parts = [features.slice(0, 1), features.slice(1, 30), features.slice(31)]
    assert conform(score_book(tiny_bundle(), parts, [], AS_OF), SCORED).equals(conform(whole, SCORED))
    backwards = score_book(tiny_bundle(), reversed(parts), [], AS_OF)
    assert conform(backwards, SCORED).equals(conform(whole, SCORED))


def edge_lake(root: Path) -> Lake:
    """Customers at the edges: nothing known; two full months of history; three; a short one with an instalment due."""
    keys = [lakes.key(number) for number in range(4)]
    world = {
        "customers": [
            lakes.customer(
                key,
                date(2023, 1, 1),
                segment="sole_proprietor",
                industry_code="I7",
                household_key=lakes.key(99),
                consent_partner_sharing=False,
                declared_income_monthly=lakes.money(8_000),
            )
            for key in keys
        ],
        "transactions": [
            lakes.transaction("T1", keys[1], at("2023-12-01"), 5),
            lakes.transaction("T2", keys[2], at("2023-11-30"), 5),
            lakes.transaction("T3", keys[3], at(DAY), 5),
        ],
        "loans": [
            lakes.loan("L0", keys[3], date(2024, 1, 5), 0, scenario_id="OLDER"),
            lakes.loan("L1", keys[3], date(2024, 1, 10), 900, scenario_id="SHOP"),
        ],
        "instalments": [
            lakes.instalment("L1", number, date(2024, number + 1, 10), 300, at("2024-01-10")) for number in (1, 2, 3)
        ],
        "repayments": [lakes.repayment("P1", "L1", 1, at("2024-02-10"), 300)],
    }
    return lakes.write_lake(root, world)


def test_thin_files(tmp_path: Path) -> None:
    lake = edge_lake(tmp_path)
    features = build_features(lake, customer_spine(lake, DAY), CONTEXT)
    scored = score_book(tiny_bundle(), [features], [], DAY)
    thin = dict(zip(column(scored, "customer_key"), column(scored, "thin_file"), strict=True))
    assert [thin[lakes.key(number)] for number in range(4)] == [True, True, False, False]


def test_decision_inputs_by_hand(tmp_path: Path) -> None:
    """Of three instalments of 300 one was paid on time, one is five days late, one falls due in 26 days."""
    lake = edge_lake(tmp_path)
    features = build_features(lake, customer_spine(lake, DAY), CONTEXT)
    scored = score_book(tiny_bundle(), [features], [], DAY)
    inputs = {row["customer_key"]: row for row in decision_inputs(lake, scored, features, DAY).to_pylist()}
    pd_12m = dict(zip(column(scored, "customer_key"), column(scored, "pd_12m"), strict=True))
    assert inputs[lakes.key(3)] == {
        "customer_key": lakes.key(3),
        "segment": "sole_proprietor",
        "region_code": "R1",
        "industry_code": "I7",
        "household_key": lakes.key(99),
        "scenario_id": "SHOP",
        "consent_partner_sharing": False,
        "pd_12m": pd_12m[lakes.key(3)],
        "in_default": False,
        "thin_file": False,
        "income_recurring_monthly": None,
        "declared_income_monthly": Decimal("8000.00"),
        "instalment_burden_monthly": Decimal("300.00"),
        "drawn_balance": Decimal("600.00"),
        "dpd": 5,
        "max_dpd_90d": 5,
        "on_time_streak": 0,
        "months_on_book": 2,
    }
    nothing = inputs[lakes.key(0)]
    zeroes = ("dpd", "max_dpd_90d", "on_time_streak", "months_on_book", "drawn_balance", "instalment_burden_monthly")
    assert {nothing[name] for name in zeroes} == {0}


def test_decision_inputs_see_the_customer_as_known_then(tmp_path: Path) -> None:
    world = {"customers": [lakes.customer(lakes.key(1), date(2023, 1, 1))]}
    world["customers"].append(world["customers"][0] | {"region_code": "R9", "recorded_at": at("2024-03-16")})
    lake = lakes.write_lake(tmp_path, world)
    regions = []
    for day in (DAY, DAY + timedelta(days=1)):
        features = build_features(lake, customer_spine(lake, day), CONTEXT)
        scored = score_book(tiny_bundle(), [features], [], day)
        regions.append(decision_inputs(lake, scored, features, day)["region_code"].to_pylist())
    assert regions == [["R1"], ["R9"]]


def test_all_of_the_book_reaches_the_decisions(features: pa.Table) -> None:
    scored = score_book(tiny_bundle(), [features], [], AS_OF)
    inputs = decision_inputs(tiny_lake(), scored, features, AS_OF)
    assert inputs.num_rows == features.num_rows
    assert inputs.schema.names == list(DECISION_INPUTS.column_names)
    income = dict(zip(column(features, "customer_key"), column(features, "income_recurring_monthly"), strict=True))
    for row in inputs.to_pylist():
        known = income[row["customer_key"]]
        assert row["income_recurring_monthly"] == (None if known is None else lakes.money(round(known, 2)))


def test_drift_is_measured_on_customers_not_in_default(features: pa.Table) -> None:
    bundle = tiny_bundle()
    scored = score_book(bundle, [features], [], AS_OF)
    learned, tonight = drift_samples(bundle, features, scored)
    performing = ~np.array(column(scored, "in_default"))
    assert list(learned) == list(tonight) == bundle.reference_rows.column_names
    assert 0 < performing.sum() < len(performing)
    assert {len(values) for values in tonight.values()} == {performing.sum()}
    assert tonight["pd_12m"].max() < 1
