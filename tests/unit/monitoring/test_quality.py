from __future__ import annotations

from datetime import date

import pandas as pd
import pyarrow as pa
import pytest

from tierline.monitoring import drift_frame, load_thresholds, portfolio_quality
from tierline.monitoring.quality import band_codes
from tierline.schemas import PUBLISHED

AS_OF = date(2025, 6, 30)
Loan = tuple[str, int, int | None]  # loan_id, outstanding in yuan, dpd (None: unknown schedule)


def state(loans: list[Loan], origin: str = "2025-01-15", default_on: dict[str, str] | None = None) -> pd.DataFrame:
    bad = default_on or {}
    rows = [
        {
            "loan_id": loan_id,
            "customer_key": f"c-{loan_id}",
            "originated_on": pd.Timestamp(origin),
            "principal": 1_000_00,
            "outstanding": None if dpd is None else yuan * 100,
            "dpd": dpd,
            "default_on": pd.Timestamp(bad[loan_id]) if loan_id in bad else pd.NaT,
            "schedule_known": dpd is not None,
            "is_open": dpd is None or dpd > 0 or yuan > 0,
        }
        for loan_id, yuan, dpd in loans
    ]
    return pd.DataFrame(rows).astype({"outstanding": "Int64", "dpd": "Int64", "default_on": "datetime64[us]"})


def figures(table: pa.Table) -> dict[tuple[str, str, str], tuple[float, int]]:
    return {(row["dimension"], row["member"], row["metric"]): (row["value"], row["loans"]) for row in table.to_pylist()}


# One loan at each edge that matters, 100 yuan each, one closed, one that cannot be aged.
DPDS = [0, 1, 30, 31, 60, 61, 89, 90, 91, 180, 181, 270, 271, 360, 361]
LOANS: list[Loan] = [(f"L{dpd:03d}", 100, dpd) for dpd in DPDS]
LOANS += [("closed", 0, 0), ("unknown", 0, None)]


def test_the_table_keeps_its_contract_and_is_sorted() -> None:
    table = portfolio_quality(state(LOANS), AS_OF, state(LOANS), drift_frame({"score": [1, 2]}, {"score": [1, 2]}, 2))
    contract = PUBLISHED["portfolio_quality"]
    assert table.schema.equals(contract.arrow_schema)
    keys = list(zip(*(table.column(name).to_pylist() for name in contract.key), strict=True))
    assert keys == sorted(set(keys))
    assert {row[1] for row in keys} == {
        "bucket", "five_category", "stage", "provision", "roll_rate", "vintage", "drift"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("dimension", "counts"),
    [
        ("bucket", {"C": 1, "M1": 2, "M2": 2, "M3": 3, "M4": 1, "M5": 0, "M6": 1, "M6+": 5, "closed": 1}),
        # > 90 days at least substandard, > 270 doubtful, > 360 loss (2023 No. 1)
        ("five_category", {"pass": 1, "special_mention": 7, "substandard": 4, "doubtful": 2, "loss": 1}),
        # 3 if DPD >= 90, 2 if DPD > 30 (IFRS 9)
        ("stage", {"stage_1": 3, "stage_2": 4, "stage_3": 8}),
    ],
)
def test_loans_stand_in_their_bands(dimension: str, counts: dict[str, int]) -> None:
    found = figures(portfolio_quality(state(LOANS), AS_OF))
    for member, count in counts.items():
        value = 0 if member == "closed" else count * 100.0
        assert found[dimension, member, "balance"] == (value, count), member
    total = sum(count for member, count in counts.items() if member != "closed")
    assert total == len(DPDS)
    for member, count in counts.items():
        if member != "closed":
            assert found[dimension, member, "balance_share"][0] == pytest.approx(count / total)


def test_unknown_schedules_are_counted_apart() -> None:
    found = figures(portfolio_quality(state(LOANS), AS_OF))
    assert found["bucket", "unknown_schedule", "principal"] == (1000.0, 1)
    assert sum(loans for (dimension, _, metric), (_, loans) in found.items() if (dimension, metric) == ("stage", "balance")) == len(DPDS)  # fmt: skip # noqa: E501


def test_non_performing_is_substandard_and_worse() -> None:
    found = figures(portfolio_quality(state(LOANS), AS_OF))
    assert found["five_category", "non_performing", "balance"] == (700.0, 7)
    assert found["five_category", "non_performing", "balance_share"] == (pytest.approx(7 / 15), 7)


def test_provisions_by_the_2002_guideline() -> None:
    found = figures(portfolio_quality(state(LOANS), AS_OF))
    metric = "required_yinfa_2002_98"
    # 1 % of 1,500; 2 % of 700; 25 % of 400; 50 % of 200; 100 % of 100
    expected = {"general": 15, "pass": 0, "special_mention": 14, "substandard": 100, "doubtful": 100, "loss": 100}
    for member, value in expected.items():
        assert found["provision", member, metric][0] == pytest.approx(value), member
    assert found["provision", "total", metric] == (pytest.approx(329), 15)


