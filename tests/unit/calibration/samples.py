"""Rows with a known truth, for the tests of calibration."""

from __future__ import annotations

import numpy as np
from scipy.special import expit


def sample(rows: int, slope: float, intercept: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Margins around −3 and outcomes whose true log-odds are slope · margin + intercept."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(-3, 1.5, rows)
    return margin, rng.random(rows) < expit(slope * margin + intercept)


def overlapping(customers: int, dates: int, window: int, hazard: float, seed: int) -> tuple[np.ndarray, ...]:
    """Customers seen each month until they default; a row's outcome is a default in the next ``window`` months.

    The hazard is constant, so every row's true PD is 1 − (1 − hazard)^window. Returns outcome, customer and that PD.
    """
    rng = np.random.default_rng(seed)
    month_of_default = rng.geometric(hazard, customers)
    who, when = np.repeat(np.arange(customers), dates), np.tile(np.arange(dates), customers)
    performing = month_of_default[who] > when
    who, when = who[performing], when[performing]
    return month_of_default[who] <= when + window, who, np.full(len(who), 1 - (1 - hazard) ** window)
