"""The portfolio of the night: limits and funders of all customers together, for the most profit under every rule.

Belongs here: the order of steps from wanted limits to the funded night. Does not belong here: any one of the steps.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from math import ceil

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.errors import BlockedError
from tierline.funding.applicants import NOBODY, OWN, Applicants, applicants
from tierline.funding.cells import Cells, Flag, make_cells
from tierline.funding.conflict import conflict
from tierline.funding.constraints import constraints_table
from tierline.funding.costs import newest_position
from tierline.funding.economics import economics
from tierline.funding.filling import fill
from tierline.funding.formulate import BUSINESS, Terms, eligible, formulate
from tierline.funding.ledger import Assignment, Ledger, broken, copy_of
from tierline.funding.partners import Partner, gone, known_partners
from tierline.funding.programme import NoPlanError, Plan, Programme, solve
from tierline.funding.publish import allocation_table, lowered_limits
from tierline.funding.rounding import closed_to, mend, round_plan
from tierline.money import to_cents
from tierline.policy import Policy

LOGGER = logging.getLogger("tierline.funding")
REBALANCE = 1e-3
"""A new plan replaces last night's only if it earns this much more of all profit: moves cost more than they show."""
ROUNDS = 20
DIMENSIONS = ("region", "industry", "scenario")
SHOWN = 3


@dataclass(frozen=True)
class FundingInputs:
    """What the portfolio looks at. ``limits`` are wanted (``credit_limits``), ``inputs`` keeps ``DECISION_INPUTS``.

    ``prices`` is ``pricing``; partners, position: None where not delivered; ``previous`` is ``funding_allocation`` of
    the release before, None if there was none. ``volume_value`` makes a yuan of limit worth more than its profit, for
    the frontier.
    """

    as_of: date
    limits: pa.Table
    inputs: pa.Table
    prices: pa.Table
    partners: pa.Table | None
    position: pa.Table | None
    previous: pa.Table | None = None
    volume_value: float = 0.0


@dataclass(frozen=True)
class FundingResult:
    """The three published tables, and what the stage says of itself.

    ``used`` is cents per funder; ``lowered`` counts customers who get less than wanted; ``profit`` is what the night
    earns and ``relaxed`` the most any plan could, yuan a year; ``kept`` is true where last night's plan was carried on.
    """

    limits: pa.Table
    allocation: pa.Table
    constraints: pa.Table
    used: dict[str, int]
    lowered: int
    profit: float
    relaxed: float
    kept: bool
    notes: list[str] = field(default_factory=list)

    @property
    def gap(self) -> float:
        """What rounding to customers costs, as a share of the relaxed optimum."""
        return (self.relaxed - self.profit) / abs(self.relaxed) if self.relaxed else 0.0


def fund_portfolio(given: FundingInputs, policy: Policy) -> FundingResult:
    """Limits and funders of the night. Raises ``BlockedError`` naming the rules in conflict where no plan exists.

    Last night's plan is carried on, with whatever new limits fit, unless a new one earns a thousandth more.
    """
    partners = _partners(given, policy)
    names = tuple(partner.partner_id for partner in partners)
    people = applicants(given.limits, given.inputs, given.previous, names)
    terms, notes = _terms(given, policy, partners, people)
    costs = np.array([partner.cost_of_funds for partner in partners])
    earns = economics(people, given.prices, terms.own_cost, costs, policy)
    ledger = Ledger(people, earns, terms)
    solved = _solve(ledger)
    plan, kept = _choose(ledger, solved)
    profit = ledger.worth(plan)
    uses = Ledger(people, earns, solved.terms).uses(plan)
    theirs = ledger.theirs(plan)
    return FundingResult(
        limits=lowered_limits(given.limits, people, plan, _binding(solved, people)),
        allocation=allocation_table(people, plan, theirs, names, given.as_of, policy.policy_id),
        constraints=constraints_table(uses, solved.programme, solved.plan, given.as_of, policy.policy_id),
        used=_used(plan, theirs, names),
        lowered=int((plan.limit < people.wanted).sum()),
        profit=profit,
        relaxed=solved.plan.profit,
        kept=kept,
        notes=notes,
    )