def test_provisions_by_the_2012_table() -> None:
    rules = load_thresholds()
    second = rules.provisions.model_copy(update={"selected": "caijin_2012_20"})
    changed = rules.model_copy(update={"provisions": second})
    found = figures(portfolio_quality(state(LOANS), AS_OF, thresholds=changed))
    # 1.5 % of 100; 3 % of 700; 30 % of 400; 60 % of 200; 100 % of 100
    assert found["provision", "total", "required_caijin_2012_20"][0] == pytest.approx(1.5 + 21 + 120 + 120 + 100)


def test_roll_rates_weigh_by_the_balance_then_and_sum_to_one() -> None:
    before = state([("a", 300, 0), ("b", 100, 0), ("c", 100, 10), ("d", 100, 40), ("gone", 100, 40), ("x", 0, 0)])
    now = state([("a", 250, 0), ("b", 100, 5), ("c", 100, 41), ("d", 0, 0), ("x", 0, 0), ("new", 900, 0)])
    found = figures(portfolio_quality(now, AS_OF, before))
    rolls = {member: value for (dimension, member, _), value in found.items() if dimension == "roll_rate"}
    assert rolls == {"C->C": (0.75, 1), "C->M1": (0.25, 1), "M1->M2": (1.0, 1), "M2->closed": (1.0, 2)}
    per_bucket = pd.Series({member: value for member, (value, _) in rolls.items()})
    assert per_bucket.groupby(per_bucket.index.str.split("->").str[0]).sum().tolist() == [1.0, 1.0, 1.0]


def test_no_previous_month_no_roll_rates() -> None:
    assert not any(key[0] in ("roll_rate", "drift") for key in figures(portfolio_quality(state(LOANS), AS_OF)))


def test_vintages_count_only_loans_watched_for_the_whole_age() -> None:
    # Originated on 15 January 2025: at 30 June they were watched for 5 months: age 3 counts, age 6 does not.
    young = state([("a", 1, 0), ("b", 1, 0), ("c", 1, 0), ("d", 1, None)], "2025-01-15", {"a": "2025-04-15", "b": "2025-04-16"})  # fmt: skip # noqa: E501
    # Originated on 1 August 2024: ages 3 and 6 count; one default on the last day of the sixth month, one after.
    old = state([("e", 1, 0), ("f", 1, 0), ("g", 1, 0), ("h", 1, 0)], "2024-08-01", {"e": "2025-02-01", "f": "2025-02-02"})  # fmt: skip # noqa: E501
    found = figures(portfolio_quality(pd.concat([young, old]), AS_OF))
    vintages = {member: value for (dimension, member, _), value in found.items() if dimension == "vintage"}
    assert vintages == {"2025Q1@03": (pytest.approx(1 / 3), 3), "2024Q3@03": (0.0, 4), "2024Q3@06": (0.25, 4)}


def test_drift_rows() -> None:
    drift = pd.DataFrame({"member": ["score"], "psi": [0.2], "p_value": [0.01], "customers": [50]})
    found = figures(portfolio_quality(state(LOANS), AS_OF, drift=drift))
    assert found["drift", "score", "psi"] == (0.2, 50)
    assert found["drift", "score", "p_value"] == (0.01, 50)


def test_moves_between_tiers_have_a_row_each() -> None:
    moves = pd.DataFrame({"before": ["A", "A", "new"], "now": ["A", "B", "C"], "customers": [9, 1, 5]})
    found = figures(portfolio_quality(state(LOANS), AS_OF, migration=moves.assign(share=[0.9, 0.1, 1.0])))
    rows = {key[1:]: value for key, value in found.items() if key[0] == "tier_migration"}
    assert rows == {
        ("A->A", "customers_share"): (0.9, 9),
        ("A->B", "customers_share"): (0.1, 1),
        ("new->C", "customers_share"): (1.0, 5),
    }


def test_an_empty_book_has_every_band_at_zero() -> None:
    found = figures(portfolio_quality(state(LOANS).iloc[:0], AS_OF, state(LOANS).iloc[:0]))
    assert found["bucket", "M6+", "balance"] == (0.0, 0)
    assert found["bucket", "C", "balance_share"] == (0.0, 0)
    assert found["provision", "total", "required_yinfa_2002_98"] == (0.0, 0)
    assert all(value == 0 and loans == 0 for value, loans in found.values())


def test_row_order_changes_nothing() -> None:
    loans = state(LOANS)
    assert portfolio_quality(loans, AS_OF, loans).equals(portfolio_quality(loans[::-1], AS_OF, loans[::-1]))


def test_band_codes_at_every_edge() -> None:
    buckets = load_thresholds().buckets
    codes = band_codes(pd.Series([0, 1, 30, 31, 90, 91, 120, 121, 150, 151, 180, 181, 5000], dtype="Int64"), buckets)
    assert codes.tolist() == ["C", "M1", "M1", "M2", "M3", "M4", "M4", "M5", "M5", "M6", "M6", "M6+", "M6+"]
