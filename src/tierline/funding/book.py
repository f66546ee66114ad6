"""The customers of one night as arrays: what is wanted, what stands, and what a yuan of each earns and risks.

Belongs here: one entry per customer with a wanted limit, in order of key; money in whole cents. Does not belong here:
groups of customers (``funding.cells``) or any choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtr, ndtri

from tierline.errors import TierlineError
from tierline.funding.costs import newest_position
from tierline.funding.partners import Partner, all_partners
from tierline.money import to_cents
from tierline.policy import FundingPolicy, Policy
from tierline.pricing.capital import CONFIDENCE, PD_FLOOR

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

OWN = "OWN"
NOBODY = -1
"""Partner code of a customer without a partner."""
LOWERED = "portfolio_"
"""How ``binding_constraint`` of a limit lowered by the portfolio begins."""
DIMENSIONS = ("region", "industry", "scenario")
_COLUMNS = {"region": "region_code", "industry": "industry_code", "scenario": "scenario_id"}


@dataclass(frozen=True)
class FundingInputs:
    """What the portfolio looks at. ``inputs`` is ``DECISION_INPUTS``, ``limits`` the wanted ``credit_limits``.

    ``prices`` is ``pricing``; ``partners``, ``position``: None where not delivered; ``previous_limits`` and
    ``previous_allocation`` are those of the release before, None where there is none.
    """

    as_of: date
    limits: pa.Table
    inputs: pa.Table
    prices: pa.Table
    partners: pa.Table | None
    position: pa.Table | None
    previous_limits: pa.Table | None = None
    previous_allocation: pa.Table | None = None


@dataclass(frozen=True)
class Lender:
    """What holds for the whole book: partners by id, own cost of funds, net assets in cents (None: not delivered).

    ``hurdle`` is the annual return asked on capital.
    """

    partners: list[Partner]
    own_cost: float
    net_assets: int | None
    hurdle: float

    @property
    def guaranteed(self) -> Floats:
        """Per partner, and for ``NOBODY`` at the end: capital per yuan of its part, the whole first-loss guarantee."""
        return np.array([*(partner.guarantee for partner in self.partners), 0.0])

    @property
    def costs(self) -> Floats:
        """Per partner, and for ``NOBODY`` at the end: what a yuan of its part costs a year, money and guarantee."""
        money = np.array([*(partner.cost_of_funds for partner in self.partners), 0.0])
        costs: Floats = money + self.hurdle * self.guaranteed
        return costs


@dataclass(frozen=True)
class Book:
    """Customers with a wanted limit. ``row`` is the place in ``limits``; cents: wanted, drawn, floor, out.

    ``drawn`` is what of the limit is out, min(wanted, drawn balance); ``floor`` the least the limit may become;
    ``code`` per dimension the index into ``members`` (−1: null). ``partner`` is the partner of the release before
    (``NOBODY``: all own), meaningful where ``recorded``; ``kept``: a loan is out and recorded, so the funder
    stays. ``standing`` is what the recorded partner has out, ``stood_limit`` and ``stood_part`` limit and part of the
    record. ``before``: had a limit; ``stays_low``: the cents the portfolio lowered it to the night before, −1 where it
    did not. Per yuan of exposure and year: ``loss``, ``capital``, ``margin`` all own, ``relief`` by a free partner.
    """

    row: Ints
    wanted: Ints
    drawn: Ints
    floor: Ints
    tier: Ints
    sole: Flags
    consent: Flags
    code: dict[str, Ints]
    members: dict[str, list[str]]
    partner: Ints
    recorded: Flags
    kept: Flags
    standing: Ints
    stood_limit: Ints
    stood_part: Ints
    before: Flags
    stays_low: Ints
    loss: Floats
    capital: Floats
    margin: Floats
    relief: Floats

    def __len__(self) -> int:
        return len(self.row)


def greatest_part(limit: Ints, own_share: Fraction) -> Ints:
    """Cents of each limit that a partner may fund: all but the own share, of which the odd cent is the lender's."""
    own: Ints = -(-limit * own_share.numerator // own_share.denominator)
    return limit - own


def least_part(limit: Ints, policy: FundingPolicy) -> Ints:
    """Cents of each limit that a partner must fund if it funds anything new of it: rounded up, but the odd cent that
    own and partner's share would both ask for is the lender's."""
    share = Fraction(str(policy.partner_loan_share_min))
    least: Ints = -(-limit * share.numerator // share.denominator)
    return np.minimum(least, greatest_part(limit, Fraction(str(policy.own_share_min))))


def lender_of(given: FundingInputs, policy: Policy) -> Lender:
    """Partners and position of the night; without a position the policy's own cost of funds."""
    newest = newest_position(given.position, given.as_of)
    if newest is None:
        own, net = policy.pricing.own_cost_of_funds, None
    else:
        own, net = float(str(newest["cost_of_funds"])), int(Fraction(str(newest["net_assets"])) * 100)
    known = all_partners(given.partners, policy.funding, given.as_of)
    return Lender([*known, *_gone(given.previous_allocation, known, own)], own, net, policy.pricing.hurdle_rate)


def _gone(previous: pa.Table | None, known: list[Partner], cost: float) -> list[Partner]:
    """Partners of the release before that have left: what they have out runs off, at the own cost of funds."""
    stood = [] if previous is None else pc.unique(previous.column("funder_id")).to_pylist()
    left = sorted(set(stood) - {OWN} - {partner.partner_id for partner in known})
    return [Partner(one, cost, {}, closed="it has left", tiers=frozenset(), regions=frozenset()) for one in left]


def read_book(given: FundingInputs, lender: Lender, policy: Policy) -> Book:
    """The book from the tables of the night; raises ``TierlineError`` for a customer or a tier that is not there."""
    cents = to_cents(given.limits.column("credit_limit"))
    row = np.flatnonzero(cents > 0)
    limits = given.limits.take(pa.array(row))
    keys = limits.column("customer_key")
    place = _places(keys, given.inputs.column("customer_key"))
    if (place < 0).any():
        key = keys[int(np.argmax(place < 0))].as_py()
        raise TierlineError(f"wanted_limits: customer {key} is not among decision_inputs: run the night again")
    facts = given.inputs.take(pa.array(place))
    wanted, balance = cents[row], to_cents(facts.column("drawn_balance"))
    step = int(Fraction(str(policy.limits.rounding)) * 100)
    tier = _codes(limits.column("tier"), policy.scale.tiers)
    coded = {name: _coded(facts.column(_COLUMNS[name])) for name in DIMENSIONS}
    earned = _economics(facts, tier, given.prices, lender, policy)
    return Book(
        row=row,
        wanted=wanted,
        drawn=np.minimum(wanted, balance),
        floor=np.minimum(wanted, -(-balance // step) * step),
        tier=tier,
        sole=_flags(pc.equal(facts.column("segment"), "sole_proprietor")),
        consent=_flags(facts.column("consent_partner_sharing")),
        code={name: codes for name, (codes, _) in coded.items()},
        members={name: members for name, (_, members) in coded.items()},
        **_record(limits, balance, given, lender, Fraction(str(policy.funding.own_share_min))),
        **earned,
    )


def _record(
    limits: pa.Table, balance: Ints, given: FundingInputs, lender: Lender, own_share: Fraction
) -> dict[str, Any]:
    """What the release before says of each customer.

    Of what is out the partner has its greatest part, as far as the record goes: so a part that is lowered to what is
    out is still out the night after.
    """
    keys = limits.column("customer_key")
    none = np.full(len(keys), -1, dtype=np.int64)
    total, theirs, partner = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64), none.copy()
    if given.previous_allocation is not None:
        own = _flags(pc.equal(given.previous_allocation.column("funder_id"), OWN))
        for mine in (True, False):
            part = given.previous_allocation.filter(pa.array(own == mine))
            place = _places(keys, part.column("customer_key"))
            there = place >= 0
            amount = to_cents(part.column("amount"))[place[there]]
            total[there] += amount
            if not mine:
                theirs[there] = amount
                ids = [one.partner_id for one in lender.partners]
                partner[there] = _codes(part.column("funder_id"), ids)[place[there]]
    low = none.copy()
    if given.previous_limits is not None:
        cut = given.previous_limits.filter(pc.starts_with(given.previous_limits.column("binding_constraint"), LOWERED))
        place = _places(keys, cut.column("customer_key"))
        low[place >= 0] = to_cents(cut.column("credit_limit"))[place[place >= 0]]
    recorded = total > 0
    return {
        "partner": partner,
        "recorded": recorded,
        "kept": recorded & (balance > 0),
        "standing": np.minimum(theirs, greatest_part(np.minimum(balance, total), own_share)),
        "stood_limit": total,
        "stood_part": theirs,
        "before": to_cents(limits.column("previous_limit")) > 0,
        "stays_low": low,
    }


def _economics(facts: pa.Table, tier: Ints, prices: pa.Table, lender: Lender, policy: Policy) -> dict[str, Any]:
    """Per yuan of exposure and year: loss, capital, margin if all is own money, relief by a free partner.

    margin = rate − PD·LGD − operating cost − own cost − hurdle·K; with a partner's part p at cost c it is higher by
    p·(relief − c), relief = own cost + hurdle·K.
    """
    p = policy.pricing
    rate, cost = _reference_prices(prices, policy)
    if (tier < 0).any():
        raise TierlineError("wanted_limits: tier X has limits but is not of the scale: customers in default have none")
    if np.isnan(rate[np.unique(tier)]).any():
        missing = policy.scale.tiers[int(np.unique(tier)[np.isnan(rate[np.unique(tier)])][0])]
        raise TierlineError(f"pricing: tier {missing} has limits but no price: price every tier of the scale")
    pd_12m = facts.column("pd_12m").to_numpy()
    k = capital_requirements(pd_12m, p.lgd, p.asset_correlation)
    loss = pd_12m * p.lgd
    relief = lender.own_cost + p.hurdle_rate * k
    return {"loss": loss, "capital": k, "margin": rate[tier] - loss - cost[tier] - relief, "relief": relief}


def capital_requirements(pd_12m: Floats, lgd: float, correlation: float) -> Floats:
    """``pricing.capital.capital_requirement`` of many PDs at once."""
    p = np.maximum(pd_12m, PD_FLOOR)
    distress = ndtri(p) / np.sqrt(1 - correlation) + np.sqrt(correlation / (1 - correlation)) * ndtri(CONFIDENCE)
    k: Floats = lgd * ndtr(distress) - p * lgd
    return k


def _reference_prices(prices: pa.Table, policy: Policy) -> tuple[Floats, Floats]:
    """Rate and operating cost per tier at the reference term; where not offered there, at the longest offered one."""
    rate, cost = (np.full(len(policy.scale.tiers), np.nan) for _ in range(2))
    reference = policy.limits.reference_term
    # the last one written stands: offered before not offered, the reference term before longer before shorter ones
    rows = sorted(prices.to_pylist(), key=lambda r: (r["offered"], r["term_months"] == reference, r["term_months"]))
    for row in rows:
        if row["tier"] in policy.scale.tiers:
            index = policy.scale.tiers.index(row["tier"])
            rate[index], cost[index] = row["annual_rate"], row["operating_cost"]
    return rate, cost


def _places(wanted: pa.ChunkedArray, among: pa.ChunkedArray) -> Ints:
    """Where each wanted key stands; −1 where it does not."""
    found = pc.fill_null(pc.index_in(wanted, value_set=among.combine_chunks()), -1)
    return np.asarray(found.to_numpy(), dtype=np.int64)


def _codes(column: pa.ChunkedArray, names: list[str]) -> Ints:
    found = pc.fill_null(pc.index_in(column, value_set=pa.array(names, pa.string())), NOBODY)
    return np.asarray(found.to_numpy(), dtype=np.int64)


def _coded(column: pa.ChunkedArray) -> tuple[Ints, list[str]]:
    members = sorted(value for value in pc.unique(column).to_pylist() if value is not None)
    return _codes(column, members), members


def _flags(column: pa.ChunkedArray) -> Flags:
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), dtype=bool)
