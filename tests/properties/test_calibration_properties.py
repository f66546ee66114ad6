"""Whatever is fitted on whatever rows: a PD never falls where the margin rises, and JSON keeps every bit."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tierline.calibration import Calibration, MacroOverlay, prior_correction, solve_shift
from tierline.calibration.calibrators import FITS, Kind
from tierline.errors import TierlineError

margins = st.floats(-40, 40, allow_nan=False, width=32)
rates = st.floats(0.001, 0.6)
ROUNDING = 4e-16


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(sorted(FITS)),
    rows=st.lists(st.tuples(margins, st.booleans()), min_size=2, max_size=60),
    asked=st.lists(st.floats(-800, 800, allow_nan=False), min_size=2, max_size=30),
    level=st.tuples(rates, rates),
    shift=st.floats(-3, 3),
)
def test_a_pd_never_falls_where_the_margin_rises(
    kind: Kind, rows: list[tuple[float, bool]], asked: list[float], level: tuple[float, float], shift: float
) -> None:
    try:
        fitted = FITS[kind]([x for x, _ in rows], [bad for _, bad in rows], None)
    except TierlineError:
        assume(False)
    overlay = MacroOverlay(scenario="any", shift=shift, source="by chance")
    whole = Calibration(calibrator=fitted, central_tendency=prior_correction(*level), overlay=overlay)
    pd_12m = whole.predict(np.sort(asked))
    assert (np.diff(pd_12m) >= -ROUNDING).all()
    assert (pd_12m >= whole.floor).all()
    assert (pd_12m < 1).all()
    again = Calibration.model_validate_json(whole.model_dump_json())
    assert np.array_equal(again.predict(np.array(asked)), whole.predict(np.array(asked)))


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(sorted(FITS)),
    rows=st.lists(st.tuples(margins, st.booleans()), min_size=2, max_size=60),
)
def test_a_fit_is_a_calibrator_or_one_clear_line_whatever_the_rows(kind: Kind, rows: list[tuple[float, bool]]) -> None:
    try:
        fitted = FITS[kind]([x for x, _ in rows], [bad for _, bad in rows], None)
    except TierlineError as error:
        told = str(error)
    else:
        told = "calibration: "
        assert np.isfinite(fitted.log_odds(np.array([x for x, _ in rows]))).all()
    assert told.startswith("calibration: ")
    assert "\n" not in told


@settings(max_examples=150, deadline=None)
@given(pd_12m=st.lists(st.floats(1e-9, 1 - 1e-9), min_size=1, max_size=50), target=st.floats(1e-6, 1 - 1e-6))
def test_the_exact_shift_reaches_any_mean(pd_12m: list[float], target: float) -> None:
    p = np.array(pd_12m)
    moved = p / (p + (1 - p) * np.exp(-solve_shift(p, target)))
    assert abs(moved.mean() - target) <= 1e-9 * target + 1e-15
