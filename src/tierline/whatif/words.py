"""Figures as a person reads them.

Belongs here: digits and signs. Does not belong here: which figures are shown.
"""

from __future__ import annotations

RATIOS = ("raroc", "mean_rate", "own_share")
SMALL = 100.0


def figure(metric: str, value: float) -> str:
    """A figure as text: ratios in per cent, small prices and bounds with digits, everything else whole."""
    if metric in RATIOS:
        return f"{value:.2%}"
    digits = metric in ("shadow_price", "bound", "used") and abs(value) < SMALL
    return f"{value:,.4f}" if digits else f"{value:,.0f}"
