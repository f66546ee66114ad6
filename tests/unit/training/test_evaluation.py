"""Figures of merit against scikit-learn, SciPy and a plain bootstrap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import ks_2samp
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from unit.training.panels import panel_of

from tierline.training.evaluation import auc_interval, evaluate, ks, logistic_floor
from tierline.training.panel import TEST


def scored(rows: int, seed: int, digits: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Scores, rounded to make ties, and outcomes that follow them."""
    rng = np.random.default_rng(seed)
    score = expit(rng.normal(-2, 1.2, rows))
    bad = rng.random(rows) < score
    return (score if digits is None else np.round(score, digits)), bad


@pytest.mark.parametrize("digits", [None, 2, 1])
def test_auc_with_its_interval(digits: int | None) -> None:
    score, bad = scored(800, 1, digits)
    found = auc_interval(score, bad, seed=3)
    assert found.value == pytest.approx(roc_auc_score(bad, score), rel=1e-12)
    rng, draws = np.random.default_rng(99), []
    for _ in range(400):
        rows = rng.integers(len(bad), size=len(bad))
        draws.append(roc_auc_score(bad[rows], score[rows]))
    low, high = np.percentile(draws, [2.5, 97.5])
    assert (found.low, found.high) == (pytest.approx(low, abs=0.012), pytest.approx(high, abs=0.012))
    assert found.low < found.value < found.high


def test_one_bootstrap_draw_is_the_auc_of_the_drawn_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one draw, low and high are that draw: the weighted formula against scikit-learn on the repeated rows."""
    monkeypatch.setattr("tierline.training.evaluation.BOOTSTRAPS", 1)
    score, bad = scored(300, 2, 1)
    found = auc_interval(score, bad, seed=5)
    rows = np.argsort(score, kind="stable")[np.random.default_rng(5).integers(300, size=300)]
    assert found.low == found.high == pytest.approx(roc_auc_score(bad[rows], score[rows]), rel=1e-12)


def test_the_interval_is_the_same_every_time_and_does_not_depend_on_monotone_rescaling() -> None:
    score, bad = scored(300, 4)
    assert auc_interval(score, bad, 1) == auc_interval(score, bad, 1) == auc_interval(np.log(score), bad, 1)
    assert auc_interval(score, bad, 1) != auc_interval(score, bad, 2)


@pytest.mark.parametrize("digits", [None, 1])
def test_ks_is_the_two_sample_statistic(digits: int | None) -> None:
    score, bad = scored(500, 5, digits)
    assert ks(score, bad) == pytest.approx(ks_2samp(score[bad], score[~bad]).statistic, rel=1e-12)


def test_ks_by_hand() -> None:
    assert ks(np.array([0.1, 0.2, 0.3, 0.4]), np.array([False, True, False, True])) == 0.5
    assert ks(np.array([0.1, 0.2, 0.3, 0.4]), np.array([False, False, True, True])) == 1.0


def test_evaluation_is_of_the_test_slice_only() -> None:
    panel = panel_of(600, seed=6)
    test = panel.rows(TEST)
    y = panel.y[test]
    pd_12m = np.clip(np.random.default_rng(0).random(len(y)) * 0.3 + 0.3 * y, 0.01, 0.9)
    figures = evaluate(panel, pd_12m, seed=1)
    assert figures["test_rows"] == test.sum()
    assert figures["test_defaults"] == y.sum()
    assert figures["gini"] == pytest.approx(2 * roc_auc_score(y, pd_12m) - 1)
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
    figures = evaluate(panel, pd_12m, seed=1)
    unseen = np.array([key not in seen for key in keys[test]])
    assert figures["unseen_rows"] == len(expected)
    gini = 2 * roc_auc_score(panel.y[test][unseen], pd_12m[unseen]) - 1
    assert figures["unseen_gini"] == pytest.approx(gini)


def test_the_logistic_floor_sees_no_test_label() -> None:
    panel = panel_of(900, seed=8)
    floor = logistic_floor(panel, seed=1)
    assert floor["logistic_auc"] > 0.75
    assert floor["logistic_auc_low"] < floor["logistic_auc"] < floor["logistic_auc_high"]
    flipped = np.where(panel.rows(TEST), ~panel.y, panel.y)
    assert logistic_floor(replace(panel, y=flipped), 1)["logistic_auc"] == pytest.approx(1 - floor["logistic_auc"])
