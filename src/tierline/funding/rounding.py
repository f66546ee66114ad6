"""From cells to customers: whole limits, one partner each, every rule to the cent.

Belongs here: giving each customer a limit and a funder that add up to the plan, mending what rounding breaks, and using
what it leaves. Does not belong here: the plan (``programme``), what rules say (``ledger``).

Within a cell customers who had a limit come first, then the order of the keys; who has a partner stays with it as long
as the plan gives that partner anything. What a partner gets too much or too little in one cell is carried to the next,
so that the book is off by one customer, not one per cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tierline.funding.applicants import NOBODY
from tierline.funding.cells import Bond, Cells
from tierline.funding.ledger import Assignment, Ledger, Use, broken
from tierline.funding.programme import OWN_FUNDER, Choice, Plan, Programme

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
UNSERVED = -2
FULL = 1 - 1e-9
REPAIRS = 200


@dataclass(frozen=True)
class _Members:
    """Applicants of one cell in order of precedence, with what each wants above what is lent (yuan)."""

    rows: Ints
    sizes: Floats


def round_plan(ledger: Ledger, cells: Cells, programme: Programme, plan: Plan) -> Assignment:
    """Give every applicant a limit and a funder as the plan has it, before any mending."""
    people = ledger.people
    order = np.lexsort((np.arange(len(people)), ~people.had_limit, cells.of))
    starts = np.searchsorted(cells.of[order], np.arange(len(cells) + 1))
    funder = np.full(len(people), UNSERVED, dtype=np.int32)
    served = np.zeros(len(people), dtype=np.int64)
    extra_of, open_of = _table(programme.extra, plan.extra), _table(programme.open_, plan.open_)
    carry: dict[int, float] = {}
    for g in range(len(cells)):
        rows = order[starts[g] : starts[g + 1]]
        targets = extra_of.get(g, [])
        if cells.bond[g] == Bond.OPEN:
            _place_open(people.out, people.wanted, rows, (open_of[g], targets), funder, served)
            continue
        sizes = (people.wanted[rows] - people.out[rows]) / 100
        _fill(_Members(rows, sizes), targets, people.record.partner, carry, funder)
        got = funder[rows] != UNSERVED
        served[rows[got]] = people.wanted[rows[got]] - people.out[rows[got]]
    return _assignment(ledger, cells, funder, served)


def _table(choice: Choice, amounts: Floats) -> dict[int, list[tuple[int, float]]]:
    found: dict[int, list[tuple[int, float]]] = {}
    for i in np.flatnonzero(amounts > 1e-6):
        found.setdefault(int(choice.cell[i]), []).append((int(choice.funder[i]), float(amounts[i])))
    return found


def _fill(
    members: _Members, targets: list[tuple[int, float]], record: Codes, carry: dict[int, float], funder: Codes
) -> None:
    """Place whole customers so that each funder's sum is nearest to its target and what is carried over."""
    total, planned = float(members.sizes.sum()), sum(amount for _, amount in targets)
    if not targets:
        return
    full = planned >= total * FULL
    if full and len(targets) == 1:
        funder[members.rows] = targets[0][0]
        return
    left = {k: amount + carry.get(k, 0.0) for k, amount in targets}
    free = np.ones(len(members.rows), dtype=bool)
    for k in left:
        stays = np.flatnonzero(free & (record[members.rows] == k)) if k != OWN_FUNDER else np.zeros(0, dtype=np.int64)
        left[k] -= _take(members, stays, k, left[k], free, funder)
    for k in left:
        left[k] -= _take(members, np.flatnonzero(free), k, left[k], free, funder)
    if full and free.any():
        last = max(left, key=lambda k: left[k])
        left[last] -= float(members.sizes[free].sum())
        funder[members.rows[free]] = last
    carry.update(left)


def _take(
    members: _Members, places: Ints, k: int, target: float, free: npt.NDArray[np.bool_], funder: Codes
) -> float:
    """Give ``k`` the first of ``places`` whose sum comes nearest to ``target``; returns their sum."""
    sizes = members.sizes[places]
    sums = np.cumsum(sizes)
    count = int(np.searchsorted(sums - sizes / 2, target, side="right"))
    chosen = places[:count]
    free[chosen] = False
    funder[members.rows[chosen]] = k
    return float(sums[count - 1]) if count else 0.0


def _place_open(
    out: Ints,
    wanted: Ints,
    rows: Ints,
    targets: tuple[list[tuple[int, float]], list[tuple[int, float]]],
    funder: Codes,
    served: Ints,
) -> None:
    """Loans out without a record: a funder by what is lent, then the rest of the limit as far as the plan goes."""
    lent, extra = targets
    members, free = _Members(rows, out[rows] / 100), np.ones(len(rows), dtype=bool)
    for place, (k, amount) in enumerate(lent):
        last = place == len(lent) - 1
        _take(members, np.flatnonzero(free), k, np.inf if last else amount, free, funder)
    for k, amount in extra:
        mine = rows[funder[rows] == k]
        sums = np.cumsum((wanted[mine] - out[mine]) / 100)
        within = sums <= amount + 1e-6 * max(amount, 1.0)
        served[mine[within]] = (wanted - out)[mine[within]]


