"""Rules of ``pricing``: a whole grid, components that add up, cap and floor, and rates recomputed from cash flows.

Belongs here: recomputing every rate whose formula a rule or the field gives (domain reference, §2 and §3). Does not
belong here: the cost of funds and of operations, which are the lender's own figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist

import pandas as pd
from scipy.optimize import brentq

from tierline.audit.cap import cap_in_force
from tierline.audit.finding import Finding, Rows, finding
from tierline.audit.night import Night
from tierline.audit.profile import Profile

_EXACT = 1e-9
_COST = 1e-12
_RATE_STEP = 1e-4  # prices are quoted in hundredths of a per cent, so the margin may be off its target by as much
_PD_FLOOR = 0.0005  # BIS CRE31, retail
_CONFIDENCE = 0.999  # BIS CRE31, part of the formula
_COMPONENTS = ["funding_cost", "expected_loss", "operating_cost", "capital_charge", "margin"]


def audit_pricing(night: Night) -> list[Finding]:
    """Judge ``pricing`` against the profile and its own cash flows."""
    if not night.has("pricing"):
        return []
    prices, profile = night.tables["pricing"], night.profile
    known = prices.frame["tier"].isin(profile.by_tier("scale.tier_bounds"))
    known &= prices.frame["term_months"].isin(profile.terms())
    grid = prices.with_frame(prices.frame[known])
    rules = (
        _grid(prices, known, profile),
        _rates(grid),
        _costs(grid, profile),
        _clip(grid, profile),
        _order(grid, profile),
    )
    return [one for found in rules for one in found]


def monthly_irr(principal: float, instalment: float, months: int) -> float:
    """The monthly rate at which ``months`` instalments are worth ``principal``; NaN where it is not in (-0.5, 1)."""
    return irr_of(principal, [instalment] * months)


def irr_of(principal: float, payments: Sequence[float]) -> float:
    """The monthly rate at which monthly ``payments`` are worth ``principal``; NaN where it is not in (-0.5, 1)."""

    def worth(rate: float) -> float:
        return sum(payment / (1 + rate) ** month for month, payment in enumerate(payments, 1)) - principal

    if not worth(1.0) < 0 < worth(-0.5):
        return math.nan
    return float(brentq(worth, -0.5, 1.0, xtol=1e-15, rtol=1e-14))


def instalment(principal: float, annual_rate: float, months: int) -> float:
    """A = P·i/(1−(1+i)^(−n)) with i a twelfth of the annual rate; P/n where that is 0, NaN up to -1."""
    i = annual_rate / 12
    if not i > -1:
        return math.nan
    return principal / months if i == 0 else principal * i / (1 - (1 + i) ** -months)


def capital(pd_12m: float, lgd: float, correlation: float) -> float:
    """K = LGD·N[(1−R)^(−½)·G(PD) + (R/(1−R))^(½)·G(0.999)] − PD·LGD with the PD floor of retail (BIS CRE31)."""
    normal, p = NormalDist(), max(pd_12m, _PD_FLOOR)
    if p >= 1:
        return 0.0
    quantile = normal.inv_cdf(p) + math.sqrt(correlation) * normal.inv_cdf(_CONFIDENCE)
    return lgd * (normal.cdf(quantile / math.sqrt(1 - correlation)) - p)


def _grid(prices: Rows, known: pd.Series[bool], profile: Profile) -> list[Finding]:
    found = prices.judge("grid_unknown", known, "tier and term must be those of the profile")
    there = set(zip(prices.frame["tier"], prices.frame["term_months"], strict=True))
    wanted = [(tier, term) for tier in profile.by_tier("scale.tier_bounds") for term in profile.terms()]
    absent = [cell for cell in wanted if cell not in there]
    if absent:
        first = f"tier {absent[0][0]} term_months {absent[0][1]}"
        text = f"every tier and term must have a price; {len(absent)} have none, first {first}"
        found.append(finding("grid", prices.table, len(absent), text))
    return found


def _rates(grid: Rows) -> list[Finding]:
    f = grid.frame
    sums = (f["annual_rate"] - f[_COMPONENTS].sum(axis=1, skipna=False)).abs() <= _EXACT
    daily = (f["daily_rate"] - f["annual_rate"] / 365).abs() <= _EXACT
    recomputed = [
        12 * monthly_irr(1.0, instalment(1.0, rate, term), term)
        for rate, term in zip(f["annual_rate"].tolist(), f["term_months"].tolist(), strict=True)
    ]
    flows = (f["apr_irr"] - pd.Series(recomputed, dtype="float64")).abs() <= _EXACT
    irr = flows & ((f["apr_irr"] - f["annual_rate"]).abs() <= _EXACT)
    return [
        *grid.judge("components", sums, "annual_rate must be the sum of its components", ["annual_rate", *_COMPONENTS]),
        *grid.judge("daily_rate", daily, "daily_rate must be annual_rate / 365", ["daily_rate", "annual_rate"]),
        *grid.judge("apr_irr", irr, "apr_irr must be 12 times the IRR of the instalments", ["apr_irr", "annual_rate"]),
    ]


def _costs(grid: Rows, profile: Profile) -> list[Finding]:
    f = grid.frame
    lgd, hurdle = profile.number("pricing.lgd"), profile.number("pricing.hurdle_rate")
    correlation = profile.number("pricing.asset_correlation")
    reference = {tier: float(pd_12m) for tier, pd_12m in profile.by_tier("scale.reference_pd").items()}
    charges = {tier: hurdle * capital(pd_12m, lgd, correlation) for tier, pd_12m in reference.items()}
    loss = (f["expected_loss"] - f["tier"].map(reference) * lgd).abs() <= _COST
    charge = (f["capital_charge"] - f["tier"].map(charges)).abs() <= _EXACT
    return [
        *grid.judge("expected_loss", loss, "expected_loss must be the tier's PD times LGD", ["expected_loss"]),
        *grid.judge("capital_charge", charge, "capital_charge must be hurdle times K (Basel)", ["capital_charge"]),
    ]


def _clip(grid: Rows, profile: Profile) -> list[Finding]:
    f = grid.frame
    cap, floor = float(cap_in_force(profile)), profile.number("pricing.rate_floor")
    target = profile.number("pricing.target_margin")
    rate, room = f["annual_rate"], f["cap_rate"] - f[_COMPONENTS[:3]].sum(axis=1, skipna=False)
    offered = (room.abs() <= _COST) | (f["offered"] == (room >= 0))
    off = f["margin"] - target
    at_cap, at_floor = rate >= cap - _EXACT, rate <= floor + _EXACT
    margin = ((off >= -_RATE_STEP) | at_cap) & ((off <= _RATE_STEP) | at_floor)
    return [
        *grid.judge("cap_in_force", f["cap_rate"] == cap, f"cap_rate must be {cap:g}, in force that day", ["cap_rate"]),
        *grid.judge("cap", rate <= cap + _COST, f"annual_rate must not exceed the cap {cap:g}", ["annual_rate"]),
        *grid.judge(
            "floor", rate >= min(floor, cap) - _COST, f"annual_rate must reach the floor {floor:g}", ["annual_rate"]
        ),
        *grid.judge("offered", offered, "offered exactly where the cap covers the costs", ["offered", "cap_rate"]),
        *grid.judge(
            "margin", margin, f"margin must be {target:g} unless cap or floor binds", ["margin", "annual_rate"]
        ),
    ]


def _order(grid: Rows, profile: Profile) -> list[Finding]:
    by_cell = grid.frame.set_index(["tier", "term_months"])["annual_rate"].to_dict()
    worse = [
        (low, high, term)
        for term in profile.terms()
        for low, high in pairwise(tier for tier in profile.by_tier("scale.tier_bounds") if (tier, term) in by_cell)
        if not by_cell[high, term] >= by_cell[low, term] - _COST
    ]
    if not worse:
        return []
    low, high, term = worse[0]
    text = f"a riskier tier must not be cheaper; first tier {high} below tier {low} at term_months {term}"
    return [finding("rate_order", grid.table, len(worse), text)]
