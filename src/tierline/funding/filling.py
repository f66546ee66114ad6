"""Using up what rounding left: parts of limits and parts of partners, to the last step and cent that the rules leave.

Belongs here: raising single customers of cells that the programme funds in part. Does not belong here: mending what is
broken (``funding.repair``).
"""

from __future__ import annotations

import numpy as np

from tierline.funding.book import DIMENSIONS, NOBODY, Flags, Ints, greatest_part, least_part
from tierline.funding.cells import FREE, WANTED
from tierline.funding.optimum import Optimum
from tierline.funding.repair import Mender
from tierline.funding.rules import Plan, Rule, excess_of

_EACH = 3  # customers of one cell that are looked at
_PART = 1e-6


def fill(mender: Mender, optimum: Optimum, plan: Plan) -> Plan:
    """A plan at least as good: limits of partly funded cells raised, best margin first, then partners' room used."""
    plan = plan.copy()
    columns, cells = optimum.programme.columns, optimum.programme.cells
    fraction = np.where(columns.level == WANTED, optimum.solution.fraction, 0.0)
    high = np.bincount(columns.cell, fraction, len(cells))
    partly = np.flatnonzero((high > _PART) & (high < 1 - _PART))
    order = _in_order(mender, cells.of, plan.limit < mender.book.wanted, partly)
    for cell in sorted(partly.tolist(), key=lambda one: (-_margin(optimum, one), one)):
        for customer in order.get(cell, [])[:_EACH]:
            for partner in [*_partners(optimum, fraction, cell), NOBODY]:
                if _raised(mender, plan, customer, partner):
                    break
    for partner in _wanted_more(optimum):
        _use_room(mender, optimum, plan, partner, fraction)
    return plan


def _in_order(mender: Mender, of: Ints, who: Flags, cells: Ints) -> dict[int, list[int]]:
    """Members that may be raised by cell: who has a limit before first, then by key."""
    members = np.flatnonzero(who & np.isin(of, cells))
    members = members[np.argsort(~mender.book.before[members], kind="stable")]
    found: dict[int, list[int]] = {}
    for customer in members:
        found.setdefault(int(of[customer]), []).append(int(customer))
    return found


def _margin(optimum: Optimum, cell: int) -> float:
    sums = optimum.programme.cells.sums[WANTED, 0]
    return float(sums.earned[cell] / max(sums.limit[cell], 1.0))


def _partners(optimum: Optimum, fraction: np.ndarray, cell: int) -> list[int]:
    """Partners that the programme uses in a cell of customers without a kept funder."""
    columns, cells = optimum.programme.columns, optimum.programme.cells
    used = (columns.cell == cell) & (fraction > _PART) & (columns.partner != NOBODY)
    return sorted({int(one) for one in columns.partner[used]}) if cells.kind[cell] == FREE else []


def _raised(mender: Mender, plan: Plan, customer: int, partner: int) -> bool:
    """Raise one limit as far as every rule leaves room; False if not by a single step."""
    book = mender.book
    old = int(plan.limit[customer]), int(plan.part[customer]), int(plan.partner[customer])
    if old[2] not in (NOBODY, partner) or (old[0] > 0 and old[2] != partner):
        return False
    own = float(mender.own_share) if partner != NOBODY else 1.0
    most = int(book.wanted[customer]) - old[0]
    totals = mender.totals(plan)
    for rule in mender.rules:
        weight = _weight(mender, rule, customer, partner, own)
        if weight > 0:
            most = min(most, int(-excess_of(rule, totals, mender.lender) / weight))
    limit = old[0] + most
    limit = limit if limit == book.wanted[customer] else limit // mender.step * mender.step
    if limit <= old[0]:
        return False
    part = int(greatest_part(np.array([limit]), mender.own_share)[0]) if partner != NOBODY else 0
    plan.limit[customer], plan.part[customer], plan.partner[customer] = limit, part, partner
    if mender.broken(plan):
        plan.limit[customer], plan.part[customer], plan.partner[customer] = old
        return False
    return True


def _weight(mender: Mender, rule: Rule, customer: int, partner: int, own: float) -> float:
    """What a cent of limit uses of a rule, with ``own`` of it own money and the rest the partner's."""
    book, ccf, share = mender.book, mender.policy.funding.ccf, float(rule.share or 0)
    if rule.constraint.startswith("partner_"):
        return ((1 - own) if rule.index == partner else 0.0) - share
    weight = {
        "leverage": own,
        "capital": ccf * (float(book.capital[customer]) * own + float(mender.lender.guaranteed[partner]) * (1 - own)),
        "expected_loss": ccf * float(book.loss[customer]) - share,
        "inclusive": 0.0,  # may hold in another way: broken() decides
    }
    for name in DIMENSIONS:
        weight[f"{name}_share"] = float(book.code[name][customer] == rule.index) - share
    return weight[rule.constraint]


def _wanted_more(optimum: Optimum) -> list[int]:
    """Partners whose room has a price, dearest first."""
    found = zip(optimum.programme.rows, optimum.solution.dual, strict=True)
    prices = [(float(dual), row.rule.index) for row, dual in found if row.rule.constraint.startswith("partner_")]
    return [partner for dual, partner in sorted(prices, reverse=True) if dual > 0]


def _use_room(mender: Mender, optimum: Optimum, plan: Plan, partner: int, fraction: np.ndarray) -> None:
    """Give what is left of a partner's room to a customer of a cell it funds in part, who has own money only."""
    book, columns, cells = mender.book, optimum.programme.columns, optimum.programme.cells
    totals = mender.totals(plan)
    mine = [rule for rule in mender.rules if rule.constraint.startswith("partner_") and rule.index == partner]
    room = int(min(-excess_of(rule, totals, mender.lender) for rule in mine))
    theirs = np.unique(columns.cell[(columns.partner == partner) & (fraction > _PART)])
    who = np.isin(cells.of, theirs) & (book.drawn == 0) & (plan.limit > 0) & (plan.part == 0)
    who &= ~book.recorded & (least_part(plan.limit, mender.policy.funding) <= room)
    if room <= 0 or not who.any():
        return
    customer = int(np.argmax(who))
    part = min(room, int(greatest_part(plan.limit[customer : customer + 1], mender.own_share)[0]))
    plan.part[customer], plan.partner[customer] = part, partner if part else NOBODY
    if mender.broken(plan):
        plan.part[customer], plan.partner[customer] = 0, NOBODY
