"""The numbers of a policy on one date, typed and bounded.

Belongs here: what a decision may read. Does not belong here: dates, sources and status of numbers (``policy.load``).
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tierline.policy.cap import CapGlide

Fraction = Annotated[float, Field(ge=0, le=1)]
Money = Annotated[float, Field(ge=0, le=1e10)]
Term = Annotated[int, Field(ge=1, le=360)]
DEFAULT_TIER = "X"
_ROUNDING = 1e-9  # shares that make a whole may miss it by float arithmetic


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ScalePolicy(_Section):
    """Master scale: tiers in order of risk, by upper PD bound, and the score scale (Siddiqi).

    ``hysteresis`` is the share of a bound by which a PD must pass it before last night's tier is left.
    """

    tier_bounds: dict[str, Fraction] = Field(min_length=1)
    reference_pd: dict[str, Fraction]
    hysteresis: Annotated[float, Field(ge=0, lt=1)]
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
        for low, high in pairwise(bounds):
            if low * (1 + self.hysteresis) >= high * (1 - self.hysteresis):
                raise ValueError(f"hysteresis {self.hysteresis:g}: the bands around bounds {low:g} and {high:g} meet")
        return self

    @property
    def tiers(self) -> list[str]:
        """Tier names, best first, without the tier of customers in default."""
        return list(self.tier_bounds)


class PricingPolicy(_Section):
    """Prices: components, floor and cap. Rates are annual fractions, money is in the profile's currency.

    ``price_cap`` is the cap in force on the date, the lower of ``flat_cap`` (what the profile calls price_cap) and of
    the glide; ``cap_rule`` names the rule that binds. ``lpr_1y`` and ``cap_glide`` are None where no rule has them.
    """

    terms: list[Term] = Field(min_length=1)
    price_cap: Fraction
    flat_cap: Fraction
    cap_rule: str
    lpr_1y: Annotated[float, Field(gt=0, le=0.2)] | None
    cap_glide: CapGlide | None
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
    """Limits: caps in the profile's currency, affordability, and the ladder.

    ``annual_income_share_cap`` is a natural person's limit as a share of a year's income; None where no rule has it.
    ``related_share_of_net_assets`` holds for a household together, as ``consumer_cap`` does for its consumers.
    ``holdout_share`` of the customers, drawn by ``holdout_seed``, get no raise, so that the effect of raises can be
    measured.
    """

    consumer_cap: Money
    business_cap: Money
    borrower_share_of_net_assets: Fraction
    related_share_of_net_assets: Fraction
    product_cap: Money
    tier_caps: dict[str, Money]
    dti_cap: Fraction
    declared_income_haircut: Fraction
    starter_limit: Money
    annual_income_share_cap: Fraction | None
    first_grant_cap: Money
    reference_term: Term
    rounding: Annotated[float, Field(ge=1)]
    max_raise: Annotated[float, Field(ge=0, le=10)]
    min_change: Fraction
    raise_review: Literal["month_end", "nightly"]
    raise_streak: Annotated[int, Field(ge=0)]
    freeze_dpd: Annotated[int, Field(ge=1, le=90)]
    min_months_on_book: Annotated[int, Field(ge=0, le=360)]
    cooldown_days: Annotated[int, Field(ge=0, le=3650)]
    early_warning_factor: Annotated[float, Field(gt=1, le=1000)]
    early_warning_pd: Annotated[float, Field(gt=0, le=1)]
    holdout_share: Annotated[float, Field(ge=0, lt=1)]
    holdout_seed: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _falling(self) -> Self:
        caps = list(self.tier_caps.values())
        if caps != sorted(caps, reverse=True):
            raise ValueError("tier_caps must not rise with risk")
        if self.related_share_of_net_assets < self.borrower_share_of_net_assets:
            raise ValueError("related_share_of_net_assets must not be below borrower_share_of_net_assets")
        return self


class FundingPolicy(_Section):
    """Joint lending, leverage, concentration and budgets of the whole book.

    Shares are of all limits; ``capital_budget`` is a multiple of net assets; ``ccf`` is the part of an undrawn limit
    that counts as exposure; ``move_cost`` is yuan per yuan of limit that changes its partner.
    ``partner_loan_share_min`` is the least a partner keeps of a joint loan, ``first_loss_cap`` the largest first-loss
    guarantee as a share of the joint loans.
    """

    own_share_min: Fraction
    partner_loan_share_min: Fraction
    first_loss_cap: Fraction
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

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if self.own_share_min + self.partner_loan_share_min > 1 + _ROUNDING:
            raise ValueError(
                f"own_share_min {self.own_share_min:g} and partner_loan_share_min {self.partner_loan_share_min:g}"
                " are more than the whole loan"
            )
        if 1 - self.own_share_min + _ROUNDING < self.partner_share_cap < 1:
            raise ValueError(
                f"partner_share_cap {self.partner_share_cap:g} is more than own_share_min {self.own_share_min:g} leaves"
                " to all partners: lower it, or give 1.0 for no cap"
            )
        return self


class Currency(_Section):
    """What amounts are in: ISO code, and the word beside an amount in English and in Chinese."""

    code: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    en: Annotated[str, Field(min_length=1)]
    zh: Annotated[str, Field(min_length=1)]


class Policy(_Section):
    """All numbers of one profile on one date. ``sources`` names where each number in force comes from.

    ``drafts`` names the numbers taken from a draft, as ``section.key``: never any in a night that is published.
    """

    name: str
    policy_id: str
    as_of: date
    currency: Currency
    drafts: tuple[str, ...]
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
