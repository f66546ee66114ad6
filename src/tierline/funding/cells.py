"""From customers to cells: groups that the rules cannot tell apart, with the sums of every way to fund them.

Belongs here: grouping and sums; the number of cells does not grow with customers. Does not belong here: the programme
(``funding.programme``).

A cell is tier × region × segment × consent × what stands: *free* (nothing drawn), *loose* (drawn, without a record of
its funder) or *kept* (drawn, with the funder of the record). Industries and scenarios are told apart only where their
cap may bind; no rule looks at the size of a limit, so there are no limit bands unless asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from tierline.funding.book import NOBODY, Book, Flags, Floats, Ints, Lender, greatest_part
from tierline.funding.rules import Plan, exposure, out_of
from tierline.policy import Policy

FREE, LOOSE, KEPT = 0, 1, 2
WANTED, FLOOR = 0, 1
NONE, OUT, MOST = 0, 1, 2
Apart = dict[str, frozenset[int]]


@dataclass(frozen=True)
class Sums:
    """Per cell, yuan, at one level of limits and one size of the partner's part.

    ``earned`` is the profit before the partner's cost, ``weight`` the exposure that cost is paid on; ``loss`` and
    ``capital`` a year's expected loss and the capital of the own part.
    """

    limit: Floats
    part: Floats
    out: Floats
    loss: Floats
    capital: Floats
    earned: Floats
    weight: Floats


@dataclass(frozen=True)
class Cells:
    """``of``: the cell of each customer. Per cell the codes, and ``sums[level, size]``.

    ``stood[cell, funder]``: yuan of wanted limits of free customers that stood with a funder the night before, the last
    column own money only; ``fresh``: those that stood with none.
    """

    of: Ints
    kind: Ints
    tier: Ints
    sole: Flags
    consent: Flags
    partner: Ints
    code: dict[str, Ints]
    sums: dict[tuple[int, int], Sums]
    stood: Floats
    fresh: Floats

    def __len__(self) -> int:
        return len(self.kind)


def make_cells(
    book: Book, lender: Lender, policy: Policy, apart: Apart, bands: Sequence[int] = (), *, alone: bool = False
) -> Cells:
    """Group the book; ``apart``: codes of industries and scenarios told apart; ``bands``: edges of limits in cents.

    With ``alone`` every customer is a cell, in the order of the book.
    """
    kind = np.where(book.drawn == 0, FREE, np.where(book.kept, KEPT, LOOSE))
    partner = np.where(kind == KEPT, book.partner, NOBODY)
    codes = {"region": book.code["region"]}
    codes |= {name: _only(book.code[name], apart.get(name, frozenset())) for name in ("industry", "scenario")}
    band = np.digitize(book.wanted, np.asarray(bands, dtype=np.int64)) if bands else np.zeros(len(book), np.int64)
    parts = [kind, book.tier, book.sole, book.consent, partner, *codes.values(), band]
    parts = [np.arange(len(book))] if alone else parts
    of, first = _grouped([np.asarray(part, dtype=np.int64) for part in parts])
    count = len(first)
    stood, fresh = _stood(book, of, kind, count, len(lender.partners))
    return Cells(
        of=of,
        kind=kind[first],
        tier=book.tier[first],
        sole=book.sole[first],
        consent=book.consent[first],
        partner=partner[first],
        code={name: code[first] for name, code in codes.items()},
        sums=_all_sums(book, of, count, policy),
        stood=stood,
        fresh=fresh,
    )


def _only(code: Ints, apart: frozenset[int]) -> Ints:
    return np.where(np.isin(code, sorted(apart)), code, -1)


def _grouped(parts: list[Ints]) -> tuple[Ints, Ints]:
    """Group number of each row, numbered in order of the parts, and the first row of each group."""
    key = np.zeros(len(parts[0]), dtype=np.int64)
    for part in parts:
        low = part - min(int(part.min(initial=0)), 0)
        key = key * (int(low.max(initial=0)) + 1) + low
    _, first, of = np.unique(key, return_index=True, return_inverse=True)
    return of, first


def _stood(book: Book, of: Ints, kind: Ints, count: int, partners: int) -> tuple[Floats, Floats]:
    free = kind == FREE
    known = free & book.recorded
    funder = np.where(book.partner == NOBODY, partners, book.partner)
    flat = np.bincount(of[known] * (partners + 1) + funder[known], book.wanted[known] / 100, count * (partners + 1))
    new = free & ~book.recorded
    fresh: Floats = np.bincount(of[new], book.wanted[new] / 100, count).astype(np.float64)
    return flat.reshape(count, partners + 1).astype(np.float64), fresh


def _all_sums(book: Book, of: Ints, count: int, policy: Policy) -> dict[tuple[int, int], Sums]:
    own_share = Fraction(str(policy.funding.own_share_min))
    sums = {}
    for level, limit in ((WANTED, book.wanted), (FLOOR, book.floor)):
        most = greatest_part(limit, own_share)
        for size, part in ((NONE, np.zeros_like(limit)), (OUT, np.minimum(book.standing, most)), (MOST, most)):
            sums[level, size] = _sums(book, of, count, Plan(limit, part, book.partner), policy)
    return sums


def _sums(book: Book, of: Ints, count: int, plan: Plan, policy: Policy) -> Sums:
    limit, part = plan.limit, plan.part
    risk = exposure(book, limit, policy.funding.ccf)
    theirs = part / np.maximum(limit, 1)
    somebody = replace(plan, partner=np.zeros_like(limit))
    out = np.minimum(out_of(book, somebody, Fraction(str(policy.funding.own_share_min))), part)

    def total(values: Floats) -> Floats:
        return np.bincount(of, values, count).astype(np.float64)

    return Sums(
        limit=total(limit / 100),
        part=total(part / 100),
        out=total(out / 100),
        loss=total(book.loss * risk),
        capital=total(book.capital * risk * (1 - theirs)),
        earned=total(risk * (book.margin + theirs * book.relief)),
        weight=total(risk * theirs),
    )


def eligible(lender: Lender, policy: Policy, regions: list[str]) -> Flags:
    """``[partner, tier, region]``: may fund new use; consent comes on top. The last region stands for none known."""
    tiers = policy.scale.tiers
    answer = np.zeros((len(lender.partners), len(tiers), len(regions) + 1), dtype=bool)
    for index, partner in enumerate(lender.partners):
        if partner.open:
            answer[index] = [[partner.may_fund(tier, region) for region in (*regions, "")] for tier in tiers]
    return answer
