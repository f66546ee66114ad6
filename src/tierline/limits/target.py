"""The limit a customer would have if nothing had gone before: affordability and caps.

Belongs here: the target and the constraint that sets it. Does not belong here: the step from the previous limit
(``limits.ladder``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tierline.policy import LimitPolicy

Floats = npt.NDArray[np.float64]
BUSINESS = "sole_proprietor"
_SOFT = ("affordability", "starter_limit")


@dataclass(frozen=True)
class Target:
    """Target limits in yuan and, per row, the name of the constraint that set them.

    ``ceiling`` is the least of the hard caps (tier, product, rule, net assets): no limit may stand above it, not even
    one that is held. ``stretched`` marks customers whose instalments due exceed what their income bears: they get no
    raise and no first limit, whatever the target.
    """

    limit: Floats
    ceiling: Floats
    binding: npt.NDArray[np.object_]
    stretched: npt.NDArray[np.bool_]


def recognised_income(inputs: pd.DataFrame, policy: LimitPolicy) -> Floats:
    """Monthly income that counts, yuan: recurring inflow; else declared income after the haircut; else NaN."""
    recurring = inputs["income_recurring_monthly"].to_numpy(dtype=np.float64)
    declared = inputs["declared_income_monthly"].to_numpy(dtype=np.float64) * policy.declared_income_haircut
    return np.where(np.isnan(recurring), declared, recurring)


def _consumer_cap(income: Floats, policy: LimitPolicy) -> Floats:
    """The rule's cap of a natural person: an amount, and where a rule has it a share of a known year's income."""
    if policy.annual_income_share_cap is None:
        return np.full(len(income), policy.consumer_cap)
    by_income = policy.annual_income_share_cap * 12 * income
    return np.fmin(by_income, policy.consumer_cap)  # of NaN and an amount, the amount


def target_limits(
    inputs: pd.DataFrame, tiers: pd.Series[str], factor: Floats, policy: LimitPolicy, net_assets: float | None
) -> Target:
    """The smallest of affordability and every cap, in yuan, rounded down.

    ``factor`` is, per row, the principal that an instalment of one yuan repays over the reference term at the tier's
    rate. Affordable instalment = DTI cap · income: the instalments of our own loans are inside it, because what is
    drawn is inside the limit. Where no income is known or the file is thin the starter limit stands in and caps it.
    """
    income = recognised_income(inputs, policy)
    bearable = policy.dti_cap * np.where(np.isnan(income), np.inf, income)
    unproven = np.isnan(income) | inputs["thin_file"].to_numpy(dtype=bool)
    business = (inputs["segment"] == BUSINESS).to_numpy()
    caps = {
        "affordability": np.where(np.isnan(income), np.inf, policy.dti_cap * np.nan_to_num(income) * factor),
        "starter_limit": np.where(unproven, policy.starter_limit, np.inf),
        "tier_cap": tiers.map(policy.tier_caps).fillna(0.0).to_numpy(dtype=np.float64),
        "product_cap": np.full(len(inputs), policy.product_cap),
        "regulatory_cap": np.where(business, policy.business_cap, _consumer_cap(income, policy)),
    }
    if net_assets is not None:
        caps["net_assets_share"] = np.full(len(inputs), policy.borrower_share_of_net_assets * net_assets)
    names = np.array(list(caps), dtype=object)
    stacked = np.column_stack(list(caps.values()))
    hard = np.column_stack([value for name, value in caps.items() if name not in _SOFT]).min(axis=1)
    limit = np.floor(stacked.min(axis=1) / policy.rounding) * policy.rounding
    stretched = inputs["instalment_burden_monthly"].to_numpy(dtype=np.float64) > bearable
    return Target(limit, hard, names[stacked.argmin(axis=1)], stretched)
