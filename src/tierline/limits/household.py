"""What one household may have in all: the consumer cap over its consumers, a share of net assets over all its members.

Belongs here: who of a household gives way, and what a limit is called then. Does not belong here: the limit of a
customer alone (``limits.target``, ``limits.ladder``).

What is drawn stands, also what is drawn without a limit; caps bind what could be drawn beyond it. That room goes first
to what members had before, then to raises, then to first limits; within each to the better tier, then by key. So a
household that keeps its caps is not touched again, and nobody is lowered below what is drawn. Who was refused any
limit by a cap waits for a review night, as raises do: else room that the portfolio takes from one member would be
another's on the night after, though nobody's figures have changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.limits.ladder import Flags, Step
from tierline.limits.target import BUSINESS
from tierline.money import to_cents
from tierline.policy import LimitPolicy

Ints = npt.NDArray[np.int64]
_KEY = "household_key"


@dataclass(frozen=True)
class Members:
    """Per customer, in order of key: number of the household (−1: not known), segment, place of the tier in the scale
    (0 is the best), in cents what is drawn and the limit of the release before (0: none), and by reason who was refused
    any limit in it and waits for a review."""

    household: Ints
    business: Flags
    rank: Ints
    drawn: Ints
    before: Ints
    waits: dict[str, Flags]


@dataclass(frozen=True)
class _Cap:
    """The most that those of a household marked in ``who`` may have together, cents, and its words."""

    cents: int
    who: Flags
    reason: str
    binding: str


def members_of(inputs: pa.Table, rank: Ints, before: Ints, waits: dict[str, Flags]) -> Members:
    """Members from ``DECISION_INPUTS`` in order of key; inputs older than the column know no household."""
    household = np.full(inputs.num_rows, -1, dtype=np.int64)
    if _KEY in inputs.column_names:
        codes = inputs.column(_KEY).combine_chunks().dictionary_encode().indices
        household = np.asarray(pc.fill_null(codes, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
    business = np.asarray(pc.equal(inputs.column("segment"), BUSINESS), dtype=bool)
    return Members(household, business, rank, to_cents(inputs.column("drawn_balance")), before, waits)


def household_note(inputs: pa.Table) -> str:
    """What a reader of the night must know where no household is known; empty where one is."""
    if _KEY in inputs.column_names and inputs.column(_KEY).null_count < inputs.num_rows:
        return ""
    return "no household is known of any customer: the consumer cap holds per person, and nobody has related parties"


def cap_households(step: Step, members: Members, policy: LimitPolicy, net_assets: float | None) -> Step:
    """Lower limits until every household keeps its caps, as far as what is drawn lets it.

    ``net_assets`` in yuan; None where they are not known, and then their share is not assessed.
    """
    known = members.household >= 0
    if not known.any():
        return step
    caps = [_Cap(_cents(policy.consumer_cap), known & ~members.business, "HOUSEHOLD_CAP", "household_cap")]
    if net_assets is not None:
        most = int(Fraction(str(policy.related_share_of_net_assets)) * Fraction(str(net_assets)) * 100)
        caps.append(_Cap(most, known, "RELATED_PARTIES", "related_parties"))
    for cap in caps:
        step = _capped(step, members, cap, policy)
    return step


def _cents(yuan: float) -> int:
    return int(Fraction(str(yuan)) * 100)


def _capped(step: Step, members: Members, cap: _Cap, policy: LimitPolicy) -> Step:
    """``step`` with limits that keep one cap; a lowered one says so in action, reason and binding constraint."""
    old = np.rint(step.limit * 100).astype(np.int64)
    new, mine = old.copy(), np.flatnonzero(cap.who)
    new[mine] = _fitted(old[mine], members, mine, cap, policy)
    row = np.flatnonzero(new < old)
    if not len(row):
        return step
    limit = step.limit.copy()
    limit[row] = new[row] / 100
    action, reason, binding = (words.copy() for words in (step.action, step.reason, step.binding))
    before, after = members.before[row], new[row]
    cases = [after == 0, before == 0, after < before, after == before]
    action[row] = np.select(cases, ["decline", "grant", "cut", "hold"], "raise").astype(object)
    grown = after > before  # still a raise or a first limit, only smaller: as where another cap makes it so
    reason[row] = np.where(grown, reason[row], cap.reason)
    binding[row] = cap.binding
    return Step(limit, action, reason, binding)


def _fitted(wanted: Ints, members: Members, mine: Ints, cap: _Cap, policy: LimitPolicy) -> Ints:
    """Limits of the customers ``mine`` in cents, each at most as wanted, with which their households keep the cap.

    A limit that gives way in part is rounded down like any other; a raise that becomes a small change is none.
    """
    drawn, before = members.drawn[mine], members.before[mine]
    standing = np.minimum(wanted, before)
    keeps = np.maximum(standing - drawn, 0)
    grows = np.where(members.waits[cap.reason][mine], 0, np.maximum(wanted - drawn, 0) - keeps)
    kept, grown = _shared_out(members, mine, (keeps, grows), cap.cents)
    floor = np.minimum(wanted, drawn)
    least = np.where(kept == keeps, np.maximum(standing, floor), floor)
    rounding = _cents(policy.rounding)
    limit = np.maximum((drawn + kept + grown) // rounding * rounding, least)
    small = (limit > before) & (limit - before < policy.min_change * before)
    limit = np.where(small, before, limit)
    whole = (kept == keeps) & (grown == grows) & ~members.waits[cap.reason][mine]
    fitted: Ints = np.where(whole, wanted, np.minimum(limit, wanted))
    return fitted


def _shared_out(members: Members, mine: Ints, claims: tuple[Ints, Ints], most: int) -> tuple[Ints, Ints]:
    """How much of its two claims on the household's room beyond what is drawn each customer gets, in the order above.

    ``claims``: to keep what it had before, and to have more.
    """
    _, house = np.unique(members.household[mine], return_inverse=True)
    room = np.zeros(house.max(initial=-1) + 1, dtype=np.int64)
    np.add.at(room, house, members.drawn[mine])
    room = np.maximum(most - room, 0)
    count = len(mine)
    turn = np.concatenate([np.zeros(count, dtype=np.int64), np.where(members.before[mine] > 0, 1, 2)])
    home, amount = np.tile(house, 2), np.concatenate(claims)
    order = np.lexsort((np.tile(mine, 2), np.tile(members.rank[mine], 2), turn, home))
    claimed, homes = np.cumsum(amount[order]) - amount[order], home[order]
    first = np.searchsorted(homes, np.arange(len(room)))  # of each household
    ahead = claimed - claimed[first][homes]
    given = np.empty(2 * count, dtype=np.int64)
    given[order] = np.clip(room[homes] - ahead, 0, amount[order])
    return given[:count], given[count:]
