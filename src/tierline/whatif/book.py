"""A decided night as one row per customer, with what it earns and risks.

Belongs here: figures of a decided customer, for people to compare. Does not belong here: deciding, or comparing.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Book:
    """``customers``: one row per customer, sorted by key; ``constraints``: table ``portfolio_constraints``.

    Columns: customer_key, segment, region, tier, partner ("": all own), credit_limit, own, theirs, drawn (yuan),
    rate (annual, NaN without a limit), exposure (the limit), exposure_at_default, expected_loss, economic_capital,
    profit (after the charge for capital) and income (that charge, which RAROC counts as earned), yuan a year.
    """

    customers: pd.DataFrame
    constraints: pd.DataFrame

    def totals(self) -> dict[str, float]:
        """Figures of the whole book: customers with a limit, exposure, EL, capital, profit, RAROC, own share."""
        c = self.customers
        exposure, capital = float(c["credit_limit"].sum()), float(c["economic_capital"].sum())
        earned = float(c["profit"].sum() + c["income"].sum())
        return {
            "customers": float((c["credit_limit"] > 0).sum()),
            "exposure": exposure,
            "exposure_at_default": float(c["exposure_at_default"].sum()),
            "expected_loss": float(c["expected_loss"].sum()),
            "economic_capital": capital,
            "profit": float(c["profit"].sum()),
            "raroc": earned / capital if capital else 0.0,
            "own_share": float(c["own"].sum()) / exposure if exposure else 0.0,
        }
