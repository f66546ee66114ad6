"""A decided night as one row per customer, with what it earns and risks.

Belongs here: figures of a decided customer, for people to compare. Does not belong here: deciding, or comparing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from tierline.decide import Case, Decisions
from tierline.money import to_cents
from tierline.policy import Policy

OWN = "OWN"
MEASURES = ("exposure_at_default", "expected_loss", "economic_capital", "profit")


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


def book_of(case: Case, decisions: Decisions, policy: Policy) -> Book:
    """The decided night as figures of its customers."""
    limits = decisions.tables["credit_limits"]
    frame = limits.select(["customer_key", "tier"]).to_pandas()
    for name in ("credit_limit", "drawn_balance"):
        frame[name] = to_cents(limits.column(name)) / 100
    facts = case.inputs.select(["customer_key", "region_code", "segment"]).to_pandas()
    frame = frame.merge(facts.rename(columns={"region_code": "region"}), on="customer_key", validate="one_to_one")
    frame = frame.merge(_partners(decisions.tables["funding_allocation"]), on="customer_key", how="left")
    measures = decisions.funding.customers.to_pandas()
    frame = frame.merge(measures[["customer_key", *MEASURES]], on="customer_key", how="left")
    theirs = frame["theirs"].fillna(0.0)
    served = frame["credit_limit"] > 0
    frame = frame.assign(
        partner=frame["partner"].fillna(""),
        theirs=theirs,
        own=(frame["credit_limit"] - theirs).round(2),
        exposure=frame["credit_limit"],
        rate=frame["tier"].map(_rates(decisions.tables["pricing"], policy)).where(served),
        **{name: frame[name].fillna(0.0) for name in MEASURES},
    )
    frame = frame.assign(income=frame["economic_capital"] * policy.pricing.hurdle_rate)
    frame = frame.rename(columns={"drawn_balance": "drawn"}).sort_values("customer_key", ignore_index=True)
    return Book(frame, decisions.tables["portfolio_constraints"].to_pandas())


def _partners(allocation: pa.Table) -> pd.DataFrame:
    """Partner and its part (yuan) of each customer that has one."""
    frame = pd.DataFrame(
        {
            "customer_key": allocation.column("customer_key").to_pandas(),
            "partner": allocation.column("funder_id").to_pandas(),
            "theirs": to_cents(allocation.column("amount")) / 100,
        }
    )
    return frame[frame["partner"] != OWN]


def _rates(prices: pa.Table, policy: Policy) -> dict[str, float]:
    """Annual rate by tier at the reference term; where that is not offered, the longest offered."""
    term = policy.limits.reference_term
    rows = sorted(prices.to_pylist(), key=lambda row: (row["offered"], row["term_months"] == term, row["term_months"]))
    return {row["tier"]: row["annual_rate"] if row["offered"] else np.nan for row in rows}