def _assignment(ledger: Ledger, cells: Cells, funder: Codes, served: Ints) -> Assignment:
    """Limits and partners from what was placed; kept customers keep their partner whoever funds the rest."""
    people = ledger.people
    kept = people.keeps
    partner = np.where(kept, people.record.partner, np.where(funder >= 0, funder, NOBODY)).astype(np.int32)
    own_extra = kept & (people.record.partner != NOBODY) & ((funder != people.record.partner) | (served == 0))
    own_extra |= kept & closed_to(ledger, cells)
    return Assignment(limit=people.out + served, partner=partner, own_extra=own_extra)


def closed_to(ledger: Ledger, cells: Cells) -> npt.NDArray[np.bool_]:
    """Kept customers whose partner funds nothing new: its loans run off."""
    from tierline.funding.formulate import eligible

    takes = eligible(cells, ledger.terms)
    open_ = np.where(cells.partner >= 0, takes[cells.partner, np.arange(len(cells))] if len(takes) else False, False)
    closed: npt.NDArray[np.bool_] = ((cells.bond == Bond.KEPT) & (cells.partner >= 0) & ~open_)[cells.of]
    return closed


def mend(ledger: Ledger, plan: Assignment) -> None:
    """Lower limits, in place, until every rule holds: of those who use the broken rule, who earn least first.

    Raises ``ArithmeticError`` if that does not end: then rounding is at fault, not the night.
    """
    for _ in range(REPAIRS):
        wrong = broken(ledger.uses(plan))
        if not wrong:
            return
        if not any(_lower(ledger, plan, use) for use in wrong):
            break
    raise ArithmeticError(f"funding: rounding breaks {', '.join(f'{u.constraint} {u.member}' for u in wrong)}")


def _lower(ledger: Ledger, plan: Assignment, use: Use) -> bool:
    """Lower limits until the rule has room again; False if nobody's limit can be lowered for it."""
    weight = burden(ledger, plan, use)
    above = plan.limit - ledger.people.out
    profit = ledger.profit(plan) / np.maximum(plan.limit, 1)
    places = np.flatnonzero((weight > 0) & (above > 0))
    places = places[np.lexsort((places, profit[places]))]
    if not len(places):
        return False
    step = round(ledger.terms.policy.limits.rounding * 100)
    missing, changed = -use.room, False
    for at in places:
        if missing <= 0:
            break
        lowered = lower_limit(ledger, plan, int(at), missing / weight[at], step)
        missing -= weight[at] * lowered
        changed |= lowered > 0
    return changed


def lower_limit(ledger: Ledger, plan: Assignment, at: int, by: float, step: int) -> int:
    """Lower one limit by at least ``by`` cents to a multiple of ``step``, or to what is lent; returns by how much."""
    floor_, now = int(ledger.people.out[at]), int(plan.limit[at])
    target = int((now - by) // step) * step
    plan.limit[at] = max(target, floor_)
    return now - int(plan.limit[at])


def burden(ledger: Ledger, plan: Assignment, use: Use) -> Floats:
    """Cents of a rule's left side per cent of each customer's limit above what is lent."""
    people, terms, f = ledger.people, ledger.terms, ledger.terms.policy.funding
    own = np.where((plan.partner == NOBODY) | plan.own_extra, 1.0, terms.own_share)
    names = [partner.partner_id for partner in terms.partners]
    if use.constraint.startswith("partner_"):
        mine = plan.partner == names.index(use.member)
        return np.where(mine, 1 - own - (f.partner_share_cap if use.constraint == "partner_share" else 0.0), 0.0)
    if use.constraint == "leverage":
        return own
    if use.constraint == "capital":
        return f.ccf * ledger.earns.capital * own
    if use.constraint == "expected_loss":
        return f.ccf * ledger.earns.loss - f.expected_loss_budget
    if use.constraint == "inclusive":
        business = people.segment.codes == people.segment.names.index("sole_proprietor")
        return np.where(business, 0.0, f.inclusive_floor)
    column = {"region_share": people.region, "industry_share": people.industry, "scenario_share": people.scenario}[
        use.constraint
    ]
    cap = {"region_share": f.region_share_cap, "industry_share": f.industry_share_cap, "scenario_share": f.scenario_share_cap}
    inside = column.codes == column.names.index(use.member)
    return np.where(inside, 1 - cap[use.constraint], 0.0)
