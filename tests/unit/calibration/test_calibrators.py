"""Each calibrator against scikit-learn, SciPy or figures computed by hand; bad rows are refused in one line."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from unit.calibration.samples import sample

from tierline.calibration import (
    BetaCalibrator,
    Calibrator,
    IsotonicCalibrator,
    PlattCalibrator,
    ShiftCalibrator,
    fit_beta,
    fit_isotonic,
    fit_platt,
    fit_shift,
)
from tierline.calibration.calibrators import FITS
from tierline.calibration.logit import fit_columns, fit_logit
from tierline.errors import TierlineError

FIT = pytest.mark.parametrize("fit", FITS.values(), ids=FITS.keys())


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
    pd_12m = fit_platt(margin, bad).predict(margin)
    assert pd_12m.mean() == pytest.approx(bad.mean(), rel=1e-10)  # first-order condition of the intercept
    assert (np.argsort(pd_12m, kind="stable") == np.argsort(margin, kind="stable")).all()


def test_platt_undoes_a_known_distortion() -> None:
    true = logit(np.linspace(0.01, 0.5, 5_000))
    bad = np.random.default_rng(9).random(len(true)) < expit(true)
    fitted = fit_platt((true + 2) / 3, bad)
    assert (fitted.slope, fitted.intercept) == (pytest.approx(3, rel=0.1), pytest.approx(-2, rel=0.1))


def test_two_columns_are_fitted_as_scikit_learn_fits_them() -> None:
    rng = np.random.default_rng(2)
    columns = np.stack([rng.normal(5, 2, 2_000), rng.normal(-1, 0.1, 2_000)])
    bad = rng.random(2_000) < expit(0.5 * columns[0] + 4 * columns[1] - 1)
    weight = rng.integers(0, 4, 2_000).astype(float)
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(columns.T, bad, weight)
    found = fit_columns(columns, bad, weight)
    assert found[:2] == pytest.approx(peer.coef_[0], rel=1e-4)
    assert found[2] == pytest.approx(peer.intercept_[0], rel=1e-4)


@pytest.mark.parametrize("seed", [13814, 16603, 16675])
def test_a_far_outlier_does_not_throw_the_fit_off(seed: int) -> None:
    """Seeds with which a full Newton step overshoots. At the maximum the residuals sum to 0, plain and times x."""
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(6, 40))
    x = np.sign(rng.standard_cauchy(rows)) * np.abs(rng.standard_cauchy(rows)) ** 1.5
    bad = rng.random(rows) < 0.3
    slope, intercept = fit_logit(x, bad)
    residual = expit(slope * x + intercept) - bad
    assert residual.sum() == pytest.approx(0, abs=1e-8)
    assert (residual * x).sum() == pytest.approx(0, abs=1e-8 * np.abs(x).max())


def test_the_shift_by_hand() -> None:
    """Two rows of odds 1 and 1/3, one default in two: with odds k and k/3, k/(1+k) + k/(3+k) = 1 gives k = √3."""
    fitted = fit_shift([0.0, -np.log(3)], [True, False])
    assert fitted.shift == pytest.approx(np.log(3) / 2, abs=1e-12)
    assert fitted.predict(np.array([0.0]))[0] == pytest.approx(np.sqrt(3) / (1 + np.sqrt(3)))


def bounded_beta_loss(margin: np.ndarray, bad: np.ndarray) -> float:
    """Least mean log-loss over a, b ≥ 0 and c, found by SciPy's bounded quasi-Newton."""
    p, sign = expit(margin), np.where(bad, 1.0, -1.0)

    def loss(at: np.ndarray) -> float:
        return float(-log_expit(sign * (at[0] * np.log(p) - at[1] * np.log1p(-p) + at[2])).mean())

    found = minimize(
        loss,
        [1.0, 1.0, 0.0],
        method="L-BFGS-B",
        bounds=[(0, None), (0, None), (None, None)],
        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 5_000},
    )
    return float(found.fun)


