"""What an assignment of limits and funders uses of every bound, exactly.

Belongs here: used and bound of every rule for given limits and partners, in whole cents where the rule is of money. Does
not belong here: finding the assignment, shadow prices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor

import numpy as np
import numpy.typing as npt

from tierline.funding.applicants import NOBODY, Applicants, least_own, part_out
from tierline.funding.cells import Lent, dimension
from tierline.funding.economics import Economics, exposure_at_default
from tierline.funding.formulate import BUSINESS, Terms

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
SAFETY = 1.0  # yuan kept free under rules that are no whole cents: other code adds in another order


@dataclass(frozen=True)
class Assignment:
    """Limit (cents) and partner of every applicant; ``own_extra`` marks kept ones whose new part is all the lender's."""

    limit: Ints
    partner: Codes
    own_extra: Bools

    def changed(self, at: int, limit: int, partner: int) -> None:
        """Give one applicant another limit and partner, in place."""
        self.limit[at], self.partner[at] = limit, partner


@dataclass(frozen=True)
class Use:
    """One rule on an assignment: ``used`` ≤ ``bound``; money in cents, shares as fractions of all limits.

    ``room`` is what is left, in cents of the rule's own left side; below 0 the rule is broken.
    """

    constraint: str
    member: str
    used: float
    bound: float
    room: float
    is_share: bool


