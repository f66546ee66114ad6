"""The rules of the whole book as figures: what each allows, what a plan uses of it, to the cent.

Belongs here: one ``Rule`` per constraint and member, and exact totals of a plan. Does not belong here: the linear
programme over cells (``funding.programme``), or a change of plan (``funding.rounding``).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

import numpy as np

from tierline.funding.book import DIMENSIONS, NOBODY, Book, Floats, Ints, Lender, greatest_part, least_part
from tierline.policy import FundingPolicy

BOOK = "book"
_SAFE = 1e-9  # of a bound: budgets are sums of doubles, and the auditor sums in another order


@dataclass(frozen=True)
class Rule:
    """``money``: used ≤ bound cents. Otherwise a share of all limits: used ≤ share · Σ limits, or ≥ where ``least``."""

    constraint: str
    member: str
    index: int
    bound: int = 0
    share: Fraction | None = None
    least: bool = False


@dataclass
class Plan:
    """Per customer of the book, in cents: limit, the partner's part of it, and the partner's code."""

    limit: Ints
    part: Ints
    partner: Ints

    def copy(self) -> Plan:
        """A plan that may be changed by itself."""
        return Plan(self.limit.copy(), self.part.copy(), self.partner.copy())


def out_of(book: Book, plan: Plan, own_share: Fraction) -> Ints:
    """Cents of each part that are out already: by the record, or of a loan without record the greatest part."""
    recorded = np.minimum(book.standing, greatest_part(plan.limit, own_share))
    loose = np.minimum(plan.part, greatest_part(np.minimum(book.drawn, plan.limit), own_share))
    out = np.where(book.kept, recorded, loose)
    return np.where(plan.partner == NOBODY, 0, out)


def without_crumbs(book: Book, plan: Plan, policy: FundingPolicy) -> None:
    """Lower parts below the least a partner keeps of a loan to what of them is out: the rest would be new use."""
    most = greatest_part(plan.limit, Fraction(str(policy.own_share_min)))
    out = np.where(book.kept & (plan.partner == book.partner), np.minimum(book.standing, most), 0)
    plan.part = np.where(plan.part < least_part(plan.limit, policy), np.minimum(plan.part, out), plan.part)
    plan.partner[plan.part == 0] = NOBODY


def exposure(book: Book, limit: Ints | Floats, ccf: float) -> Floats:
    """Yuan at default of each customer: what is drawn, and ``ccf`` of what is not."""
    drawn = np.minimum(book.drawn, limit)
    out: Floats = (drawn + ccf * (limit - drawn)) / 100
    return out


def profit(book: Book, plan: Plan, lender: Lender, ccf: float) -> Floats:
    """Yuan a year of each customer after loss, funding, operating and capital cost."""
    cost = lender.costs[plan.partner]  # the last for nobody (−1)
    theirs = plan.part / np.maximum(plan.limit, 1)
    earned: Floats = exposure(book, plan.limit, ccf) * (book.margin + theirs * (book.relief - cost))
    return earned


def capital_of(book: Book, plan: Plan, lender: Lender, ccf: float) -> Floats:
    """Yuan of capital of each customer: the requirement of the own part, and the whole guarantee of the partner's."""
    own = 1 - plan.part / np.maximum(plan.limit, 1)
    needed: Floats = exposure(book, plan.limit, ccf) * (
        book.capital * own + lender.guaranteed[plan.partner] * (1 - own)
    )
    return needed


def moved(book: Book, plan: Plan) -> Ints:
    """Cents of limits that change their funder: had one the night before, nothing drawn, and stand with another."""
    changed = book.recorded & ~book.kept & (plan.partner != book.partner)
    return np.where(changed, plan.limit, 0)


