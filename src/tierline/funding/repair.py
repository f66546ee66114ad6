"""Mending a plan of whole customers until every rule holds to the cent.

Belongs here: the smallest deterministic changes to single customers. Does not belong here: choosing the plan. Parts of
partners are given back to the lender first, then limits are lowered; both begin with customers who had no limit before,
and with the last key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from tierline.funding.book import DIMENSIONS, NOBODY, Book, Flags, Floats, Ints, Lender, greatest_part
from tierline.funding.rules import Plan, Rule, Totals, excess_of, totals_of, without_crumbs
from tierline.policy import Policy

_SWEEPS = 30


@dataclass(frozen=True)
class Mender:
    """What mending looks at; ``protect``: sole proprietors' limits are not lowered, which keeps ``inclusive``."""

    book: Book
    lender: Lender
    policy: Policy
    rules: list[Rule]
    protect: bool = False

    @property
    def own_share(self) -> Fraction:
        """Least own share of each loan."""
        return Fraction(str(self.policy.funding.own_share_min))

    @property
    def step(self) -> int:
        """Cents that limits are multiples of."""
        return int(Fraction(str(self.policy.limits.rounding)) * 100)

    def totals(self, plan: Plan) -> Totals:
        """Exact totals of a plan."""
        return totals_of(self.book, plan, self.lender, self.policy.funding)

    def broken(self, plan: Plan) -> dict[Rule, float]:
        """Cents by which each broken rule is exceeded; of rules ``inclusive`` also where nobody it protects was cut."""
        totals = self.totals(plan)
        found = {rule: excess_of(rule, totals, self.lender) for rule in self.rules}
        found = {rule: excess for rule, excess in found.items() if excess > 0}
        protected = self.book.sole & (plan.limit < self.book.wanted)
        return {r: e for r, e in found.items() if r.constraint != "inclusive" or protected.any()}


def mend(mender: Mender, plan: Plan) -> Plan:
    """A plan in which every rule holds if a few changes can do it; else the last one tried (``broken`` tells)."""
    plan = plan.copy()
    for _ in range(_SWEEPS):
        broken = mender.broken(plan)
        if not broken:
            return plan
        for rule, excess in sorted(broken.items(), key=lambda one: mender.rules.index(one[0])):
            _mend_one(mender, plan, rule, ceil(excess))
    return plan


def _mend_one(mender: Mender, plan: Plan, rule: Rule, excess: int) -> None:
    if rule.constraint.startswith("partner_"):
        _give_back(mender, plan, rule, excess)
    elif rule.constraint.removesuffix("_share") in DIMENSIONS:
        _level_off(mender, plan, rule)
    else:
        density, who = _density(mender, plan, rule)
        _lower(mender, plan, excess, density, who)


def _order(book: Book, who: Flags) -> Ints:
    """Customers in the order they are changed: without a limit before first, the last key first."""
    chosen = np.flatnonzero(who)[::-1]
    return chosen[np.argsort(book.before[chosen], kind="stable")]


def _give_back(mender: Mender, plan: Plan, rule: Rule, excess: int) -> None:
    """Lower the parts of a partner by ``excess`` cents in all, as far as they are not out already.

    A part that would fall below the least a partner keeps is given back whole.
    """
    book = mender.book
    least = np.where(book.kept, np.minimum(book.standing, greatest_part(plan.limit, mender.own_share)), 0)
    spare = np.where(plan.partner == rule.index, plan.part - least, 0)
    # a loan without a record gives back what is out pro rata too, which is not new use: ask for a little more
    order = _order(book, spare > 0)
    taken = _taken(spare[order], excess)
    plan.part[order] -= taken
    without_crumbs(book, plan, mender.policy.funding)


def _taken(spare: Ints, wanted: int) -> Ints:
    """How much of each spare amount is taken, in order, until ``wanted`` is reached."""
    before = np.cumsum(spare) - spare
    taken: Ints = np.clip(wanted - before, 0, spare)
    return taken


def _level_off(mender: Mender, plan: Plan, rule: Rule) -> None:
    """Lower every member of a dimension to the greatest common level that keeps its cap.

    One member after the other would only meet the level in the limit: what one gives up makes the others' parts larger.
    """
    book, dimension = mender.book, rule.constraint.removesuffix("_share")
    sums = mender.totals(plan).member[dimension]
    level = _level(sums, int(plan.limit[book.code[dimension] < 0].sum()), rule.share or Fraction(1), mender.step)
    for member in np.flatnonzero(sums > level):
        mine = book.code[dimension] == member
        _lower(mender, plan, int(sums[member] - level), np.ones(len(book)), mine)


def _level(sums: Ints, others: int, cap: Fraction, step: int) -> int:
    """The most whole steps that each sum may have so that none is above ``cap`` of all; ``others`` are not capped."""
    low, high = 0, int(sums.max(initial=0)) // step + 1
    while high - low > 1:
        middle = (low + high) // 2
        total = others + int(np.minimum(sums, middle * step).sum())
        low, high = (middle, high) if middle * step <= cap * total else (low, middle)
    return low * step


def _density(mender: Mender, plan: Plan, rule: Rule) -> tuple[Floats, Flags]:
    """Cents of excess that each lowered cent of limit takes away, and whose limit may be lowered for it."""
    book, ccf = mender.book, mender.policy.funding.ccf
    own = 1 - plan.part / np.maximum(plan.limit, 1)
    share = float(rule.share or 0)
    density: dict[str, Callable[[], Floats]] = {
        "leverage": lambda: own,
        "capital": lambda: ccf * (book.capital * own + mender.lender.guaranteed[plan.partner] * (1 - own)),
        "expected_loss": lambda: book.loss * ccf - share,
        "inclusive": lambda: np.where(book.sole, share - 1, share),
    }
    each = density[rule.constraint]()
    return each, each > 1e-6


def _lower(mender: Mender, plan: Plan, excess: int, density: Floats, who: Flags) -> None:
    """Lower limits by whole steps, best density first, until ``excess`` is taken away."""
    book, step = mender.book, mender.step
    spare = plan.limit - book.floor
    if mender.protect:
        who = who & ~book.sole
    order = _order(book, who & (spare > 0))
    order = order[np.argsort(-np.round(density[order], 3), kind="stable")]
    worth = density[order] * spare[order]
    before = np.cumsum(worth) - worth
    cents = np.ceil(np.clip((excess - before) / density[order], 0, spare[order]))
    lowered = plan.limit[order] - cents.astype(np.int64)
    lowered = np.where(cents > 0, np.maximum(lowered // step * step, book.floor[order]), plan.limit[order])
    plan.limit[order] = lowered
    fit(mender, plan, order)


def fit(mender: Mender, plan: Plan, who: Ints) -> None:
    """Parts of lowered limits: no more than the own share leaves, no less than what is out."""
    book = mender.book
    most = greatest_part(plan.limit[who], mender.own_share)
    plan.part[who] = np.minimum(plan.part[who], most)
    kept = book.kept[who] & (book.partner[who] != NOBODY)
    plan.part[who] = np.where(kept, np.maximum(plan.part[who], np.minimum(book.standing[who], most)), plan.part[who])
    plan.partner[plan.part == 0] = NOBODY