@pytest.mark.parametrize(
    ("a", "b", "c"),
    [(1.0, 1.0, 0.0), (0.6, 2.0, 0.3), (1.5, 0.0, 0.0), (0.0, 1.5, -1.0), (2.0, -0.4, 0), (-0.2, 2, -1)],
)
def test_beta_has_the_least_loss_under_its_bounds(a: float, b: float, c: float) -> None:
    """Truths inside, on and beyond the bounds; where the truth is beyond, a coefficient ends at 0 or close to it."""
    rng = np.random.default_rng(11)
    margin = rng.normal(-0.5, 1.5, 6_000)
    p = expit(margin)
    bad = rng.random(len(p)) < expit(a * np.log(p) - b * np.log1p(-p) + c)
    fitted = fit_beta(margin, bad)
    assert min(fitted.a, fitted.b) >= 0
    own = -np.log(np.where(bad, fitted.predict(margin), 1 - fitted.predict(margin))).mean()
    assert own == pytest.approx(bounded_beta_loss(margin, bad), abs=1e-8)
    if min(a, b) > 0:
        assert (fitted.a, fitted.b, fitted.c) == (
            pytest.approx(a, abs=0.2),
            pytest.approx(b, abs=0.2),
            pytest.approx(c, abs=0.2),
        )


def test_beta_with_equal_coefficients_is_platt() -> None:
    margin = np.linspace(-30, 30, 200)
    same = PlattCalibrator(slope=1.7, intercept=-0.4).predict(margin)
    assert BetaCalibrator(a=1.7, b=1.7, c=-0.4).predict(margin) == pytest.approx(same, rel=1e-12)


@pytest.mark.parametrize("decimals", [0, 1])
def test_isotonic_is_scikit_learns_with_jeffreys_rates_of_its_blocks(decimals: int) -> None:
    """Blocks are the runs of equal prediction; between blocks both are straight lines from end to start."""
    margin, bad = sample(3_000, 1.3, 1.0, seed=3)
    margin = np.clip(np.round(margin, decimals), -6, -1)  # no tail of one row
    order = np.argsort(margin, kind="stable")
    x, y = margin[order], bad[order]
    peer = IsotonicRegression(out_of_bounds="clip").fit(x, y.astype(float))
    level, expected, start = peer.predict(x), np.empty(len(x)), 0
    for _, run in groupby(level):
        stop = start + len(list(run))
        expected[start:stop] = (y[start:stop].sum() + 0.5) / (stop - start + 1)
        start = stop
    assert (np.diff(expected) >= 0).all()  # so that no block had to be pooled
    fitted = fit_isotonic(margin, bad)
    assert fitted.predict(x) == pytest.approx(expected, rel=1e-12)
    between = (x[1:] + x[:-1]) / 2
    assert fitted.predict(between) == pytest.approx((expected[1:] + expected[:-1]) / 2, rel=1e-9)
    assert fitted.predict(np.array([-99.0, 99.0])) == pytest.approx(expected[[0, -1]])
    assert len(fitted.margins) <= 2 * len(set(level))


def test_isotonic_pools_blocks_that_smoothing_turns_round() -> None:
    """No default in 1 row at margin 0, 1 in 99 at margin 1: smoothed 1/4 and 1.5/100, so they are one block."""
    margin = np.repeat([0.0, 1.0, 2.0], [1, 99, 2])
    bad = np.concatenate([[False], [True], [False] * 98, [True, True]])
    fitted = fit_isotonic(margin, bad)
    assert fitted.margins == (0.0, 1.0, 2.0)
    assert fitted.rates == pytest.approx((1.5 / 101, 1.5 / 101, 2.5 / 3))


def test_isotonic_never_gives_zero_or_one_and_hardly_moves_the_mean() -> None:
    margin, bad = sample(5_000, 2.5, 2.0, seed=4)
    pd_12m = fit_isotonic(margin, bad).predict(margin)
    assert 0 < pd_12m.min() < 0.001
    assert pd_12m.max() < 1
    assert pd_12m.mean() == pytest.approx(bad.mean(), rel=0.02)


