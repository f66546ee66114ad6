"""Prices by tier and term, from cost components, between floor and cap.

Belongs here: the price grid. Does not belong here: the schedule's arithmetic (``pricing.schedule``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tierline.parquet import conform
from tierline.policy import Policy
from tierline.pricing.capital import capital_requirement
from tierline.pricing.schedule import MONTHS, annualised_irr, annuity
from tierline.schemas import PUBLISHED

DAYS_OF_YEAR = 365


@dataclass(frozen=True)
class FundingCosts:
    """Annual costs of funds: own, and the partners' average weighted by what they still have; None without partners."""

    own: float
    partner: float | None

    def blended(self, own_share: float) -> float:
        """Cost of a loan of which ``own_share`` is own money; all own without partners."""
        return self.own if self.partner is None else own_share * self.own + (1 - own_share) * self.partner


def price_grid(policy: Policy, as_of: date, costs: FundingCosts) -> pa.Table:
    """One row per tier and term; returns the published table ``pricing``.

    Rate = funding + PD·LGD + operating + K·hurdle + margin, in whole hundredths of a per cent between floor and cap.
    Where the cap binds the margin gives way, even below zero; a price is offered only if the cap covers funding,
    expected loss and operating cost.
    """
    rows = [
        _price(policy, tier, term, costs.blended(policy.funding.own_share_min))
        for tier in policy.scale.tiers
        for term in policy.pricing.terms
    ]
    frame = pd.DataFrame(rows).assign(
        as_of=as_of,
        cap_rate=policy.pricing.price_cap,
        cap_rule=policy.pricing.cap_rule,
        policy_id=policy.policy_id,
    )
    return conform(pa.Table.from_pandas(frame.astype({"term_months": "int32"}), preserve_index=False), _CONTRACT)


_CONTRACT = PUBLISHED["pricing"]


def _price(policy: Policy, tier: str, term: int, funding: float) -> dict[str, object]:
    p = policy.pricing
    reference = policy.scale.reference_pd[tier]
    loss = reference * p.lgd
    operating = p.operating_cost + p.operating_cost_per_loan / (p.example_principal * average_life(term))
    capital = p.hurdle_rate * capital_requirement(reference, p.lgd, p.asset_correlation)
    wanted = round(funding + loss + operating + capital + p.target_margin, 4)
    rate = min(max(wanted, p.rate_floor), p.price_cap)
    return {
        "tier": tier,
        "term_months": term,
        "annual_rate": rate,
        "daily_rate": rate / DAYS_OF_YEAR,
        "apr_irr": annualised_irr(p.example_principal, [annuity(p.example_principal, rate, term)] * term),
        "funding_cost": funding,
        "expected_loss": loss,
        "operating_cost": operating,
        "capital_charge": capital,
        "margin": rate - funding - loss - operating - capital,
        "offered": p.price_cap >= funding + loss + operating,
    }


def offer_note(prices: pa.Table) -> str | None:
    """One line if the cap is below the cost of every tier and term, so that everybody is declined; None otherwise."""
    if pc.any(prices.column("offered")).as_py():
        return None
    costs = np.sum([prices.column(name).to_numpy() for name in ("funding_cost", "expected_loss", "operating_cost")], 0)
    cap, rule = prices.column("cap_rate")[0].as_py(), prices.column("cap_rule")[0].as_py()
    return (
        f"no price is offered and every customer is declined: the cap of {cap:.2%} ({rule}) is below the cost of every"
        f" tier and term, of which the lowest is {costs.min():.2%}"
    )


def average_life(term: int) -> float:
    """Average years a yuan of an equally repaid loan is outstanding: (n+1)/2 months."""
    return (term + 1) / 2 / MONTHS
