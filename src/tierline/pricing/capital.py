"""Capital requirement of a retail exposure (Basel IRB).

Belongs here: the risk-weight function. Does not belong here: the return asked on it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

Floats = npt.NDArray[np.float64]
PD_FLOOR = 0.0005  # BIS CRE31: 0.05 % for retail
_CONFIDENCE = 0.999  # BIS CRE31: fixed by the formula, not a choice


def capital_requirement(pd: float, lgd: float, correlation: float) -> float:
    """K = LGD·N[(1−R)^(−½)·G(PD) + (R/(1−R))^(½)·G(0.999)] − PD·LGD, share of exposure (BIS CRE31, retail)."""
    return float(capital_requirements(np.array([pd]), lgd, correlation)[0])


def capital_requirements(pd: Floats, lgd: float, correlation: float) -> Floats:
    """The same for every PD of an array; a PD of 1 needs no capital beyond its expected loss."""
    p = np.clip(pd, PD_FLOOR, 1.0)
    distress = norm.ppf(p) / math.sqrt(1 - correlation) + math.sqrt(correlation / (1 - correlation)) * norm.ppf(
        _CONFIDENCE
    )
    return np.asarray(lgd * norm.cdf(distress) - p * lgd)
