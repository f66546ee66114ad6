"""Customers that the portfolio need not tell apart, added up: what the linear programme sees.

Belongs here: cells and their totals. Does not belong here: choosing, or single customers.

A cell holds customers of one tier, region, segment and band of the wanted limit, with or without consent to share, and
of one bond to a partner. Members of an industry or scenario are told apart only where their share can be too high. The
number of cells does not grow with the number of customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from tierline.funding.applicants import Applicants, Coded
from tierline.funding.economics import Economics

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BAND_EDGES = (1_000_00, 2_000_00, 5_000_00, 10_000_00, 20_000_00, 50_000_00, 100_000_00)
"""Edges of the bands of wanted limits, cents."""


class Bond(IntEnum):
    """What ties the customers of a cell to a funder."""

    FREE = 0  # nothing lent: any eligible funder
    KEPT = 1  # lent, and the funders are known: they stay
    OPEN = 2  # lent, but no record of who funds it: one funder for the whole limit


@dataclass(frozen=True)
class Cells:
    """``of`` gives each customer its cell; every other array has one value per cell. Money in yuan.

    ``extra`` is what is wanted above what is lent, ``out`` what is lent, ``out_partner`` the partner's part of it. Means
    weighted by extra (``gross``, ``loss``, ``capital``) and by what is lent (``*_out``). ``mixed_gain`` and
    ``mixed_capital`` are profit and capital per yuan of extra where the partner keeps what is lent and the lender alone
    funds the extra. ``stay`` is, by partner, the extra of free customers whom the partner funded before.
    """

    of: Ints
    tier: Ints
    region: Ints
    segment: Ints
    consent: npt.NDArray[np.bool_]
    bond: Ints
    partner: Ints
    flags: npt.NDArray[np.bool_]
    extra: Floats
    out: Floats
    out_partner: Floats
    gross: Floats
    loss: Floats
    capital: Floats
    gross_out: Floats
    loss_out: Floats
    capital_out: Floats
    mixed_gain: Floats
    mixed_capital: Floats
    stay: Floats

    def __len__(self) -> int:
        return len(self.extra)


@dataclass(frozen=True)
class Flag:
    """Customers of one member of a dimension whose share may bind."""

    dimension: str
    member: str


@dataclass(frozen=True)
class Lent:
    """What is known of loans out, per applicant: the recorded partner's part (cents), and what the whole extra would
    earn and need as capital if the lender alone funded it (yuan)."""

    theirs: Ints
    mixed_gain: Floats
    mixed_capital: Floats


def make_cells(people: Applicants, earns: Economics, lent: Lent, flags: tuple[Flag, ...], partners: int) -> Cells:
    """Add customers up into cells."""
    bond = np.where(people.out == 0, Bond.FREE, np.where(people.record.known, Bond.KEPT, Bond.OPEN)).astype(np.int64)
    partner = np.where(bond == Bond.KEPT, people.record.partner, -1).astype(np.int64)
    flagged = [_members(people, flag) for flag in flags]
    keys = (
        people.tier.codes,
        people.region.codes,
        people.segment.codes,
        np.searchsorted(BAND_EDGES, people.wanted, side="left"),
        people.consent,
        bond,
        partner + 1,
        *flagged,
    )
    code, radix = np.zeros(len(people), dtype=np.int64), 1
    for key in keys:
        width = int(key.max(initial=0)) + 1
        code, radix = code * width + key.astype(np.int64), radix * width
    if radix >= 2**62:
        raise OverflowError("funding: too many combinations of members for one code")
    _, first, of = np.unique(code, return_index=True, return_inverse=True)
    size = len(first)
    extra, out = (people.wanted - people.out) / 100, people.out / 100

    def total(values: npt.NDArray[np.float64]) -> Floats:
        return np.bincount(of, weights=values, minlength=size)

    def mean(values: Floats, weight: Floats) -> Floats:
        sums = total(weight)
        return total(values * weight) / np.where(sums > 0, sums, 1.0)

    stay = np.zeros((partners, size))
    held = (bond == Bond.FREE) & people.record.known & (people.record.partner >= 0)
    np.add.at(stay, (people.record.partner[held], of[held]), extra[held])
    return Cells(
        of=of,
        tier=people.tier.codes[first].astype(np.int64),
        region=people.region.codes[first].astype(np.int64),
        segment=people.segment.codes[first].astype(np.int64),
        consent=people.consent[first],
        bond=bond[first],
        partner=partner[first],
        flags=np.array([member[first] for member in flagged], dtype=bool).reshape(len(flags), size),
        extra=total(extra),
        out=total(out),
        out_partner=total(lent.theirs / 100),
        gross=mean(earns.gross, extra),
        loss=mean(earns.loss, extra),
        capital=mean(earns.capital, extra),
        gross_out=mean(earns.gross, out),
        loss_out=mean(earns.loss, out),
        capital_out=mean(earns.capital, out),
        mixed_gain=total(lent.mixed_gain) / np.maximum(total(extra), 1e-9),
        mixed_capital=total(lent.mixed_capital) / np.maximum(total(extra), 1e-9),
        stay=stay,
    )


def dimension(people: Applicants, name: str) -> Coded:
    """The column of a dimension with a share cap: region, industry or scenario."""
    columns = {"region": people.region, "industry": people.industry, "scenario": people.scenario}
    return columns[name]


def _members(people: Applicants, flag: Flag) -> npt.NDArray[np.bool_]:
    column = dimension(people, flag.dimension)
    return np.asarray(column.codes == column.names.index(flag.member))
