"""Weighted figures against scikit-learn and by hand, and the bootstrap that uses them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import ks_2samp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from unit.calibration.samples import sample

from tierline.calibration import block_bootstrap, figures, metrics, reliability
from tierline.calibration.metrics import cox
from tierline.errors import TierlineError

ROWS = 1_500


def scored(seed: int, ties: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    margin, bad = sample(ROWS, 1.0, 0.5, seed)
    weight = np.random.default_rng(seed).integers(0, 4, ROWS).astype(float)
    return expit(np.round(margin, 1) if ties else margin), bad, weight


@pytest.mark.parametrize("ties", [True, False])
def test_weighted_figures_are_those_of_scikit_learn(ties: bool) -> None:
    pd_12m, bad, weight = scored(1, ties)
    found = figures(pd_12m, bad, weight)
    assert found == {name: getattr(metrics, name)(pd_12m, bad, weight) for name in found}
    assert found["auc"] == pytest.approx(roc_auc_score(bad, pd_12m, sample_weight=weight))
    assert found["gini"] == pytest.approx(2 * found["auc"] - 1)
    assert found["log_loss"] == pytest.approx(log_loss(bad, pd_12m, sample_weight=weight))
    assert found["brier"] == pytest.approx(brier_score_loss(bad, pd_12m, sample_weight=weight))
    line = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(logit(pd_12m)[:, None], bad, weight)
    assert found["slope"] == pytest.approx(line.coef_[0, 0], rel=1e-4)
    assert found["intercept"] == pytest.approx(line.intercept_[0], abs=1e-4)


def test_a_weight_is_a_number_of_rows() -> None:
    pd_12m, bad, weight = scored(2)
    often = np.repeat(np.arange(ROWS), weight.astype(int))
    assert metrics.ks(pd_12m, bad, weight) == pytest.approx(
        ks_2samp(pd_12m[often][bad[often]], pd_12m[often][~bad[often]], method="asymp").statistic
    )


def test_the_error_of_weighted_bins_by_hand() -> None:
    """Twenty rows, bins of two: weight 3 on the first bin (PD 0.1, one default of two), 1 on the nine exact ones."""
    pd_12m = np.repeat(np.r_[0.1, np.linspace(0.5, 0.9, 9)], 2)
    bad = np.tile([True, False], 10)
    weight = np.r_[3.0, 3.0, np.ones(18)]
    by_hand = (6 * 0.4 + 2 * np.abs(0.5 - np.linspace(0.5, 0.9, 9)).sum()) / 24
    assert metrics.ece(pd_12m, bad, weight) == pytest.approx(by_hand)


def test_the_summary_and_the_metrics_agree() -> None:
    pd_12m, bad, _ = scored(3)
    fit, one = reliability(pd_12m, bad), np.ones(ROWS)
    assert (fit.brier, fit.ece) == (metrics.brier(pd_12m, bad, one), pytest.approx(metrics.ece(pd_12m, bad, one)))
    assert (fit.slope, fit.intercept) == cox(pd_12m, bad, one)


@pytest.mark.parametrize("name", ["auc", "gini", "ks", "slope", "intercept"])
def test_one_class_has_no_figure(name: str) -> None:
    pd_12m, bad, weight = scored(4)
    assert np.isnan(getattr(metrics, name)(pd_12m, bad, weight * bad))
    assert np.isnan(getattr(metrics, name)(pd_12m, bad, 0 * weight))


@pytest.mark.parametrize("name", ["log_loss", "brier", "ece"])
def test_no_weight_has_no_figure(name: str) -> None:
    pd_12m, bad, weight = scored(4)
    assert np.isnan(getattr(metrics, name)(pd_12m, bad, 0 * weight))


def test_the_bootstrap_has_the_interval_of_a_mean_that_theory_knows() -> None:
    """Brier of PD 0 is the default rate; each customer has four equal rows, so its error is that of 500 rows."""

    def rate(p: np.ndarray, y: np.ndarray, weight: np.ndarray) -> dict[str, float]:
        return {"brier": metrics.brier(p, y, weight)}

    bad = np.repeat(np.random.default_rng(5).random(500) < 0.2, 4)
    found = block_bootstrap(
        np.zeros(2_000),
        bad,
        np.repeat(np.arange(500), 4),
        seed=1,
        metrics=rate,
        draws=2_000,
    )["brier"]
    error = np.sqrt(bad.mean() * (1 - bad.mean()) / 500)
    assert found.value == bad.mean()
    assert (found.low, found.high) == (
        pytest.approx(bad.mean() - 1.96 * error, abs=0.2 * error),
        pytest.approx(bad.mean() + 1.96 * error, abs=0.2 * error),
    )
    assert found.draws == 2_000


def test_customers_that_repeat_widen_the_interval() -> None:
    margin, bad = sample(400, 1.0, 1.0, 6)
    rows = np.repeat(np.arange(400), 9)
    widths = {}
    for name, customer in (("rows", np.arange(3_600)), ("customers", rows)):
        found = block_bootstrap(expit(margin)[rows], bad[rows], customer, seed=3, draws=200)
        widths[name] = {key: interval.high - interval.low for key, interval in found.items()}
    for name in ("auc", "log_loss", "brier", "slope", "intercept"):
        assert widths["customers"][name] / widths["rows"][name] == pytest.approx(3, rel=0.25), name  # √9


def test_a_draw_is_the_figure_of_the_rows_drawn() -> None:
    """One draw, its customers found again with the same generator and its rows really copied."""
    pd_12m, bad, _ = scored(7, ties=False)
    customer = np.arange(ROWS) % 100
    drawn = np.random.default_rng(9).integers(100, size=100)
    copied = np.concatenate([np.flatnonzero(customer == one) for one in drawn])
    found = block_bootstrap(pd_12m, bad, customer, seed=9, draws=1)
    assert found["auc"].low == found["auc"].high == pytest.approx(roc_auc_score(bad[copied], pd_12m[copied]))
    assert found["log_loss"].low == pytest.approx(log_loss(bad[copied], pd_12m[copied]))


def test_the_interval_does_not_depend_on_the_order_of_rows_or_on_names_of_the_same_order() -> None:
    pd_12m, bad, _ = scored(8)
    customer = np.arange(ROWS) // 3
    turned = np.random.default_rng(0).permutation(ROWS)
    first = block_bootstrap(pd_12m, bad, customer, seed=2, draws=20)
    names = np.array([f"{one:06d}" for one in customer])
    assert block_bootstrap(pd_12m[turned], bad[turned], names[turned], seed=2, draws=20) == first
    assert block_bootstrap(pd_12m, bad, customer, seed=3, draws=20) != first


def test_draws_without_a_default_are_left_out_and_counted() -> None:
    bad = np.arange(60) == 3
    found = block_bootstrap(np.linspace(0.01, 0.2, 60), bad, np.arange(60), seed=4, draws=300)
    assert 0 < found["auc"].draws < 300
    assert found["brier"].draws == 300
    none = block_bootstrap(np.linspace(0.01, 0.2, 60), np.zeros(60, dtype=bool), np.arange(60), seed=4, draws=5)
    assert none["auc"].draws == 0
    assert np.isnan([none["auc"].value, none["auc"].low, none["auc"].high]).all()


@pytest.mark.parametrize(
    ("rows", "draws", "pd_12m", "message"),
    [(0, 5, 0.1, "0 PDs"), (4, 0, 0.1, "0 draws"), (4, 5, np.nan, "4 of 4 PDs are not finite")],
)
def test_a_bootstrap_of_nothing_is_refused(rows: int, draws: int, pd_12m: float, message: str) -> None:
    with pytest.raises(TierlineError, match=message):
        block_bootstrap(np.full(rows, pd_12m), np.zeros(rows, bool), np.arange(rows), 1, draws=draws)
