from __future__ import annotations

import math

import numpy as np
import pytest

from tierline.monitoring import drift_frame
from tierline.stability import psi


def test_psi_by_hand() -> None:
    # Expected 40 low, 60 high; actual 30 low, 20 high; the median of the expected splits them at "high" (closed above),
    # so the two cells are: everything up to 1, and 2. Half a case is added to each.
    expected = [1.0] * 60 + [2.0] * 40
    actual = [1.0] * 30 + [2.0] * 20 + [2.0] * 50
    p = (60.5 / 101, 40.5 / 101)
    q = (30.5 / 101, 70.5 / 101)
    by_hand = sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True))
    result = psi(expected, actual, 2)
    assert result.psi == pytest.approx(by_hand, rel=1e-12)
    assert (result.bins, result.n_expected, result.n_actual) == (2, 100, 100)
    # chi-squared with one degree: P = erfc(sqrt(x / 2))
    assert result.p_value == pytest.approx(math.erfc(math.sqrt(by_hand / 0.02 / 2)), rel=1e-9)


def test_the_same_sample_has_no_drift() -> None:
    values = np.arange(1000.0)
    result = psi(values, values[::-1], 10)
    assert result.psi == 0
    assert result.p_value == 1
    assert result.bins == 10


def test_without_drift_the_p_value_is_uniform_at_any_size() -> None:
    rng = np.random.default_rng(20250630)
    for n, m in ((2000, 300), (500, 5000)):
        values = [psi(rng.normal(size=n), rng.normal(size=m), 10).p_value for _ in range(400)]
        assert np.mean(np.array(values) < 0.05) == pytest.approx(0.05, abs=0.035)
        assert np.mean(values) == pytest.approx(0.5, abs=0.06)


def test_a_small_sample_can_pass_the_convention_by_chance_and_the_p_value_says_so() -> None:
    rng = np.random.default_rng(3)
    small = [psi(rng.normal(size=2000), rng.normal(size=60), 10) for _ in range(50)]
    assert np.mean([result.psi > 0.10 for result in small]) > 0.5
    assert np.mean([result.p_value < 0.05 for result in small]) < 0.2
    large = psi(rng.normal(size=50_000), rng.normal(0.1, size=50_000), 10)
    assert large.psi < 0.10
    assert large.p_value < 1e-6


def test_missing_values_are_a_bin_of_their_own() -> None:
    known = np.arange(100.0)
    missing = np.where(np.arange(100) < 50, np.nan, known)
    assert psi(known, missing, 4).bins == 5
    assert psi(known, missing, 4).p_value < 1e-6
    assert psi(missing, missing, 4).psi == 0


def test_a_constant_reference_still_sees_a_shift() -> None:
    assert psi([5.0] * 50, [5.0] * 50, 10).psi == 0
    assert psi([5.0] * 50, [7.0] * 50, 10).p_value < 1e-6
    assert psi([5.0] * 50, [3.0] * 50, 10).p_value < 1e-6


def test_bad_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="both samples"):
        psi([], [1.0], 10)
    with pytest.raises(ValueError, match="both samples"):
        psi([1.0], [], 10)
    with pytest.raises(ValueError, match="both samples"):
        psi([np.nan], [1.0], 10)
    with pytest.raises(ValueError, match="at least 2"):
        psi([1.0], [1.0], 1)


def test_drift_frame_is_sorted_and_complete() -> None:
    frame = drift_frame({"score": [1, 2, 3], "age": [1, 2, 3]}, {"age": [1, 2], "score": [3, 3], "more": [1]}, 2)
    assert frame["member"].tolist() == ["age", "score"]
    assert frame["customers"].tolist() == [2, 2]
    with pytest.raises(KeyError):
        drift_frame({"score": [1.0]}, {}, 2)
