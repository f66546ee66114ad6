"""Using what rounding leaves: whole limits that still fit under every rule, best margin first.

Belongs here: serving more customers of a given assignment. Does not belong here: the plan, or mending it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tierline.funding.applicants import NOBODY
from tierline.funding.ledger import Assignment, Ledger, Use

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
PASSES = 10
AT_ONCE = 20_000
"""Customers looked at in one pass; what is left over is less than a few limits, so more find no room."""


@dataclass
class _Rooms:
    """What every rule still leaves, cents of its left side; used up while limits are given."""

    left: dict[tuple[str, str], float]

    def fits(self, asked: dict[tuple[str, str], float]) -> bool:
        return all(amount <= self.left.get(rule, np.inf) for rule, amount in asked.items())

    def take(self, asked: dict[tuple[str, str], float]) -> None:
        for rule, amount in asked.items():
            if rule in self.left:
                self.left[rule] -= amount


def fill(ledger: Ledger, plan: Assignment, takes: npt.NDArray[np.bool_]) -> int:
    """Give whole limits, in place, to customers who have less than they want, while every rule holds.

    ``takes`` says which partner may take new use of which customer, (partners, applicants). Returns how many limits grew.
    """
    grown = 0
    for _ in range(PASSES):
        now = _pass(ledger, plan, takes)
        grown += now
        if not now:
            break
    return grown


def _pass(ledger: Ledger, plan: Assignment, takes: npt.NDArray[np.bool_]) -> int:
    rooms = _Rooms({(use.constraint, use.member): max(use.room, 0.0) for use in ledger.uses(plan)})
    grown = 0
    for at in _candidates(ledger, plan, takes, rooms):
        for partner in _funders(ledger, plan, takes, int(at)):
            asked = _asked(ledger, plan, int(at), partner)
            if rooms.fits(asked):
                rooms.take(asked)
                plan.changed(int(at), int(ledger.people.wanted[at]), partner)
                grown += 1
                break
    return grown


def _candidates(ledger: Ledger, plan: Assignment, takes: npt.NDArray[np.bool_], rooms: _Rooms) -> Ints:
    """Who wants more, can be funded by somebody, and earns something; best margin first."""
    people, own_share = ledger.people, ledger.terms.own_share
    more = people.wanted - plan.limit
    own_room = rooms.left.get(("leverage", "book"), np.inf)
    can = more <= own_room
    for p, partner in enumerate(ledger.terms.partners):
        room = min(rooms.left[bound.constraint, partner.partner_id] for bound in partner.bounds)
        can |= takes[p] & (more * (1 - own_share) - 1 <= room) & (more * own_share <= own_room)
    best = _best_margin(ledger, takes)
    places = np.flatnonzero((more > 0) & can & (best > 0))
    ordered: Ints = places[np.lexsort((places, -best[places]))][:AT_ONCE]
    return ordered


def _best_margin(ledger: Ledger, takes: npt.NDArray[np.bool_]) -> Floats:
    best = ledger.earns.margin(1.0, NOBODY)
    for p in range(len(ledger.terms.partners)):
        shared = ledger.earns.margin(ledger.terms.own_share, p)
        best = np.where(takes[p], np.maximum(best, shared), best)
    return best


def _funders(ledger: Ledger, plan: Assignment, takes: npt.NDArray[np.bool_], at: int) -> list[int]:
    """Partners to try for one applicant, best first; whoever has a limit tonight or a loan out changes nothing."""
    people = ledger.people
    if plan.limit[at] > 0:
        same = int(plan.partner[at])
        return [same] if same == NOBODY or takes[same, at] else []
    costs = [(partner.cost_of_funds, p) for p, partner in enumerate(ledger.terms.partners) if takes[p, at]]
    own = ledger.earns.own + ledger.earns.hurdle * float(ledger.earns.capital[at])
    ranked = [p for _, p in sorted([*costs, (own, NOBODY)])]
    before = int(people.record.partner[at])
    return sorted(ranked, key=lambda p: p != before) if before != NOBODY else ranked


def _asked(ledger: Ledger, plan: Assignment, at: int, partner: int) -> dict[tuple[str, str], float]:
    """What growing one limit to what is wanted takes from every rule it touches, cents; a cent more for rounding."""
    people, terms, f = ledger.people, ledger.terms, ledger.terms.policy.funding
    more = float(people.wanted[at] - plan.limit[at])
    alone = partner == NOBODY or bool(plan.own_extra[at])
    own = more if alone else more * terms.own_share + 1
    asked = {
        ("leverage", "book"): own,
        ("capital", "book"): f.ccf * float(ledger.earns.capital[at]) * own + 1,
        ("expected_loss", "book"): (f.ccf * float(ledger.earns.loss[at]) - f.expected_loss_budget) * more + 1,
    }
    if not alone:
        of, theirs = terms.partners[partner], more * (1 - terms.own_share) + 1
        asked |= {(bound.constraint, of.partner_id): theirs for bound in of.bounds}
        asked["partner_share", of.partner_id] = theirs - f.partner_share_cap * more
    for name, column, cap in (
        ("region_share", people.region, f.region_share_cap),
        ("industry_share", people.industry, f.industry_share_cap),
        ("scenario_share", people.scenario, f.scenario_share_cap),
    ):
        if column.codes[at] != NOBODY:
            asked[name, column.names[column.codes[at]]] = more * (1 - cap)
    if people.segment.names[people.segment.codes[at]] != "sole_proprietor" and not terms.all_inclusive:
        asked["inclusive", "book"] = terms.inclusive_floor * more
    return asked