@dataclass(frozen=True)
class Ledger:
    """Everything needed to weigh an assignment."""

    people: Applicants
    earns: Economics
    terms: Terms

    def theirs(self, plan: Assignment) -> Ints:
        """The partner's part of every limit, cents: all but the lender's least part; kept funders keep their part."""
        share = self.terms.own_share
        most = plan.limit - least_own(plan.limit, share)
        lent = part_out(self.people, plan.limit, share)
        full = self.people.out - least_own(self.people.out, share)
        missing = np.where(self.people.keeps, np.maximum(full - lent - 1, 0), 0)
        part = np.where(plan.own_extra, lent, most - missing)
        return np.where((plan.partner == NOBODY) | (plan.limit == 0), 0, np.maximum(part, 0))

    def new_use(self, plan: Assignment, theirs: Ints) -> Ints:
        """What the partner funds beyond what it has lent already, cents."""
        limit = np.maximum(plan.limit, 1)
        unrecorded = np.where(self.people.record.known, 0, theirs * np.minimum(self.people.out, limit) // limit)
        lent = np.where(self.people.keeps, part_out(self.people, plan.limit, self.terms.own_share), unrecorded)
        return np.where(plan.partner == NOBODY, 0, theirs - np.minimum(lent, theirs))

    def profit(self, plan: Assignment) -> Floats:
        """Risk-adjusted profit of every applicant, yuan a year."""
        limit, theirs = plan.limit / 100, self.theirs(plan) / 100
        exposed = exposure_at_default(limit, np.minimum(self.people.out / 100, limit), self.terms.policy.funding.ccf)
        share = 1 - theirs / np.where(limit > 0, limit, 1.0)
        return np.where(limit > 0, exposed * self.earns.margin(share, plan.partner), 0.0)

    def capital(self, plan: Assignment) -> Floats:
        """Economic capital behind the lender's part of every limit, yuan: K · e · s."""
        limit, theirs = plan.limit / 100, self.theirs(plan) / 100
        exposed = exposure_at_default(limit, np.minimum(self.people.out / 100, limit), self.terms.policy.funding.ccf)
        share = 1 - theirs / np.where(limit > 0, limit, 1.0)
        return np.where(limit > 0, self.earns.capital * exposed * share, 0.0)

    def lent(self) -> Lent:
        """What the cells need of loans out and recorded."""
        people = self.people
        kept = people.keeps
        partner = np.where(kept, people.record.partner, NOBODY).astype(np.int32)
        none = Assignment(people.out, partner, kept)
        whole = Assignment(people.wanted, partner, kept)
        return Lent(
            theirs=part_out(people, people.wanted, self.terms.own_share),
            mixed_gain=np.where(kept, self.profit(whole) - self.profit(none), 0.0),
            mixed_capital=np.where(kept, self.capital(whole) - self.capital(none), 0.0),
        )

    def staying(self, plan: Assignment) -> float:
        """What it is worth that free customers stay with their partner, yuan: the move that is not made."""
        record = self.people.record
        stays = (self.people.out == 0) & record.known & (record.partner != NOBODY) & (record.partner == plan.partner)
        return float(plan.limit[stays].sum()) / 100 * self.terms.policy.funding.move_cost

    def worth(self, plan: Assignment) -> float:
        """What the programme maximises, on customers: profit, staying, and what volume is worth; yuan a year."""
        volume = self.terms.volume_value * float((plan.limit - self.people.out).sum()) / 100
        return float(self.profit(plan).sum()) + self.staying(plan) + volume

    def uses(self, plan: Assignment) -> list[Use]:
        """Every rule on this assignment, in the order of the published table's constraints."""
        theirs = self.theirs(plan)
        return [
            *self._partners(plan, theirs),
            *self._own(plan, theirs),
            *self._shares(plan),
            *self._losses(plan),
            *self._inclusive(plan),
        ]

    def _partners(self, plan: Assignment, theirs: Ints) -> list[Use]:
        new, count = self.new_use(plan, theirs), len(self.terms.partners)
        with_partner = plan.partner != NOBODY
        of = plan.partner[with_partner]
        added = _sums(of, new[with_partner], count)
        part = _sums(of, theirs[with_partner], count)
        total, cap = int(plan.limit.sum()), Fraction(str(self.terms.policy.funding.partner_share_cap))
        found = []
        for p, partner in enumerate(self.terms.partners):
            for bound in partner.bounds:
                room = bound.room - added[p] if added[p] else max(bound.room, 0)
                used = bound.standing + added[p]
                found.append(Use(bound.constraint, partner.partner_id, used, bound.most, room, False))
        for p, partner in enumerate(self.terms.partners):
            found.append(_share("partner_share", partner.partner_id, part[p], total, cap))
        return found

    def _own(self, plan: Assignment, theirs: Ints) -> list[Use]:
        assets, f = self.terms.net_assets, self.terms.policy.funding
        if assets is None:
            return []
        multiple = 1 + Fraction(str(f.non_standard_leverage)) + Fraction(str(f.standard_leverage))
        most = floor(max(Fraction(str(assets)), Fraction(0)) * 100 * multiple)
        own = int((plan.limit - theirs).sum())
        capital = float(self.capital(plan).sum()) * 100
        budget = f.capital_budget * max(assets, 0.0) * 100
        return [
            Use("leverage", "book", own, most, most - own, False),
            Use("capital", "book", capital, budget, budget - capital - 100 * SAFETY if capital else budget, False),
        ]

    def _shares(self, plan: Assignment) -> list[Use]:
        f, total = self.terms.policy.funding, int(plan.limit.sum())
        caps = {"region": f.region_share_cap, "industry": f.industry_share_cap, "scenario": f.scenario_share_cap}
        found = []
        for name in self.terms.capped:
            column = dimension(self.people, name)
            inside = column.codes != NOBODY
            sums = _sums(column.codes[inside], plan.limit[inside], len(column.names))
            cap = Fraction(str(caps[name]))
            found += [
                _share(f"{name}_share", member, amount, total, cap)
                for member, amount in zip(column.names, sums, strict=True)
            ]
        return found

    def _losses(self, plan: Assignment) -> list[Use]:
        f, total = self.terms.policy.funding, float(plan.limit.sum())
        exposed = exposure_at_default(plan.limit / 1.0, np.minimum(self.people.out, plan.limit) / 1.0, f.ccf)
        loss = float((self.earns.loss * exposed).sum())
        room = f.expected_loss_budget * total - loss - (100 * SAFETY if loss else 0.0)
        return [Use("expected_loss", "book", loss / max(total, 1.0), f.expected_loss_budget, room, True)]

    def _inclusive(self, plan: Assignment) -> list[Use]:
        """The floor as a share, used and bound turned round: room is above the floor."""
        names, cap = self.people.segment.names, Fraction(str(self.terms.policy.funding.inclusive_floor))
        if BUSINESS not in names:
            return []
        inside = self.people.segment.codes == names.index(BUSINESS)
        theirs, total = int(plan.limit[inside].sum()), int(plan.limit.sum())
        room = float(theirs - cap * total)
        if self.terms.all_inclusive:
            room = float(theirs - int(self.people.wanted[inside].sum()))
        return [Use("inclusive", "book", theirs / max(total, 1), float(cap), room, True)]


def _sums(codes: npt.NDArray[np.int32], amounts: Ints, size: int) -> list[int]:
    sums = np.zeros(size, dtype=np.int64)
    np.add.at(sums, codes, amounts)
    return [int(value) for value in sums]


def _share(constraint: str, member: str, amount: int, total: int, cap: Fraction) -> Use:
    return Use(constraint, member, amount / max(total, 1), float(cap), float(cap * total - amount), True)


def broken(uses: list[Use]) -> list[Use]:
    """The rules an assignment breaks."""
    return [use for use in uses if use.room < 0]


def copy_of(plan: Assignment) -> Assignment:
    """An assignment of its own arrays."""
    return replace(plan, limit=plan.limit.copy(), partner=plan.partner.copy(), own_extra=plan.own_extra.copy())
