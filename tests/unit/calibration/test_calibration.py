"""Platt scaling against scikit-learn, reliability against figures computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from tierline.calibration import PlattCalibrator, fit_platt, reliability
from tierline.calibration.platt import PD_FLOOR
from tierline.errors import TierlineError


def sample(rows: int, slope: float, intercept: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    margin = rng.normal(-3, 1.5, rows)
    return margin, rng.random(rows) < expit(slope * margin + intercept)


@pytest.mark.parametrize(("slope", "intercept", "shift"), [(1, 0, 0), (0.6, -1, 0), (2.5, 3, 0), (1.4, 0, -20)])
def test_platt_is_the_maximum_likelihood_line(slope: float, intercept: float, shift: float) -> None:
    """Margins far from zero make slope and intercept strongly correlated."""
    margin, bad = sample(4_000, slope, intercept, seed=1)
    margin = margin + shift
    fitted = fit_platt(margin, bad)
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(margin[:, None], bad)
    assert fitted.slope == pytest.approx(peer.coef_[0, 0], rel=1e-4)
    assert fitted.intercept == pytest.approx(peer.intercept_[0], rel=1e-4, abs=1e-4)


def test_platt_keeps_the_mean_and_the_ranking() -> None:
    margin, bad = sample(3_000, 0.7, 0.5, 5)
    pd_12m = fit_platt(margin, bad).model_copy(update={"floor": 0.0}).predict(margin)
    assert pd_12m.mean() == pytest.approx(bad.mean(), rel=1e-5)  # first-order condition of the intercept
    assert (np.argsort(pd_12m, kind="stable") == np.argsort(margin, kind="stable")).all()


def test_the_floor_keeps_the_best_customers_from_zero() -> None:
    predicted = PlattCalibrator(slope=1.0, intercept=0.0).predict(np.array([-50.0, 0.0, 50.0]))
    assert predicted.tolist() == [PD_FLOOR, 0.5, 1.0]


@pytest.mark.parametrize("outcome", [True, False])
def test_one_class_cannot_be_calibrated(outcome: bool) -> None:
    with pytest.raises(TierlineError, match="needs defaults and non-defaults"):
        fit_platt(np.array([-1.0, 0.0, 1.0]), np.full(3, outcome))


def test_a_score_that_ranks_backwards_is_refused() -> None:
    margin, bad = sample(2_000, 1.0, 1.0, 6)
    with pytest.raises(TierlineError, match="backwards"):
        fit_platt(-margin, bad)


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
    assert np.isnan(reliability(np.array([0.2, 0.3]), np.array([False, False])).slope)


def test_platt_undoes_a_known_distortion() -> None:
    true = logit(np.linspace(0.01, 0.5, 5_000))
    bad = np.random.default_rng(9).random(len(true)) < expit(true)
    fitted = fit_platt((true + 2) / 3, bad)
    assert (fitted.slope, fitted.intercept) == (pytest.approx(3, rel=0.1), pytest.approx(-2, rel=0.1))