@pytest.mark.parametrize(
    ("margins", "rates"),
    [
        ((0.0, 1.0), (0.1, 0.05)),
        ((1.0, 1.0), (0.1, 0.2)),
        ((0.0, 1.0), (0.0, 0.2)),
        ((0.0, 1.0), (0.1,)),
        ((0.0,), (0.1,)),
    ],
)
def test_knots_that_fall_or_touch_the_ends_are_refused(margins: tuple[float, ...], rates: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        IsotonicCalibrator(margins=margins, rates=rates)


@FIT
def test_a_weight_counts_rows(fit) -> None:
    margin, bad = sample(600, 1.0, 1.0, 12)
    weight = np.random.default_rng(0).integers(0, 4, 600)
    repeated = fit(np.repeat(margin, weight), np.repeat(bad, weight), None)
    weighed = fit(margin, bad, weight.astype(float))
    assert weighed.predict(margin) == pytest.approx(repeated.predict(margin), rel=1e-7)


@FIT
def test_json_brings_back_the_same_calibrator_bit_for_bit(fit) -> None:
    margin, bad = sample(2_000, 1.1, 0.3, 13)
    fitted, union = fit(margin, bad, None), TypeAdapter(Calibrator)
    again = union.validate_json(union.dump_json(fitted))
    assert again == fitted
    assert type(again) is type(fitted)
    assert np.array_equal(again.predict(margin), fitted.predict(margin))


def test_the_kind_tells_the_calibrators_apart() -> None:
    assert TypeAdapter(Calibrator).validate_python({"kind": "shift", "shift": 0.5}) == ShiftCalibrator(shift=0.5)
    with pytest.raises(ValidationError):
        TypeAdapter(Calibrator).validate_python({"kind": "spline", "shift": 0.5})
    with pytest.raises(ValidationError):
        TypeAdapter(Calibrator).validate_json('{"kind": "shift", "shift": NaN}')


@FIT
@pytest.mark.parametrize("outcome", [True, False])
def test_one_class_cannot_be_calibrated(fit, outcome: bool) -> None:
    with pytest.raises(TierlineError, match="needs defaults and non-defaults"):
        fit(np.array([-1.0, 0.0, 1.0]), np.full(3, outcome), None)


@FIT
def test_one_class_after_weights_cannot_be_calibrated(fit) -> None:
    with pytest.raises(TierlineError, match="needs defaults and non-defaults"):
        fit(np.array([-1.0, 0.0, 1.0]), np.array([False, True, True]), np.array([1.0, 0.0, 0.0]))


@FIT
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_margins_that_are_not_finite_are_refused(fit, value: float) -> None:
    margin, bad = sample(50, 1.0, 2.0, 1)
    margin[7] = value
    with pytest.raises(TierlineError, match="1 of 50 margins are NaN or infinite"):
        fit(margin, bad, None)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_prediction_is_refused_for_margins_that_are_not_finite(value: float) -> None:
    for calibrator in (
        ShiftCalibrator(shift=0),
        PlattCalibrator(slope=1, intercept=0),
        BetaCalibrator(a=1, b=0, c=0),
        IsotonicCalibrator(margins=(0, 1), rates=(0.1, 0.2)),
    ):
        with pytest.raises(TierlineError, match="1 of 2 margins"):
            calibrator.predict(np.array([0.0, value]))


@pytest.mark.parametrize(
    ("outcome", "weight", "message"),
    [
        ([0, 1, 2], None, "neither 0 nor 1"),
        ([0, 1], None, "3 margins, 2 outcomes"),
        ([0, 1, 1], [1, -1, 1], "negative"),
        ([0, 1, 1], [1, np.nan, 1], "not finite"),
    ],
)
def test_bad_outcomes_and_weights_are_told(outcome: list[int], weight: list[float] | None, message: str) -> None:
    with pytest.raises(TierlineError, match=message):
        fit_shift([0.0, 1.0, 2.0], outcome, weight)


@pytest.mark.parametrize("fit", [fit_platt, fit_beta])
def test_a_score_that_ranks_backwards_is_refused(fit) -> None:
    margin, bad = sample(2_000, 1.0, 1.0, 6)
    with pytest.raises(TierlineError, match="backwards"):
        fit(-margin, bad)


def test_an_exactly_backwards_score_leaves_isotonic_one_block() -> None:
    with pytest.raises(TierlineError, match="backwards"):
        fit_isotonic([0.0, 1.0, 2.0, 3.0], [True, True, False, False])


@pytest.mark.parametrize("fit", [fit_platt, fit_beta])
@pytest.mark.parametrize("margin", [[0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 1.0, 2.0], [1.0] * 4])
def test_classes_that_the_score_separates_have_no_finite_line(fit, margin: list[float]) -> None:
    with pytest.raises(TierlineError, match="no line can be fitted"):
        fit(margin, [False, False, True, True])
