"""Capital requirement of a retail exposure (Basel IRB).

Belongs here: the risk-weight function. Does not belong here: the return asked on it.
"""

from __future__ import annotations

import math

from scipy.stats import norm

PD_FLOOR = 0.0005  # BIS CRE31: 0.05 % for retail
CONFIDENCE = 0.999  # BIS CRE31: fixed by the formula, not a choice


def capital_requirement(pd: float, lgd: float, correlation: float) -> float:
    """K = LGD·N[(1−R)^(−½)·G(PD) + (R/(1−R))^(½)·G(0.999)] − PD·LGD, share of exposure (BIS CRE31, retail)."""
    p = max(pd, PD_FLOOR)
    distress = norm.ppf(p) / math.sqrt(1 - correlation) + math.sqrt(correlation / (1 - correlation)) * norm.ppf(
        CONFIDENCE
    )
    return float(lgd * norm.cdf(distress) - p * lgd)
