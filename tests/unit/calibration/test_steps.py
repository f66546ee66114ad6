"""The steps after the calibrator: central tendency, overlay, floor and cap, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import expit, logit
from unit.calibration.samples import sample

from tierline.calibration import (
    PD_CAP,
    PD_FLOOR,
    Calibration,
    CentralTendency,
    MacroOverlay,
    PlattCalibrator,
    ShiftCalibrator,
    exact_tendency,
    fit_beta,
    fit_isotonic,
    load_overlay,
    prior_correction,
    solve_shift,
)
from tierline.errors import ConfigurationError, TierlineError

IDENTITY = ShiftCalibrator(shift=0.0)
DOUBLE = MacroOverlay(scenario="worse", shift=float(np.log(2)), source="by hand", status="own_choice")


def test_without_anything_else_the_pd_is_the_calibrators() -> None:
    margin = np.linspace(-6, 6, 50)
    platt = PlattCalibrator(slope=1.3, intercept=-0.2)
    plain = Calibration(calibrator=platt, floor=0.0)
    assert np.array_equal(plain.predict(margin), platt.predict(margin))
    assert plain.overlay == MacroOverlay(scenario="none", shift=0.0)
    assert '"scenario":"none"' in plain.model_dump_json()


def test_floor_and_cap_hold_what_no_score_can_justify() -> None:
    predicted = Calibration(calibrator=IDENTITY).predict(np.array([-50.0, 0.0, 50.0]))
    assert predicted.tolist() == [PD_FLOOR, 0.5, PD_CAP]
    assert 0 < PD_FLOOR < PD_CAP < 1


def test_the_prior_correction_by_hand() -> None:
    """From 1 in 2 observed to 1 in 5: odds 1 become 1/4, so PD 1/2 becomes 1/5 and PD 2/3 (odds 2) becomes 1/3."""
    tendency = prior_correction(0.2, 0.5)
    assert tendency.shift == pytest.approx(-np.log(4))
    both = Calibration(calibrator=IDENTITY, central_tendency=tendency)
    assert both.predict(np.array([0.0, np.log(2)])) == pytest.approx([1 / 5, 1 / 3])


def test_the_order_is_tendency_overlay_floor_cap() -> None:
    """Odds 1/4 after the tendency, 1/2 after the overlay; the floor is not shifted after it has lifted a PD."""
    whole = Calibration(calibrator=IDENTITY, central_tendency=prior_correction(0.2, 0.5), overlay=DOUBLE, floor=0.01)
    assert whole.predict(np.array([0.0, -20.0, 60.0])) == pytest.approx([1 / 3, 0.01, PD_CAP])


def test_an_overlay_can_be_taken_off_again() -> None:
    margin = np.linspace(-4, 1, 20)
    plain = Calibration(calibrator=IDENTITY, central_tendency=prior_correction(0.03, 0.04))
    worse = plain.with_overlay(DOUBLE)
    odds = [pd_12m / (1 - pd_12m) for pd_12m in (plain.predict(margin), worse.predict(margin))]
    assert odds[1] == pytest.approx(2 * odds[0], rel=1e-9)
    assert worse.without_overlay() == plain
    assert plain.overlay.scenario == "none"


def test_the_prior_correction_restores_a_population_from_a_sample_of_its_defaults() -> None:
    """All defaults, one in ten of the others: fitted on the sample and corrected, the population's mean PD is right."""
    margin, bad = sample(200_000, 1.0, 0.0, 1)
    kept = bad | (np.random.default_rng(2).random(len(bad)) < 0.1)
    level = Calibration(
        calibrator=PlattCalibrator(slope=1.0, intercept=float(np.log(10))),  # the true log-odds within the sample
        central_tendency=prior_correction(float(bad.mean()), float(bad[kept].mean())),
        floor=0.0,
    )
    assert level.predict(margin).mean() == pytest.approx(bad.mean(), rel=0.02)


@pytest.mark.parametrize("target", [1e-6, 0.01, 0.2, 0.999])
def test_the_exact_shift_gives_the_target_mean(target: float) -> None:
    pd_12m = expit(np.random.default_rng(3).normal(-3, 2, 5_000))
    shift = solve_shift(pd_12m, target)
    assert expit(logit(pd_12m) + shift).mean() == pytest.approx(target, rel=1e-11)


