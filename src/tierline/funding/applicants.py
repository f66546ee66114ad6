"""Customers who want a limit tonight, as arrays: what the portfolio may give them and with whom.

Belongs here: one row per customer with what the rules of funding look at, in cents. Does not belong here: the rules, or
choosing among partners.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.money import to_cents

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
OWN = "OWN"
NOBODY = -1
"""Code of a missing member (no partner, no industry, no scenario)."""


@dataclass(frozen=True)
class Coded:
    """A column of words as codes into ``names``; ``NOBODY`` where it is null."""

    names: tuple[str, ...]
    codes: Codes


@dataclass(frozen=True)
class Record:
    """What the release before says of each customer: limit and partner's part in cents, and which partner.

    ``partner`` is ``NOBODY`` where all was the lender's own; ``known`` is false where the release had no limit.
    """

    known: Bools
    limit: Ints
    partner: Codes
    theirs: Ints


@dataclass(frozen=True)
class Applicants:
    """One row per customer with a wanted limit above 0, sorted by key. Money in cents.

    ``out`` is the part of the limit that is lent already, min(limit, drawn): no plan goes below it.
    """

    keys: pa.Array
    wanted: Ints
    out: Ints
    drawn: Ints
    pd: Floats
    consent: Bools
    had_limit: Bools
    tier: Coded
    region: Coded
    segment: Coded
    industry: Coded
    scenario: Coded
    record: Record

    def __len__(self) -> int:
        return len(self.wanted)

    @property
    def keeps(self) -> Bools:
        """Customers with a loan out that the release before knows: their funders stay."""
        return self.record.known & (self.out > 0)


def applicants(limits: pa.Table, inputs: pa.Table, previous: pa.Table | None, partners: tuple[str, ...]) -> Applicants:
    """Customers of ``limits`` (``credit_limits`` as wanted) with a limit above 0.

    ``inputs`` keeps ``DECISION_INPUTS``; ``previous`` is ``funding_allocation`` of the release before; codes of partners
    are places in ``partners``, which must name every partner of ``previous``.
    """
    limits = limits.filter(pc.greater(limits.column("credit_limit"), 0)).sort_by("customer_key").combine_chunks()
    keys = limits.column("customer_key").combine_chunks()
    facts = inputs.take(pc.index_in(keys, value_set=inputs.column("customer_key").combine_chunks()))
    wanted, drawn = to_cents(limits.column("credit_limit")), to_cents(limits.column("drawn_balance"))
    return Applicants(
        keys=keys,
        wanted=wanted,
        out=np.minimum(wanted, drawn),
        drawn=drawn,
        pd=np.asarray(facts.column("pd_12m").to_numpy(), dtype=np.float64),
        consent=_flags(facts.column("consent_partner_sharing")),
        had_limit=to_cents(limits.column("previous_limit")) > 0,
        tier=coded(limits.column("tier")),
        region=coded(facts.column("region_code")),
        segment=coded(facts.column("segment")),
        industry=coded(facts.column("industry_code")),
        scenario=coded(facts.column("scenario_id")),
        record=_record(keys, previous, partners),
    )


def coded(column: pa.ChunkedArray) -> Coded:
    """Codes in the order of the words."""
    words = pc.unique(column.drop_null()).sort()
    codes = pc.fill_null(pc.index_in(column, value_set=words), NOBODY)
    return Coded(tuple(words.to_pylist()), np.asarray(codes.to_numpy(), dtype=np.int32))


def _flags(column: pa.ChunkedArray) -> Bools:
    return np.asarray(column.to_numpy(), dtype=bool)


def _record(keys: pa.Array, previous: pa.Table | None, partners: tuple[str, ...]) -> Record:
    rows = len(keys)
    limit, theirs = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    partner = np.full(rows, NOBODY, dtype=np.int32)
    if previous is None or not previous.num_rows:
        return Record(np.zeros(rows, dtype=bool), limit, partner, theirs)
    place = pc.index_in(previous.column("customer_key"), value_set=keys)
    here = ~place.is_null().to_numpy()
    at = place.drop_null().to_numpy().astype(np.int64)
    amount = to_cents(previous.column("amount"))[here]
    funder = pc.index_in(previous.column("funder_id"), value_set=pa.array(partners, pa.string()))
    of = pc.fill_null(funder, NOBODY).to_numpy()[here].astype(np.int32)
    np.add.at(limit, at, amount)
    with_partner = of != NOBODY
    partner[at[with_partner]] = of[with_partner]
    theirs[at[with_partner]] = amount[with_partner]
    return Record(limit > 0, limit, partner, theirs)


def least_own(limit: Ints, own_share: float) -> Ints:
    """The lender's least part of each limit, cents: the odd cent is its own. 0.3 counts as written, not as a float."""
    share = Fraction(str(own_share))
    return -(-limit * share.numerator // share.denominator)


def part_out(people: Applicants, limit: Ints, own_share: float) -> Ints:
    """What the recorded partner has lent of each limit that keeps its funders, cents; 0 elsewhere.

    min(⌊theirs·out/limit⌋ by the record, limit − the lender's least part).
    """
    record = people.record
    lent = np.minimum(people.drawn, record.limit)
    before = record.theirs * lent // np.maximum(record.limit, 1)
    kept = np.minimum(before, limit - least_own(limit, own_share))
    return np.where(people.keeps & (record.partner != NOBODY), kept, 0)
