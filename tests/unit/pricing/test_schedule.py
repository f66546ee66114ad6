"""One loan's cash flows: instalment, inverse, internal rate of return."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from tierline.pricing import affordable_principal, annuity
from tierline.pricing.schedule import annualised_irr

RATES = (0.0, 1e-15, 0.0001, 0.06, 0.1234, 0.24, 0.36, 1.0)


def left_after(principal: Fraction, rate: Fraction, instalment: Fraction, months: int) -> Fraction:
    """What is owed after ``months``, paying month by month, in exact arithmetic."""
    for _ in range(months):
        principal += principal * rate / 12 - instalment
    return principal


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("term", [1, 3, 6, 12, 36])
def test_the_instalment_repays_the_loan_to_nothing(rate: float, term: int) -> None:
    instalment = annuity(10_000.0, rate, term)
    assert abs(left_after(Fraction(10_000), Fraction(rate), Fraction(instalment), term)) < Fraction(1, 10**6)


def test_an_instalment_worked_out_by_hand() -> None:
    # 10,000 at 1 % a month over 2 months: 10,000 x 1.01^2 = A x (1.01 + 1), so A = 10,201 / 2.01
    assert annuity(10_000.0, 0.12, 2) == pytest.approx(5075.1244, abs=5e-5)


@settings(max_examples=100, deadline=None)
@given(st.just(0.0) | st.floats(1e-12, 1), st.integers(1, 360), st.floats(1, 1e7))
def test_the_principal_of_an_instalment_is_the_inverse(rate: float, term: int, principal: float) -> None:
    assert affordable_principal(annuity(principal, rate, term), rate, term) == pytest.approx(principal, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.001, 0.6), st.integers(1, 60))
def test_the_irr_of_the_schedule_is_its_rate_and_the_root_of_its_present_value(rate: float, term: int) -> None:
    instalment = annuity(10_000.0, rate, term)

    def worth(monthly: float) -> float:
        return sum(instalment / (1 + monthly) ** month for month in range(1, term + 1)) - 10_000.0

    root = 12 * brentq(worth, -0.5, 2.0, xtol=1e-15)
    irr = annualised_irr(10_000.0, instalment, term)
    assert irr == pytest.approx(rate, abs=1e-9)
    assert irr == pytest.approx(root, abs=1e-9)
