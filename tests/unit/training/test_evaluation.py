"""Figures of the test slice against scikit-learn, SciPy and a plain bootstrap by customer."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from unit.training.panels import panel_of

from tierline.training.evaluation import evaluate, logistic_floor, reliability_rows
from tierline.training.panel import TEST


def test_evaluation_is_of_the_test_slice_only() -> None:
    panel = panel_of(600, seed=6)
    test = panel.rows(TEST)
    y = panel.y[test]
    pd_12m = np.clip(np.random.default_rng(0).random(len(y)) * 0.3 + 0.3 * y, 0.01, 0.9)
    figures = evaluate(panel, pd_12m, seed=1).metrics
    assert figures["test_rows"] == test.sum()
    assert figures["test_defaults"] == y.sum()
    assert figures["gini"] == pytest.approx(2 * roc_auc_score(y, pd_12m) - 1)
    assert figures["ks"] == pytest.approx(ks_2samp(pd_12m[y], pd_12m[~y]).statistic)
    assert figures["log_loss"] == pytest.approx(log_loss(y, pd_12m))
    assert figures["brier"] == pytest.approx(brier_score_loss(y, pd_12m))
    assert figures["mean_pd"] == pytest.approx(pd_12m.mean())


def test_unseen_customers_are_those_without_a_learning_row() -> None:
    panel = panel_of(600, seed=7)
    keys = np.array(panel.keys["customer_key"].to_pylist())
    test = panel.rows(TEST)
    seen = set(keys[~test])
    expected = [key for key in keys[test] if key not in seen]
    assert 0 < len(expected) < test.sum()
    pd_12m = np.linspace(0.01, 0.5, int(test.sum()))
    figures = evaluate(panel, pd_12m, seed=1).metrics
    unseen = np.array([key not in seen for key in keys[test]])
    assert figures["unseen_rows"] == len(expected)
    gini = 2 * roc_auc_score(panel.y[test][unseen], pd_12m[unseen]) - 1
    assert figures["unseen_gini"] == pytest.approx(gini)


def test_intervals_are_by_customer() -> None:
    """Against drawing customers with all their rows; each has its rows twice, so drawing rows would be too narrow."""
    panel = panel_of(600, seed=6, customers=60)
    test = panel.rows(TEST)
    rng = np.random.default_rng(1)
    y, who = panel.y[test], panel.customers[test].astype(str)
    pd_12m = np.clip(0.1 + 0.2 * y + rng.normal(0, 0.2, len(y)), 0.01, 0.9)
    found = evaluate(panel, pd_12m, seed=1).intervals
    names = np.unique(who)
    rows_of = {name: np.flatnonzero(who == name) for name in names}
    draws = []
    for _ in range(400):
        rows = np.concatenate([rows_of[name] for name in rng.choice(names, len(names))])
        draws.append((roc_auc_score(y[rows], pd_12m[rows]), brier_score_loss(y[rows], pd_12m[rows])))
    for name, column in (("auc", 0), ("brier", 1)):
        low, high = np.percentile(np.array(draws)[:, column], [2.5, 97.5])
        assert found[name] == (pytest.approx(low, abs=0.2 * (high - low)), pytest.approx(high, abs=0.2 * (high - low)))


def test_a_figure_that_the_rows_cannot_give_is_absent() -> None:
    """All customers of the test are known, and the PD separates the outcomes."""
    panel = panel_of(600, seed=7)
    panel = replace(panel, keys=panel.keys.set_column(0, "customer_key", [["one"] * 300 + ["two"] * 300]))
    test = panel.rows(TEST)
    judged = evaluate(panel, np.where(panel.y[test], 0.6, 0.1), seed=1)
    assert judged.metrics["auc"] == 1
    assert judged.metrics["unseen_rows"] == 0
    assert "unseen_gini" not in judged.metrics
    assert "calibration_slope" not in judged.metrics
    assert all(math.isfinite(value) for value in judged.metrics.values())


def test_the_logistic_floor_sees_no_test_label() -> None:
    panel = panel_of(900, seed=8)
    floor = logistic_floor(panel, seed=1)
    assert floor.metrics["logistic_auc"] > 0.75
    low, high = floor.intervals["logistic_auc"]
    assert low < floor.metrics["logistic_auc"] < high
    flipped = np.where(panel.rows(TEST), ~panel.y, panel.y)
    again = logistic_floor(replace(panel, y=flipped), 1)
    assert again.metrics["logistic_auc"] == pytest.approx(1 - floor.metrics["logistic_auc"])


def test_without_tiers_tenths_of_the_rows_are_judged() -> None:
    panel = panel_of(900, seed=8)
    test = panel.rows(TEST)
    pd_12m = np.linspace(0.01, 0.5, int(test.sum()))
    tenths = np.array_split(panel.y[test], 10)
    rows = [r for r in reliability_rows(panel, pd_12m, {}) if r["grouping"] == "tier"]
    assert [row["rows"] for row in rows] == pytest.approx([len(tenth) for tenth in tenths], abs=1)
    assert sum(int(str(row["defaults"])) for row in rows) == panel.y[test].sum()


def test_tiers_are_closed_above() -> None:
    panel = panel_of(300, seed=8)
    count = int(panel.rows(TEST).sum())
    pd_12m = np.repeat([0.1, 0.2, 0.3], [count - 20, 10, 10])
    rows = reliability_rows(panel, pd_12m, {"A": 0.1, "B": 0.25})
    found = {row["tier"]: row["rows"] for row in rows if row["grouping"] == "tier"}
    assert found == {"A": count - 20, "B": 10, "above": 10}
