"""The portfolio stage: from wanted limits to limits that can be funded, and who funds them.

Belongs here: the order of the steps and the choice between last night's plan and a new one. Does not belong here: any
of the steps.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tierline.errors import BlockedError
from tierline.funding.book import DIMENSIONS, NOBODY, OWN, FundingInputs, greatest_part, lender_of, read_book
from tierline.funding.cells import Apart, eligible
from tierline.funding.filling import fill
from tierline.funding.optimum import Night, Optimum, find_optimum, near_cap
from tierline.funding.outcome import Outcome, allocation_table, customer_measures, limits_table
from tierline.funding.partners import partner_notes
from tierline.funding.repair import Mender, mend
from tierline.funding.rounding import round_plan
from tierline.funding.rules import Plan, Rule, moved, profit, rules_of, without_crumbs
from tierline.funding.shadow import constraints_table
from tierline.funding.whole import MOST_CUSTOMERS, whole_plan
from tierline.policy import Policy

LOGGER = logging.getLogger("tierline.funding")
KEEP_WITHIN = 0.001
"""Last night's plan stands unless a new one earns this part of the optimum more: noise must not move customers."""
_GOOD_ENOUGH = 0.00005
_ROUNDS = 6
_MOST_NOISE = 0.005  # of profit, in books so small that one customer is more than that
_FAR = 0.01  # a gap worth a warning
_USELESS = 0.25  # a gap at which the plan is no plan: whole customers keep the rules by giving limits up


@dataclass(frozen=True)
class FundingResult:
    """The published tables ``credit_limits``, ``funding_allocation`` and ``portfolio_constraints``, and what they say.

    ``used`` is cents per funder; ``cut`` counts customers whose limit the portfolio lowered; ``objective`` is the
    plan's risk-adjusted profit, yuan a year, less the cost of moving customers, ``optimum`` that of the programme over
    cells and ``gap`` what is between, as a part of it; ``kept``: last night's plan stands. ``notes`` say what could not
    be assessed, ``outcome`` what a person wants to see, ``customers`` the same customer by customer.
    """

    limits: pa.Table
    allocation: pa.Table
    constraints: pa.Table
    used: dict[str, int]
    cut: int
    objective: float
    optimum: float
    gap: float
    kept: bool
    notes: list[str]
    outcome: Outcome
    customers: pa.Table


def fund_portfolio(given: FundingInputs, policy: Policy, bands: Sequence[int] = ()) -> FundingResult:
    """Choose limits and funders of the whole book: greatest profit under every rule, exact to the cent.

    Raises ``InfeasibleError`` if no plan keeps the rules, ``BlockedError`` for negative net assets or if whole
    customers cannot keep them, ``TierlineError`` for tables that do not fit together.
    """
    lender = lender_of(given, policy)
    if lender.net_assets is not None and lender.net_assets < 0:
        raise BlockedError(
            f"lender_position: net assets are {lender.net_assets / 100:,.2f}, below 0: no limit can be carried; deliver"
            " a corrected position"
        )
    book = read_book(given, lender, policy)
    rules, notes = rules_of(book, lender, policy.funding, distinct_members(given.inputs))
    if given.partners is None:
        notes.append("no funding partners delivered: all limits are the lender's own")
    else:
        notes += partner_notes(lender.partners, book.members["region"])
    if not len(book):
        notes.append("no customer has a limit: there is nothing to fund")
    night = Night(book, lender, policy, rules, bands)
    optimum, plan, kept = choose(night)
    objective, best = _worth(night, plan), optimum.solution.profit
    gap = (best - objective) / abs(best) if best else 0.0
    if gap > _USELESS:
        raise BlockedError(
            f"portfolio: whole customers reach {gap:.0%} less profit than shares of customers could: the caps leave so"
            " small a book no room: widen the dearest constraint of the last release, or lower the inclusive floor"
        )
    if gap > _FAR:
        notes.append(
            f"whole customers reach {gap:.1%} less than the optimum over cells: caps leave this book little room"
        )
    own = int((plan.limit - plan.part).sum())
    used = {OWN: own} | {p.partner_id: int(plan.part[plan.partner == i].sum()) for i, p in enumerate(lender.partners)}
    return FundingResult(
        limits=limits_table(given.limits, night, plan, optimum),
        allocation=allocation_table(given, night, plan),
        constraints=constraints_table(given.as_of, night, plan, optimum),
        used=used,
        cut=int((plan.limit < book.wanted).sum()),
        objective=objective,
        optimum=best,
        gap=gap,
        kept=kept,
        notes=notes,
        outcome=Outcome.of(night, plan),
        customers=customer_measures(given, night, plan),
    )


def distinct_members(inputs: pa.Table) -> dict[str, int]:
    """Distinct members per dimension among all customers; null counts as one."""
    names = {"region": "region_code", "industry": "industry_code", "scenario": "scenario_id"}
    assert tuple(names) == DIMENSIONS
    return {name: len(pc.unique(inputs.column(column))) for name, column in names.items()}


