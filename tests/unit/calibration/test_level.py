"""Tests of the level: definitions against SciPy and by hand, and the level they hold when windows overlap."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binomtest
from unit.calibration.samples import overlapping

from tierline.calibration import binomial_p, effective_rows, jeffreys_interval, jeffreys_p
from tierline.errors import TierlineError


def test_jeffreys_is_the_integral_of_its_posterior() -> None:
    def density(p: float) -> float:
        return p**2.5 * (1 - p) ** 96.5  # 3 defaults in 100 rows, prior Beta(½, ½)

    share = quad(density, 0, 0.02)[0] / quad(density, 0, 1)[0]
    assert float(jeffreys_p(3, 100, 0.02)) == pytest.approx(share, rel=1e-6)


def test_the_binomial_test_sums_the_tail() -> None:
    tail = sum(comb(100, k) * 0.02**k * 0.98 ** (100 - k) for k in range(3, 101))
    assert float(binomial_p(3, 100, 0.02)) == pytest.approx(tail, rel=1e-10)
    assert float(binomial_p(3, 100, 0.02)) == pytest.approx(binomtest(3, 100, 0.02, alternative="greater").pvalue)
    assert float(binomial_p(0, 100, 0.02)) == 1


def test_groups_are_tested_together_and_a_low_pd_is_what_is_found() -> None:
    low, right, high = jeffreys_p([10, 10, 10], [100, 100, 100], [0.03, 0.1, 0.3])
    assert low < 0.001
    assert 0.3 < right < 0.7
    assert high > 0.999


def test_the_interval_is_where_the_p_value_is_at_its_ends() -> None:
    low, high = jeffreys_interval(7, 90)
    assert jeffreys_p([7, 7], [90, 90], [low, high]) == pytest.approx([0.025, 0.975])


@pytest.mark.parametrize(("defaults", "rows", "pd_12m"), [(5, 4, 0.1), (-1, 4, 0.1), (1, 4, 1.2), (1, 4, float("nan"))])
def test_impossible_counts_are_refused(defaults: int, rows: int, pd_12m: float) -> None:
    for test in (jeffreys_p, binomial_p):
        with pytest.raises(TierlineError, match="0 ≤ defaults ≤ rows"):
            test(defaults, rows, pd_12m)


def test_rows_of_different_customers_are_worth_themselves() -> None:
    worth = effective_rows(np.random.default_rng(1).random(1_000) < 0.05, np.arange(1_000))
    assert (worth.design_effect, worth.rows) == (1, 1_000)


def test_copies_of_a_row_are_worth_one() -> None:
    bad = np.random.default_rng(2).random(400) < 0.1
    worth = effective_rows(np.repeat(bad, 6), np.repeat(np.arange(400), 6))
    assert worth.design_effect == pytest.approx(6, rel=0.01)
    assert worth.defaults == pytest.approx(bad.sum(), rel=0.01)


def test_the_design_effect_by_hand() -> None:
    """Thirteen customers of two rows; six defaulted twice, one once: ȳ = 1/2, sums less 2ȳ are 1, 0 and −1."""
    bad = np.array([1, 1] * 6 + [1, 0] + [0, 0] * 6)
    worth = effective_rows(bad, np.repeat(np.arange(13), 2))
    clustered = 13 / 12 * (6 + 0 + 6) / 26**2
    assert worth.design_effect == pytest.approx(clustered / (0.25 / 25))


def test_rows_are_never_worth_more_than_themselves() -> None:
    """Every customer defaults in one row of two: the rate does not vary between customers at all."""
    assert effective_rows([1, 0] * 20, np.repeat(np.arange(20), 2)).design_effect == 1


@pytest.mark.parametrize("bad", [[0] * 6, [1] * 6, [1, 1, 0, 0, 0, 0]])
def test_with_hardly_a_default_rows_of_a_customer_are_taken_as_one(bad: list[int]) -> None:
    """Sizes 1, 2, 3: Σ n² / N = 14 / 6."""
    assert effective_rows(bad, ["a", "b", "b", "c", "c", "c"]).design_effect == pytest.approx(14 / 6)


def test_customers_must_match_rows() -> None:
    with pytest.raises(TierlineError, match="2 outcomes and 1 customers"):
        effective_rows([True, False], [1])


def test_overlapping_windows_break_the_naive_test_and_not_the_effective_one() -> None:
    """The PD is true in all 400 simulated books: a test at 5 % should reject about one book in twenty."""
    rejected = {"naive": 0, "effective": 0}
    books = 400
    for seed in range(books):
        bad, customer, true_pd = overlapping(customers=1_000, dates=12, window=12, hazard=0.004, seed=seed)
        worth = effective_rows(bad, customer)
        rejected["naive"] += float(jeffreys_p(bad.sum(), len(bad), true_pd[0])) < 0.05
        rejected["effective"] += float(jeffreys_p(worth.defaults, worth.rows, true_pd[0])) < 0.05
    assert rejected["naive"] / books > 0.2
    assert 0.02 < rejected["effective"] / books < 0.09


def test_the_effective_test_still_finds_a_pd_that_is_too_low() -> None:
    found = 0
    for seed in range(50):
        bad, customer, true_pd = overlapping(customers=3_000, dates=12, window=12, hazard=0.004, seed=seed)
        worth = effective_rows(bad, customer)
        found += float(jeffreys_p(worth.defaults, worth.rows, 0.7 * true_pd[0])) < 0.05
    assert found >= 45
