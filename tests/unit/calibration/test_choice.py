"""The choice among calibrators: what each truth deserves, and what too few rows get."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from unit.calibration.samples import sample

from tierline.calibration import CalibratorChoice, ChoiceConfig, choose_calibrator, fit_platt, fit_shift
from tierline.calibration.choice import clustered_mean
from tierline.errors import TierlineError


def folds(rows: int, of: int = 5) -> np.ndarray:
    return np.arange(rows) % of


def kinds(choice: CalibratorChoice) -> dict[str, bool]:
    return {candidate.kind: candidate.eligible for candidate in choice.candidates}


def steps(margin: np.ndarray) -> np.ndarray:
    """A true PD in steps, which no smooth curve follows."""
    return np.select([margin < -3.5, margin < -2.5, margin < -1], [0.002, 0.15, 0.17], 0.6)


def test_a_level_error_alone_gets_a_shift() -> None:
    margin, bad = sample(20_000, 1.0, 0.7, 1)
    choice = choose_calibrator(margin, bad, folds(20_000), customer=np.arange(20_000))
    assert choice.calibrator.kind == "shift"
    assert choice.calibrator.shift == pytest.approx(0.7, abs=0.1)
    assert choice.chosen_because.startswith("shift: none more complex is better by more than 1 standard error")


def test_a_gain_within_one_standard_error_is_not_enough() -> None:
    margin, bad = sample(2_000, 0.95, 0.0, 116)
    customer = np.arange(2_000)
    careful = choose_calibrator(margin, bad, folds(2_000), customer=customer)
    platt = careful.candidates[1]
    assert 0 < platt.difference < platt.standard_error_of_difference_to_simplest
    assert careful.calibrator.kind == "shift"
    eager = choose_calibrator(margin, bad, folds(2_000), ChoiceConfig(standard_errors=0), customer=customer)
    assert eager.calibrator.kind != "shift"


def test_a_wrong_slope_gets_platt_fitted_on_all_rows() -> None:
    margin, bad = sample(20_000, 0.6, -0.5, 2)
    choice = choose_calibrator(margin, bad, folds(20_000), customer=np.arange(20_000))
    assert choice.calibrator == fit_platt(margin, bad)
    assert choice.chosen_because.startswith("platt: log-loss lower than shift's by")


def test_two_different_ends_get_beta() -> None:
    rng = np.random.default_rng(3)
    margin = rng.normal(0, 2, 30_000)
    p = expit(margin)
    bad = rng.random(len(p)) < expit(0.3 * np.log(p) - 2.0 * np.log1p(-p) - 2)
    assert choose_calibrator(margin, bad, folds(len(p))).calibrator.kind == "beta"


def test_steps_get_isotonic_only_with_enough_defaults() -> None:
    rng = np.random.default_rng(4)
    margin = rng.normal(-3, 1.5, 20_000)
    bad = rng.random(len(margin)) < steps(margin)
    assert choose_calibrator(margin, bad, folds(20_000)).calibrator.kind == "isotonic"
    few = choose_calibrator(margin, bad, folds(20_000), ChoiceConfig(isotonic_defaults=50_000))
    assert few.calibrator.kind != "isotonic"
    assert few.candidates[-1].why.startswith("needs 50000 defaults")


def test_the_held_out_loss_and_its_error_by_hand() -> None:
    """Platt against shift over two folds, each fitted by the public functions on the other fold."""
    margin, bad = sample(400, 0.5, 0.5, 5)
    fold, customer = folds(400, 2), np.arange(400) // 2 * 2 + folds(400, 2)
    loss = {}
    for name, fit in (("shift", fit_shift), ("platt", fit_platt)):
        loss[name] = np.empty(400)
        for one in (0, 1):
            p = fit(margin[fold != one], bad[fold != one]).predict(margin[fold == one])
            loss[name][fold == one] = -np.log(np.where(bad[fold == one], p, 1 - p))
    choice = choose_calibrator(margin, bad, fold, customer=customer)
    shift, platt = choice.candidates[:2]
    assert (shift.log_loss, platt.log_loss) == (
        pytest.approx(loss["shift"].mean()),
        pytest.approx(loss["platt"].mean()),
    )
    difference = loss["shift"] - loss["platt"]
    deviations = [(difference[customer == one] - difference.mean()).sum() for one in np.unique(customer)]
    count = len(deviations)
    error = np.sqrt(count / (count - 1) * np.square(deviations).sum()) / 400
    assert platt.compared_with == "shift"
    assert platt.difference == pytest.approx(difference.mean())
    assert platt.standard_error_of_difference_to_simplest == pytest.approx(error)


def test_the_clustered_error_is_the_usual_one_for_single_rows_and_grows_by_root_two_for_twins() -> None:
    value = np.random.default_rng(1).normal(size=500)
    mean, error = clustered_mean(value, np.arange(500))
    assert (mean, error) == (pytest.approx(value.mean()), pytest.approx(value.std(ddof=1) / np.sqrt(500)))
    assert clustered_mean(np.repeat(value, 2), np.repeat(np.arange(500), 2))[1] == pytest.approx(error)
    assert clustered_mean(value, np.zeros(500, dtype=np.int64))[1] == np.inf


def test_copies_of_rows_do_not_buy_a_more_complex_calibrator() -> None:
    """Twenty rows of each customer: as independent rows they would be proof of a slope, as customers they are not."""
    margin, bad = sample(150, 0.75, -0.3, 8)
    many, customer = np.repeat(np.arange(150), 20), np.repeat(np.arange(150), 20)
    honest = choose_calibrator(margin[many], bad[many], customer % 5, customer=customer)
    single = choose_calibrator(margin, bad, np.arange(150) % 5, ChoiceConfig(line_defaults=2), customer=np.arange(150))
    assert honest.calibrator.kind == single.calibrator.kind
    errors = [choice.candidates[1].standard_error_of_difference_to_simplest for choice in (honest, single)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-6)


def test_ten_rows_get_a_shift_and_say_why() -> None:
    margin = np.linspace(-4, 0, 10)
    bad = np.array([0, 0, 0, 0, 1, 0, 0, 0, 1, 0])
    choice = choose_calibrator(margin, bad, folds(10))
    assert choice.calibrator.kind == "shift"
    assert choice.calibrator.predict(margin).mean() == pytest.approx(0.2)
    assert kinds(choice) == {"shift": True, "platt": False, "beta": False, "isotonic": False}
    assert choice.candidates[1].why == "needs 20 defaults and as many non-defaults, there are 2 of the rarer"
    assert choice.chosen_because == "shift: no other was eligible"
    assert (choice.rows, choice.defaults) == (10, 2)


def test_a_single_default_cannot_be_cross_validated_but_still_gives_a_level() -> None:
    choice = choose_calibrator(np.linspace(-4, 0, 10), np.arange(10) == 9, folds(10))
    assert choice.calibrator.kind == "shift"
    assert not choice.candidates[0].eligible
    assert "no calibrator could be cross-validated" in choice.chosen_because


def test_few_rows_ranked_backwards_are_recorded_and_many_are_refused() -> None:
    margin = np.linspace(-4, 0, 10)
    choice = choose_calibrator(margin, margin < -3.2, folds(10))
    assert choice.chosen_because.endswith("the margins rank these few rows backwards (AUC 0.000)")
    many, bad = sample(2_000, 1.0, 1.0, 6)
    with pytest.raises(TierlineError, match="backwards"):
        choose_calibrator(-many, bad, folds(2_000))


def test_ranking_backwards_by_no_more_than_chance_is_recorded() -> None:
    """Of 100 ranks 25 defaults hold every fourth: AUC by hand (sum of ranks - 25·26/2) / (25·75), error 0.067."""
    margin, bad = np.arange(100) / 25.0 - 4, np.arange(100) % 4 == 0
    auc = (sum(range(1, 98, 4)) - 325) / (25 * 75)
    assert 0.5 - 2 * np.sqrt(101 / (12 * 25 * 75)) < auc < 0.5
    choice = choose_calibrator(margin, bad, folds(100))
    assert choice.calibrator.kind == "shift"
    assert choice.chosen_because.endswith(f"the margins rank these few rows backwards (AUC {auc:.3f})")


def test_a_perfect_score_keeps_the_shift_because_no_line_is_finite() -> None:
    margin = np.linspace(-4, 4, 200)
    choice = choose_calibrator(margin, margin > 2, folds(200))
    assert choice.calibrator.kind == "shift"
    assert "separates" in choice.candidates[1].why


def test_equal_margins_keep_the_shift() -> None:
    choice = choose_calibrator(np.zeros(200), np.arange(200) % 4 == 0, folds(200))
    assert choice.calibrator.kind == "shift"
    assert choice.calibrator.predict(np.zeros(1))[0] == pytest.approx(0.25)


@pytest.mark.parametrize("outcome", [0, 1])
def test_one_class_is_refused(outcome: int) -> None:
    with pytest.raises(TierlineError, match="needs defaults and non-defaults"):
        choose_calibrator(np.linspace(-1, 1, 30), np.full(30, outcome), folds(30))


def test_folds_that_cannot_hold_rows_out_are_refused() -> None:
    margin, bad = sample(100, 1.0, 1.0, 7)
    with pytest.raises(TierlineError, match="one customer fold"):
        choose_calibrator(margin, bad, np.zeros(100, dtype=int))
    with pytest.raises(TierlineError, match="stands in two folds"):
        choose_calibrator(margin, bad, folds(100), customer=np.zeros(100, dtype=int))
    with pytest.raises(TierlineError, match="99 folds"):
        choose_calibrator(margin, bad, folds(99))


def test_the_choice_is_the_same_again_and_survives_json() -> None:
    margin, bad = sample(3_000, 0.7, 0.0, 9)
    first, second = (choose_calibrator(margin, bad, folds(3_000)) for _ in range(2))
    assert first.model_dump_json() == second.model_dump_json()
    assert CalibratorChoice.model_validate_json(first.model_dump_json()) == first