def _partners(given: FundingInputs, policy: Policy) -> tuple[Partner, ...]:
    """Tonight's partners and those that are gone but still have loans with us, by id."""
    listed = known_partners(given.partners, policy.funding, given.as_of)
    names = {partner.partner_id for partner in listed}
    before = [] if given.previous is None else pc.unique(given.previous.column("funder_id")).to_pylist()
    left = [gone(name) for name in before if name not in names and name != OWN]
    return tuple(sorted([*listed, *left], key=lambda partner: partner.partner_id))


def _terms(
    given: FundingInputs, policy: Policy, partners: tuple[Partner, ...], people: Applicants
) -> tuple[Terms, list[str]]:
    newest = newest_position(given.position, given.as_of)
    f = policy.funding
    notes = [] if given.partners is not None else ["no funding partners delivered: all limits are the lender's own"]
    if newest is None:
        notes.append("no lender position delivered: leverage and the capital budget were not assessed")
    columns = {"region": "region_code", "industry": "industry_code", "scenario": "scenario_id"}
    caps = {"region": f.region_share_cap, "industry": f.industry_share_cap, "scenario": f.scenario_share_cap}
    capped = []
    for name in DIMENSIONS:
        members = len(pc.unique(given.inputs.column(columns[name])))
        if caps[name] and members >= ceil(1 / caps[name]):
            capped.append(name)
        elif given.inputs.num_rows:
            notes.append(f"{members} {name} members: a cap of {caps[name]:.0%} cannot be met by so few: not assessed")
    business = people.segment.codes == (people.segment.names.index(BUSINESS) if BUSINESS in people.segment.names else -9)
    wanted, theirs = float(people.wanted.sum()), float(people.wanted[business].sum())
    return (
        Terms(
            policy=policy,
            partners=partners,
            own_cost=policy.pricing.own_cost_of_funds if newest is None else float(str(newest["cost_of_funds"])),
            net_assets=None if newest is None else float(str(newest["net_assets"])),
            tier=people.tier,
            region=people.region,
            segment=people.segment,
            flags=(),
            capped=tuple(capped),
            inclusive_floor=f.inclusive_floor,
            all_inclusive=theirs < f.inclusive_floor * wanted,
            volume_value=given.volume_value,
        ),
        notes,
    )


@dataclass(frozen=True)
class _Solved:
    """The programme of the night with its optimum, and the optimum rounded to customers."""

    terms: Terms
    cells: Cells
    programme: Programme
    plan: Plan
    rounded: Assignment


def _solve(ledger: Ledger) -> _Solved:
    """Solve and round; members of industry and scenario become rows only when a plan breaks their cap."""
    terms = ledger.terms
    for _ in range(ROUNDS):
        now = replace(ledger, terms=terms)
        cells = make_cells(now.people, now.earns, now.lent(), terms.flags, len(terms.partners))
        programme = formulate(cells, terms)
        try:
            plan = solve(programme)
        except NoPlanError as error:
            raise BlockedError(_conflict_line(error.programme)) from error
        rounded = round_plan(now, cells, programme, plan)
        missing = _missing_flags(now, rounded, terms)
        if not missing:
            mend(now, rounded)
            fill(now, rounded, _takes(cells, terms))
            return _Solved(terms, cells, programme, plan, rounded)
        terms = replace(terms, flags=tuple(sorted({*terms.flags, *missing}, key=lambda f: (f.dimension, f.member))))
    raise ArithmeticError("funding: the shares of industries and scenarios do not settle")


def _missing_flags(ledger: Ledger, plan: Assignment, terms: Terms) -> list[Flag]:
    wanted = ("industry_share", "scenario_share")
    found = [Flag(u.constraint.removesuffix("_share"), u.member) for u in broken(ledger.uses(plan)) if u.constraint in wanted]
    return [flag for flag in found if flag not in terms.flags]


