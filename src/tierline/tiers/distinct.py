"""Whether neighbouring tiers differ in what happened to their customers.

Belongs here: the test of two neighbours. Does not belong here: whether a tier's level is right (``calibration``).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
from scipy.stats import fisher_exact

Outcome = Mapping[Hashable, Any]
LEVEL = 0.05  # of the one-sided test: a convention


def neighbours_apart(outcomes: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Each pair of neighbouring tiers, with the p-value of the worse one's rate being no higher than the better one's.

    ``outcomes`` has one row per tier: tier, rows, defaults, design_effect (1 where rows are independent). ``order``
    names all tiers, best first; one without rows is passed over. Fisher's exact test, one-sided, on rows and defaults
    divided by the design effect, because windows of one customer that overlap are not independent. Returns better,
    worse, better_rate, worse_rate, p_value, distinct (p below 5 %; so never where the rates are in the wrong order).
    """
    found = {str(row["tier"]): row for row in outcomes.to_dict("records") if float(row["rows"]) > 0}
    pairs = pairwise(tier for tier in order if tier in found)
    compared = [(better, worse, *_compared(found[better], found[worse])) for better, worse in pairs]
    frame = pd.DataFrame(compared, columns=["better", "worse", "better_rate", "worse_rate", "p_value"])
    return frame.assign(distinct=frame["p_value"] < LEVEL)


def _compared(better: Outcome, worse: Outcome) -> tuple[float, float, float]:
    table = [_effective(worse), _effective(better)]
    p_value = float(fisher_exact(table, alternative="greater").pvalue)
    return better["defaults"] / better["rows"], worse["defaults"] / worse["rows"], p_value


def _effective(tier: Outcome) -> tuple[int, int]:
    """Defaults and others as so many independent rows; rounded, since the test counts."""
    bad = round(tier["defaults"] / tier["design_effect"])
    return bad, max(round(tier["rows"] / tier["design_effect"]) - bad, 0)
