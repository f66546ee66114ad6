"""The numbers of a policy on one date, typed and bounded.

Belongs here: what a decision may read. Does not belong here: dates, sources and status of numbers (``policy.load``).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Money = Annotated[float, Field(ge=0, le=1e10)]
Term = Annotated[int, Field(ge=1, le=360)]
DEFAULT_TIER = "X"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ScalePolicy(_Section):
    """Master scale: tiers in order of risk, by upper PD bound, and the score scale (Siddiqi)."""

    tier_bounds: dict[str, Fraction] = Field(min_length=1)
    reference_pd: dict[str, Fraction]
    score_base: float = Field(gt=0)
    score_odds: float = Field(gt=0)
    score_pdo: float = Field(gt=0)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        bounds = list(self.tier_bounds.values())
        if bounds != sorted(set(bounds)) or bounds[-1] != 1:
            raise ValueError("tier_bounds must rise from tier to tier and end at 1")
        if DEFAULT_TIER in self.tier_bounds:
            raise ValueError(f"tier_bounds: {DEFAULT_TIER} is the tier of customers in default and has no bound")
        if list(self.reference_pd) != list(self.tier_bounds):
            raise ValueError("reference_pd must name the tiers of tier_bounds in the same order")
        lows = [0.0, *bounds[:-1]]
        if not all(low <= pd <= high for low, pd, high in zip(lows, self.reference_pd.values(), bounds, strict=True)):
            raise ValueError("reference_pd of each tier must lie between the bounds of the tier")
        return self

    @property
    def tiers(self) -> list[str]:
        """Tier names, best first, without the tier of customers in default."""
        return list(self.tier_bounds)


class PricingPolicy(_Section):
    """Prices: components, floor and cap. Rates are annual fractions, money is yuan."""

    terms: list[Term] = Field(min_length=1)
    price_cap: Fraction
    rate_floor: Fraction
    lgd: Fraction
    operating_cost: Fraction
    operating_cost_per_loan: Money
    example_principal: Annotated[float, Field(gt=0)]
    hurdle_rate: Fraction
    asset_correlation: Annotated[float, Field(gt=0, lt=1)]
    target_margin: Fraction
    own_cost_of_funds: Fraction
    penalty_factor: Annotated[float, Field(ge=1, le=3)]
    disclosure_rule: str

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.rate_floor > self.price_cap:
            raise ValueError(f"rate_floor {self.rate_floor} is above price_cap {self.price_cap}")
        if self.terms != sorted(set(self.terms)):
            raise ValueError("terms must rise")
        return self


class LimitPolicy(_Section):
    """Limits: caps in yuan, affordability, and the ladder."""

    consumer_cap: Money
    business_cap: Money
    borrower_share_of_net_assets: Fraction
    product_cap: Money
    tier_caps: dict[str, Money]
    dti_cap: Fraction
    declared_income_haircut: Fraction
    starter_limit: Money
    first_grant_cap: Money
    reference_term: Term
    rounding: Annotated[float, Field(ge=1)]
    max_raise: Annotated[float, Field(ge=0, le=10)]
    min_change: Fraction
    raise_review: Literal["month_end", "nightly"]
    raise_streak: Annotated[int, Field(ge=0)]
    freeze_dpd: Annotated[int, Field(ge=1, le=90)]

    @model_validator(mode="after")
    def _falling(self) -> Self:
        caps = list(self.tier_caps.values())
        if caps != sorted(caps, reverse=True):
            raise ValueError("tier_caps must not rise with risk")
        return self


class FundingPolicy(_Section):
    """Joint lending, leverage, concentration and budgets of the whole book.

    Shares are of all limits; ``capital_budget`` is a multiple of net assets; ``ccf`` is the part of an undrawn limit
    that counts as exposure; ``move_cost`` is yuan per yuan of limit that changes its partner.
    """

    own_share_min: Fraction
    partner_tier1_cap: Fraction
    partner_joint_cap: Fraction
    non_standard_leverage: Annotated[float, Field(ge=0, le=20)]
    standard_leverage: Annotated[float, Field(ge=0, le=20)]
    min_days_to_expiry: Annotated[int, Field(ge=0, le=3650)]
    min_notice_days: Annotated[int, Field(ge=0, le=3650)]
    partner_share_cap: Fraction
    region_share_cap: Fraction
    industry_share_cap: Fraction
    scenario_share_cap: Fraction
    expected_loss_budget: Fraction
    capital_budget: Annotated[float, Field(ge=0, le=10)]
    inclusive_floor: Fraction
    ccf: Fraction
    move_cost: Fraction


class Policy(_Section):
    """All numbers of one profile on one date. ``sources`` names where each number in force comes from."""

    name: str
    policy_id: str
    as_of: date
    scale: ScalePolicy
    pricing: PricingPolicy
    limits: LimitPolicy
    funding: FundingPolicy
    sources: dict[str, str]

    @model_validator(mode="after")
    def _one_scale(self) -> Self:
        if list(self.limits.tier_caps) != self.scale.tiers:
            raise ValueError("limits.tier_caps must name the tiers of scale.tier_bounds in the same order")
        if self.limits.reference_term not in self.pricing.terms:
            raise ValueError(f"limits.reference_term {self.limits.reference_term} is not among pricing.terms")
        return self