def _takes(cells: Cells, terms: Terms) -> npt.NDArray[np.bool_]:
    """Which partner may take new use of which applicant."""
    return eligible(cells, terms)[:, cells.of]


def _choose(ledger: Ledger, solved: _Solved) -> tuple[Assignment, bool]:
    """Last night's plan carried on, if it keeps every rule and a new one would not earn a thousandth more."""
    people = ledger.people
    now = replace(ledger, terms=solved.terms)
    if not people.record.known.any():
        return solved.rounded, False
    takes = _takes(solved.cells, solved.terms)
    carried = _carried(now, solved.cells, takes)
    if broken(now.uses(carried)):
        return solved.rounded, False
    fill(now, carried, takes)
    better = now.worth(solved.rounded) - now.worth(carried)
    noise = len(solved.terms.partners) / len(people)  # rounding is off by about one customer for each funder
    return (carried, True) if better <= (REBALANCE + noise) * abs(solved.plan.profit) else (solved.rounded, False)


def _carried(ledger: Ledger, cells: Cells, takes: npt.NDArray[np.bool_]) -> Assignment:
    people = ledger.people
    record = people.record
    limit = np.where(record.known, np.maximum(np.minimum(people.wanted, record.limit), people.out), people.out)
    may = np.where(record.partner >= 0, takes[record.partner, np.arange(len(people))] if len(takes) else False, True)
    partner = np.where(may | people.keeps, record.partner, NOBODY).astype(np.int32)
    closed = closed_to(ledger, cells)
    plan = Assignment(limit=limit, partner=partner, own_extra=closed)
    return copy_of(plan)


def _binding(solved: _Solved, people: Applicants) -> npt.NDArray[np.object_]:
    """Per applicant the rule that stands in the way of more: the dearest that its cell touches; else profit itself."""
    dearest = np.full(len(solved.cells), "portfolio_profit", dtype=object)
    worth = np.zeros(len(solved.cells))
    block = solved.programme.extra
    tight = np.flatnonzero(solved.plan.duals > 1e-9)
    price = np.zeros(solved.programme.matrix.shape[1])
    rows = solved.programme.matrix.tocsr()
    first = rows.shape[0] - len(solved.programme.rules)
    for j in tight:
        rule = solved.programme.rules[j]
        price[:] = 0
        if rule.constraint in ("partner_commitment", "partner_tier1", "partner_joint", "partner_share"):
            code = [p.partner_id for p in solved.terms.partners].index(rule.member)
            price[: len(block)] = (block.funder == code) * (1 - solved.terms.own_share)
        else:
            row = rows.getrow(first + j)
            price[row.indices] = np.maximum(row.data, 0)
        by_cell = np.zeros(len(solved.cells))
        np.maximum.at(by_cell, block.cell, price[: len(block)] * solved.plan.duals[j])
        better = by_cell > worth
        dearest[better], worth[better] = f"portfolio_{rule.constraint}", by_cell[better]
    return dearest[solved.cells.of]


def _used(plan: Assignment, theirs: npt.NDArray[np.int64], names: tuple[str, ...]) -> dict[str, int]:
    used = {OWN: int((plan.limit - theirs).sum())}
    used |= {name: int(theirs[plan.partner == code].sum()) for code, name in enumerate(names)}
    return dict(sorted(used.items()))


def _conflict_line(programme: Programme) -> str:
    rules, relaxed = conflict(programme)
    names = ", ".join(f"{rule.constraint} {rule.member}" for rule in rules) or "what is lent already"
    given = "; ".join(f"{rule.constraint} {rule.member} by {amount:,.2f} yuan" for rule, amount in relaxed[:SHOWN])
    more = f" and {len(relaxed) - SHOWN} more" if len(relaxed) > SHOWN else ""
    return (
        f"funding: no plan keeps every rule: {names} conflict; the least that would have to give: {given}{more}: change"
        " the policy or the partners' terms, and run the night again"
    )