def choose(night: Night) -> tuple[Optimum, Plan, bool]:
    """The optimum over cells, the plan of customers, and whether it is last night's."""
    apart = near_cap(night.book, night.rules)
    while True:
        optimum = find_optimum(night, apart)
        assert optimum is not None, "without tightening an infeasible night raises"
        mender = Mender(night.book, night.lender, night.policy, night.rules, optimum.protect)
        rounded = _rounded(night, optimum, mender)
        more = _forgotten(mender, rounded, apart)
        if more == apart:
            break
        apart = more
    last = mend(mender, _last_night(night, rounded))
    stands = bool(night.book.recorded.any()) and not mender.broken(last)
    # whole customers miss a plan by about one of them for each funder: no reason to move others
    noise = min(len(night.lender.partners) / max(len(night.book), 1), _MOST_NOISE)
    within = (KEEP_WITHIN + noise) * abs(optimum.solution.profit)
    if stands and _worth(night, last) >= optimum.solution.profit - within:
        return optimum, last, True
    plan = _exact(night, optimum, apart, mender, rounded)
    plan = _by_customer(night, optimum, mender, plan)
    if stands and _worth(night, last) >= (_worth(night, plan) if plan else 0.0) - within:
        return optimum, last, True
    if plan is None:
        names = ", ".join(sorted({f"{rule.constraint} {rule.member}" for rule in mender.broken(mend(mender, rounded))}))
        raise BlockedError(
            f"portfolio: shares of customers keep every rule, but whole customers do not: {names}; nothing is published"
        )
    return optimum, plan, False


def _rounded(night: Night, optimum: Optimum, mender: Mender) -> Plan:
    programme = optimum.programme
    return round_plan(night.book, programme.cells, programme.columns, optimum.solution, mender.own_share)


def _forgotten(mender: Mender, plan: Plan, apart: Apart) -> Apart:
    """``apart`` with the industries and scenarios whose cap the plan breaks."""
    more = dict(apart)
    for rule in mender.broken(plan):
        name = rule.constraint.removesuffix("_share")
        if name in more:
            more[name] = more[name] | {rule.index}
    return more


def _exact(night: Night, optimum: Optimum, apart: Apart, mender: Mender, rounded: Plan) -> Plan | None:
    """Whole customers under every rule: mended, or solved again a little tighter; None if that fails."""
    best: tuple[float, Plan] | None = None
    tighter: dict[Rule, float] = {}
    enough = optimum.solution.profit - _GOOD_ENOUGH * abs(optimum.solution.profit)
    for _ in range(_ROUNDS):
        broken = mender.broken(rounded)
        plan = mend(mender, rounded)
        if not mender.broken(plan):
            plan = max((plan, fill(mender, optimum, plan)), key=lambda one: _worth(night, one))
        if not mender.broken(plan) and (best is None or _worth(night, plan) > best[0]):
            best = _worth(night, plan), plan
        if best is not None and best[0] >= enough:
            break
        for rule, excess in broken.items():
            tighter[rule] = tighter.get(rule, 0.0) + 1.2 * excess / 100
        again = find_optimum(night, apart, tighter) if tighter else None
        if again is None:  # caps that leave no room cannot be tightened: they are levelled off instead
            tighter = {r: yuan for r, yuan in tighter.items() if r.constraint.removesuffix("_share") not in DIMENSIONS}
            again = find_optimum(night, apart, tighter) if tighter else None
        if again is None:
            break
        rounded = _rounded(night, again, mender)
    return best[1] if best else None


def _by_customer(night: Night, optimum: Optimum, mender: Mender, plan: Plan | None) -> Plan | None:
    """``plan``, or in a small book where it is far from the optimum a better one chosen customer by customer."""
    best = optimum.solution.profit
    near = plan is not None and _worth(night, plan) >= best - _FAR * abs(best)
    if near or len(night.book) > MOST_CUSTOMERS:
        return plan
    whole = whole_plan(night, mender)
    tried = [] if whole is None else [made for made in (whole, mend(mender, whole)) if not mender.broken(made)]
    tried += [filled for made in tried[:1] if not mender.broken(filled := fill(mender, optimum, made))]
    return max([*tried, *([plan] if plan else [])], key=lambda one: _worth(night, one), default=None)


def _last_night(night: Night, rounded: Plan) -> Plan:
    """Last night's funders with tonight's wanted limits; new customers as in the new plan."""
    book, policy = night.book, night.policy
    own_share = Fraction(str(policy.funding.own_share_min))
    low = book.stays_low >= 0
    limit = np.where(low, np.clip(book.stays_low, book.floor, book.wanted), book.wanted)
    allowed = eligible(night.lender, policy, book.members["region"])
    theirs = book.partner != NOBODY
    may = theirs & book.consent
    may[theirs] &= allowed[book.partner[theirs], book.tier[theirs], book.code["region"][theirs]]
    stays = book.recorded & (book.kept | may | ~theirs)
    most = greatest_part(limit, own_share)
    whole = book.stood_part >= greatest_part(book.stood_limit, own_share)
    part = np.where(whole, most, np.minimum(book.stood_part, most))
    out = np.minimum(book.standing, most)
    part = np.where(book.kept, np.where(may, np.maximum(part, out), out), part)
    part = np.where(theirs, part, 0)
    plan = rounded.copy()
    plan.limit[stays], plan.part[stays], plan.partner[stays] = limit[stays], part[stays], book.partner[stays]
    gone = low & ~book.recorded & (limit == 0)
    plan.limit[gone], plan.part[gone] = 0, 0
    without_crumbs(book, plan, policy.funding)
    return plan


def _worth(night: Night, plan: Plan) -> float:
    """Risk-adjusted profit of a plan less the cost of moving, yuan a year: the programme's own measure."""
    funding = night.policy.funding
    earned = profit(night.book, plan, night.lender, funding.ccf).sum()
    return float(earned - funding.move_cost * moved(night.book, plan).sum() / 100)