def rules_of(
    book: Book, lender: Lender, policy: FundingPolicy, distinct: dict[str, int]
) -> tuple[list[Rule], list[str]]:
    """Every rule that can be assessed, and notes on those that cannot. ``distinct``: members among all customers."""
    rules, notes = _partner_rules(lender, policy), []
    if lender.net_assets is None:
        notes.append("no lender position delivered: leverage and capital were not assessed")
    else:
        times = 1 + Fraction(str(policy.non_standard_leverage)) + Fraction(str(policy.standard_leverage))
        rules.append(Rule("leverage", BOOK, 0, floor(times * lender.net_assets)))
        budget = floor(Fraction(str(policy.capital_budget)) * lender.net_assets)
        rules.append(Rule("capital", BOOK, 0, budget))
    caps = {"region": policy.region_share_cap, "industry": policy.industry_share_cap}
    caps["scenario"] = policy.scenario_share_cap
    for name in DIMENSIONS:
        cap = Fraction(str(caps[name]))
        if cap == 0 or distinct[name] < ceil(1 / cap):
            notes.append(f"{name}_share: {distinct[name]} members cannot keep a cap of {float(cap):.0%}: not assessed")
            continue
        rules += [Rule(f"{name}_share", member, i, share=cap) for i, member in enumerate(book.members[name])]
    rules.append(Rule("expected_loss", BOOK, 0, share=Fraction(str(policy.expected_loss_budget))))
    rules.append(Rule("inclusive", BOOK, 0, share=Fraction(str(policy.inclusive_floor)), least=True))
    return rules, notes


def _partner_rules(lender: Lender, policy: FundingPolicy) -> list[Rule]:
    rules = []
    for index, partner in enumerate(lender.partners):
        rules += [Rule(name, partner.partner_id, index, bound.limit) for name, bound in partner.bounds.items()]
    share = Fraction(str(policy.partner_share_cap))
    return rules + [Rule("partner_share", p.partner_id, i, share=share) for i, p in enumerate(lender.partners)]


@dataclass(frozen=True)
class Totals:
    """What a plan uses, in cents: limits in all; new use and all of each partner; own; by member; loss and capital."""

    limit: int
    new: Ints
    part: Ints
    own: int
    member: dict[str, Ints]
    sole: int
    loss: float
    capital: float


def totals_of(book: Book, plan: Plan, lender: Lender, policy: FundingPolicy) -> Totals:
    """Sums of a plan; money is exact."""
    own_share, count = Fraction(str(policy.own_share_min)), len(lender.partners)
    new = plan.part - out_of(book, plan, own_share)
    risk = exposure(book, plan.limit, policy.ccf)
    return Totals(
        limit=int(plan.limit.sum()),
        new=_summed(plan.partner, new, count),
        part=_summed(plan.partner, plan.part, count),
        own=int((plan.limit - plan.part).sum()),
        member={name: _summed(book.code[name], plan.limit, len(book.members[name])) for name in DIMENSIONS},
        sole=int(plan.limit[book.sole].sum()),
        loss=float(100 * (book.loss * risk).sum()),
        capital=float(100 * capital_of(book, plan, lender, policy.ccf).sum()),
    )


def _summed(code: Ints, cents: Ints, count: int) -> Ints:
    """Exact sums by code; negative codes are left out. Below 2⁵³ cents doubles are exact."""
    known = code >= 0
    return np.bincount(code[known], cents[known].astype(np.float64), minlength=count).astype(np.int64)


def used_of(rule: Rule, totals: Totals, lender: Lender) -> float:
    """What a plan uses of a rule, in cents (of limits, for a share)."""
    if rule.constraint in ("partner_commitment", "partner_tier1", "partner_joint"):
        return lender.partners[rule.index].bounds[rule.constraint].stands + int(totals.new[rule.index])
    if rule.constraint == "partner_share":
        return int(totals.part[rule.index])
    if rule.constraint.removesuffix("_share") in totals.member:
        return int(totals.member[rule.constraint.removesuffix("_share")][rule.index])
    used: dict[str, float] = {"leverage": totals.own, "capital": totals.capital}
    used |= {"expected_loss": totals.loss, "inclusive": totals.sole}
    return used[rule.constraint]


def excess_of(rule: Rule, totals: Totals, lender: Lender) -> float:
    """Cents by which a plan exceeds a rule; at most 0 where it is kept. ``used`` for a partner counts new use only.

    What stands above a bound by itself is nobody's fault tonight: then new use must be 0.
    """
    used = used_of(rule, totals, lender)
    if rule.share is not None:
        bound = rule.share * totals.limit
        return float(bound - used) if rule.least else _over(used, bound)
    if rule.constraint.startswith("partner_"):
        return float(int(totals.new[rule.index]) - lender.partners[rule.index].bounds[rule.constraint].room)
    return _over(used, Fraction(rule.bound))


def _over(used: float, bound: Fraction) -> float:
    if isinstance(used, int):
        return float(used - bound)
    return used - float(bound) * (1 - _SAFE)
