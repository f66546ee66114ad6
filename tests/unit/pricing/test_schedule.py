"""One loan's cash flows: instalment, inverse, internal rate of return."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from tierline.pricing import affordable_principal, annuity, cents_schedule
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
    irr = annualised_irr(10_000.0, [instalment] * term)
    assert irr == pytest.approx(rate, abs=1e-9)
    assert irr == pytest.approx(root, abs=1e-9)


def test_a_schedule_in_cents_worked_out_by_hand() -> None:
    # 100.00 at 1 % a month: A = 34.00; interest 1.00, then 0.67 on 67.00, then 0.34 on 33.67
    assert cents_schedule(10_000, 0.12, 3) == [3400, 3400, 3401]
    assert cents_schedule(10_000, 0.0, 3) == [3333, 3333, 3334]
    assert cents_schedule(10_000, 0.12, 1) == [10_100]
    # 10,000.00 at 15.16 %: after two months 6,750.00 is owed, whose interest is 85.275 exactly: 85.28
    assert cents_schedule(1_000_000, 0.1516, 6) == [*[174_113] * 5, 174_114]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 3600), st.integers(1, 36), st.integers(10_000, 100_000_000))
def test_what_is_paid_in_cents_repays_the_loan_to_the_cent(hundredths: int, term: int, principal: int) -> None:
    rate = hundredths / 10_000
    owed = Fraction(principal)
    paid = cents_schedule(principal, rate, term)
    assert len(paid) == term
    assert len(set(paid[:-1])) <= 1
    assert abs(paid[-1] - paid[0]) <= term  # half a cent of each instalment and of each month's interest
    for payment in paid:
        owed += round(owed * Fraction(hundredths, 120_000) + Fraction(1, 10**9)) - payment  # half up
    assert owed == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(100, 3600), st.sampled_from((3, 6, 12, 24)), st.integers(100_000, 10_000_000))
def test_the_irr_in_cents_is_near_the_rate_but_the_exact_schedule_alone_is_the_rate(
    hundredths: int, term: int, principal: int
) -> None:
    """From 1,000 yuan on: 1e-9 on the unrounded schedule; on whole cents, what the cents can do to it."""
    rate = hundredths / 10_000
    assert annualised_irr(principal, [annuity(principal, rate, term)] * term) == pytest.approx(rate, abs=1e-9)
    cents = cents_schedule(principal, rate, term)
    most = term * 1.0 / principal / ((term + 1) / 24)  # a cent a month over the average balance of the loan
    assert annualised_irr(principal, cents) == pytest.approx(rate, abs=most)
