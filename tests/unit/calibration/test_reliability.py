"""Reliability against figures computed by hand, as a summary and as a table of groups."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from unit.calibration.samples import sample

from tierline.calibration import (
    binomial_p,
    effective_rows,
    jeffreys_interval,
    jeffreys_p,
    quarter_labels,
    reliability,
    reliability_table,
)
from tierline.errors import TierlineError


def test_brier_and_ece_by_hand() -> None:
    """Two bins of two: (0.1, 0.3 | good, bad) and (0.5, 0.9 | good, bad).

    Brier = (0.01 + 0.49 + 0.25 + 0.01) / 4; ECE = 1/2 · |0.5 − 0.2| + 1/2 · |0.5 − 0.7|.
    """
    fit = reliability(np.array([0.9, 0.1, 0.5, 0.3]), np.array([True, False, False, True]), bins=2)
    assert fit.brier == pytest.approx(0.76 / 4)
    assert fit.ece == pytest.approx(0.25)
    assert [(b.rows, round(b.predicted, 12), b.observed) for b in fit.bins] == [(2, 0.2, 0.5), (2, 0.7, 0.5)]


def test_bins_hold_every_row_once_and_rise() -> None:
    margin, bad = sample(1_003, 1.0, 0.0, 7)
    fit = reliability(expit(margin), bad)
    assert [b.rows for b in fit.bins] == [101, 101, 101, 100, 100, 100, 100, 100, 100, 100]
    assert [b.predicted for b in fit.bins] == sorted(b.predicted for b in fit.bins)
    assert sum(b.rows * b.observed for b in fit.bins) == pytest.approx(bad.sum())


def test_cox_slope_and_intercept_undo_a_known_distortion() -> None:
    """True PD = sigmoid(2·x + 1) predicted as sigmoid(x): slope 2 and intercept 1, up to sampling."""
    rng = np.random.default_rng(8)
    x = rng.normal(-1.5, 1, 60_000)
    fit = reliability(expit(x), rng.random(len(x)) < expit(2 * x + 1))
    assert (fit.slope, fit.intercept) == (pytest.approx(2, abs=0.06), pytest.approx(1, abs=0.06))
    true = reliability(expit(x), rng.random(len(x)) < expit(x))
    assert (true.slope, true.intercept) == (pytest.approx(1, abs=0.05), pytest.approx(0, abs=0.07))


def test_certain_predictions_do_not_break_the_cox_line() -> None:
    fit = reliability(np.array([0.0, 1.0, 0.4, 0.6, 0.5, 0.5]), np.array([False, True, True, False, True, False]))
    assert np.isfinite([fit.slope, fit.intercept]).all()


@pytest.mark.parametrize("bad", [[False] * 4, [False, False, True, True]])
def test_there_is_no_line_through_one_class_or_separated_classes(bad: list[bool]) -> None:
    fit = reliability(np.array([0.2, 0.3, 0.4, 0.5]), np.array(bad))
    assert np.isnan([fit.slope, fit.intercept]).all()


def book(rows: int = 6_000) -> dict[str, np.ndarray]:
    """Rows in two tiers by PD and three quarters; each customer has three equal rows."""
    margin, bad = (np.repeat(value, 3) for value in sample(rows // 3, 1.0, 0.3, 10))
    days = np.array(["2025-02-28", "2025-06-30", "2025-07-01"], dtype="datetime64[D]")
    return {
        "pd_12m": expit(margin),
        "bad": bad,
        "customer": np.arange(rows) // 3,
        "tier": np.where(margin < -3, "A", "B"),
        "quarter": quarter_labels(days[np.arange(rows) * 3 // rows]),
    }


def table_of(rows: dict[str, np.ndarray]) -> list[dict]:
    labels = {"tier": rows["tier"], "quarter": rows["quarter"]}
    return reliability_table(rows["pd_12m"], rows["bad"], rows["customer"], labels).to_pylist()


def test_quarters_are_named_by_year() -> None:
    days = ["1969-12-31", "2024-12-31", "2025-01-01", "2025-03-31", "2025-04-01"]
    assert quarter_labels(days).tolist() == ["1969Q4", "2024Q4", "2025Q1", "2025Q1", "2025Q2"]


def test_the_table_has_every_group_and_each_grouping_holds_every_row() -> None:
    found = table_of(book())
    keys = [(row["grouping"], row["tier"], row["quarter"]) for row in found]
    quarters = ("2025Q1", "2025Q2", "2025Q3")
    assert keys == [
        ("all", None, None),
        ("tier", "A", None),
        ("tier", "B", None),
        *[("quarter", None, quarter) for quarter in quarters],
        *[("tier x quarter", tier, quarter) for tier in "AB" for quarter in quarters],
    ]
    for grouping in ("all", "tier", "quarter", "tier x quarter"):
        part = [row for row in found if row["grouping"] == grouping]
        assert sum(row["rows"] for row in part) == 6_000
        assert sum(row["defaults"] for row in part) == book()["bad"].sum()


def test_a_row_of_the_table_is_what_the_functions_say_of_its_rows() -> None:
    rows = book()
    here = (rows["tier"] == "B") & (rows["quarter"] == "2025Q2")
    p, bad, who = rows["pd_12m"][here], rows["bad"][here], rows["customer"][here]
    (found,) = [row for row in table_of(rows) if (row["tier"], row["quarter"]) == ("B", "2025Q2")]
    worth, fit = effective_rows(bad, who), reliability(p, bad)
    assert worth.design_effect == pytest.approx(3, rel=0.01)
    assert (found["rows"], found["defaults"], found["customers"]) == (here.sum(), bad.sum(), len(set(who)))
    assert (found["mean_pd"], found["observed"]) == (pytest.approx(p.mean()), pytest.approx(bad.mean()))
    assert found["jeffreys_p"] == pytest.approx(float(jeffreys_p(bad.sum(), len(bad), p.mean())))
    assert found["jeffreys_p_overlap"] == pytest.approx(float(jeffreys_p(worth.defaults, worth.rows, p.mean())))
    assert found["binomial_p"] == pytest.approx(float(binomial_p(bad.sum(), len(bad), p.mean())))
    assert [found["low"], found["high"]] == pytest.approx(np.array(jeffreys_interval(worth.defaults, worth.rows)))
    assert (found["slope"], found["intercept"]) == (pytest.approx(fit.slope), pytest.approx(fit.intercept))
    assert (found["ece"], found["brier"]) == (pytest.approx(fit.ece), pytest.approx(fit.brier))


def test_a_group_without_a_default_has_no_line_and_still_an_interval() -> None:
    table = reliability_table([0.01, 0.02, 0.03], [0, 0, 0], ["x", "y", "z"], {"tier": ["A", "A", "B"]})
    found = table.to_pylist()[1]
    assert (found["tier"], found["slope"], found["intercept"]) == ("A", None, None)
    assert found["observed"] == 0
    assert 0 < found["high"] < 1


def test_the_order_of_rows_does_not_change_the_table() -> None:
    rows = book(900)
    turned = np.random.default_rng(1).permutation(900)
    for one, other in zip(table_of(rows), table_of({name: value[turned] for name, value in rows.items()}), strict=True):
        assert other == pytest.approx(one)


@pytest.mark.parametrize("labels", [{"tier": ["A"]}, {"tier": ["A", "B", "C"]}])
def test_labels_must_match_rows(labels: dict[str, list[str]]) -> None:
    with pytest.raises(TierlineError, match="one entry per row"):
        reliability_table([0.1, 0.2], [0, 1], [1, 2], labels)
    with pytest.raises(TierlineError, match="one entry per row"):
        reliability_table([], [], [], {})


@pytest.mark.parametrize("pd_12m", [float("nan"), -0.1, 1.1])
def test_a_pd_must_be_one(pd_12m: float) -> None:
    with pytest.raises(TierlineError, match="between 0 and 1"):
        reliability_table([0.1, pd_12m], [0, 1], [1, 2], {})