def test_the_exact_shift_of_one_pd_and_of_weights() -> None:
    assert solve_shift([0.2], 0.5) == pytest.approx(np.log(4), abs=1e-12)
    assert solve_shift([0.1, 0.1, 0.6], 0.3) == pytest.approx(solve_shift([0.1, 0.6], 0.3, [2, 1]), abs=1e-12)
    assert solve_shift([0.3, 0.1], 0.2) == pytest.approx(0, abs=1e-12)


def test_the_closed_form_misses_the_mean_of_a_mixed_book_and_the_exact_shift_does_not() -> None:
    margin, _ = sample(20_000, 1.0, 0.0, 4)
    pd_12m = expit(margin)
    observed = float(pd_12m.mean())
    figures = {}
    for tendency in (prior_correction(0.03, observed), exact_tendency(pd_12m, 0.03, observed)):
        corrected = Calibration(calibrator=IDENTITY, central_tendency=tendency, floor=0.0)
        figures[tendency.method] = corrected.predict(margin).mean()
    assert figures["exact_mean"] == pytest.approx(0.03, rel=1e-11)
    assert figures["prior"] != pytest.approx(0.03, rel=0.02)


@pytest.mark.parametrize("rates", [(0.0, 0.1), (0.1, 1.0), (3.0, 0.1), (float("nan"), 0.1)])
def test_rates_outside_zero_and_one_are_refused(rates: tuple[float, float]) -> None:
    with pytest.raises(TierlineError, match="strictly between 0 and 1"):
        prior_correction(*rates)
    with pytest.raises(TierlineError, match="strictly between 0 and 1"):
        exact_tendency([0.1, 0.2], *rates)


@pytest.mark.parametrize("pd_12m", [[0.0, 0.1], [0.1, 1.0], [], [float("nan")]])
def test_a_shift_cannot_be_found_for_certain_pds(pd_12m: list[float]) -> None:
    with pytest.raises(TierlineError, match="strictly between 0 and 1"):
        solve_shift(pd_12m, 0.1)


def test_a_prior_correction_cannot_carry_another_shift() -> None:
    with pytest.raises(ValidationError, match="follows from its two rates"):
        CentralTendency(long_run_rate=0.03, observed_rate=0.05, shift=0.0)


def test_the_scenarios_that_come_with_the_package() -> None:
    assert load_overlay("none") == MacroOverlay()
    assert load_overlay("base").shift == 0
    adverse = load_overlay("adverse")
    assert np.exp(adverse.shift) == pytest.approx(1.5, abs=1e-3)
    assert (adverse.scenario, adverse.status) == ("adverse", "own_choice")
    assert adverse.source
    with pytest.raises(ConfigurationError, match="no scenario severe: use one of none, adverse, base"):
        load_overlay("severe")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("severe: {shift: 25}", r"severe\.shift"),
        ("severe: {shift: .nan}", r"severe\.shift"),
        ("severe: {shift: 0.5, why: x}", r"severe\.why"),
        ("- severe", "mine.yaml: "),
        ("severe: [", "cannot be read as YAML"),
    ],
)
def test_a_file_of_scenarios_that_cannot_be_used_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        load_overlay("severe", path)


def test_scenarios_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("severe: {shift: 0.8, source: committee, status: own_choice, confidence: secondary}")
    assert load_overlay("severe", path).shift == 0.8
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_overlay("severe", tmp_path / "absent.yaml")


def test_no_scenario_has_no_shift() -> None:
    with pytest.raises(ValidationError, match="none has no shift"):
        MacroOverlay(shift=0.3)


@pytest.mark.parametrize("fit", [fit_beta, fit_isotonic])
def test_a_calibration_survives_json_bit_for_bit(fit) -> None:
    margin, bad = sample(3_000, 1.2, 0.4, 5)
    whole = Calibration(
        calibrator=fit(margin, bad),
        central_tendency=exact_tendency(expit(margin), 0.0371, float(bad.mean())),
        overlay=load_overlay("adverse"),
    )
    again = Calibration.model_validate_json(whole.model_dump_json())
    assert again == whole
    assert np.array_equal(again.predict(margin), whole.predict(margin))


def test_margins_that_are_not_finite_are_refused() -> None:
    with pytest.raises(TierlineError, match="1 of 2 margins"):
        Calibration(calibrator=IDENTITY).predict(np.array([0.0, np.nan]))
