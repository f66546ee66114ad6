"""What a yuan of exposure earns, customer by customer and funder by funder.

Belongs here: the one definition of risk-adjusted profit. Does not belong here: choosing limits or funders.

profit = e · (rate − PD·LGD − operating cost − s·own cost − (1−s)·partner cost − s·hurdle·K(PD)), e = exposure at
default, s = the lender's share. A partner is paid its cost of funds and bears the unexpected loss of its part, so the
lender's capital stands behind its own part only; expected loss is the lender's, whoever funds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tierline.funding.applicants import Applicants
from tierline.policy import Policy
from tierline.pricing import capital_requirements

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Economics:
    """Per customer, annual fractions of exposure: ``gross`` before funding and capital, ``loss`` PD·LGD, ``capital`` K.

    ``own`` is the lender's cost of funds, ``hurdle`` the return asked on capital, ``partners`` cost by partner code.
    """

    rate: Floats
    gross: Floats
    loss: Floats
    capital: Floats
    own: float
    hurdle: float
    partners: Floats

    def margin(self, own_share: Floats | float, partner: npt.NDArray[np.int32] | int) -> Floats:
        """Profit per yuan of exposure with this share of own money; ``partner`` is ignored where the share is 1."""
        cost = self.partners[partner] if len(self.partners) else 0.0
        funding = own_share * self.own + (1 - np.asarray(own_share)) * cost
        return np.asarray(self.gross - funding - own_share * self.hurdle * self.capital)


def economics(people: Applicants, prices: pa.Table, own_cost: float, partner_costs: Floats, policy: Policy) -> Economics:
    """Rates and costs of every applicant under tonight's ``prices`` (``pricing``)."""
    terms = reference_prices(prices, policy.limits.reference_term)
    rate = np.array([terms.get(tier, (np.nan, np.nan))[0] for tier in people.tier.names])[people.tier.codes]
    operating = np.array([terms.get(tier, (np.nan, np.nan))[1] for tier in people.tier.names])[people.tier.codes]
    loss = people.pd * policy.pricing.lgd
    return Economics(
        rate=rate,
        gross=rate - loss - operating,
        loss=loss,
        capital=capital_requirements(people.pd, policy.pricing.lgd, policy.pricing.asset_correlation),
        own=own_cost,
        hurdle=policy.pricing.hurdle_rate,
        partners=partner_costs,
    )


def reference_prices(prices: pa.Table, reference_term: int) -> dict[str, tuple[float, float]]:
    """Rate and operating cost of each tier at the reference term; where that is not offered, the longest offered."""
    rows = sorted(prices.to_pylist(), key=lambda row: (row["offered"], row["term_months"] == reference_term, row["term_months"]))
    return {row["tier"]: (row["annual_rate"], row["operating_cost"]) for row in rows}


def exposure_at_default(limit: Floats, out: Floats, ccf: float) -> Floats:
    """out + CCF·(limit − out): what is lent, and the part of the rest that counts (Basel)."""
    return out + ccf * (limit - out)
