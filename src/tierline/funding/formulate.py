"""From cells, partners and policy to the linear programme.

Belongs here: which funder may take which cell, what a yuan earns, and every rule as a row. Does not belong here: solving
(``programme``).

Where s is the least own share, a yuan of new limit of a cell is the lender's alone, or s of it the lender's and 1 − s a
partner's; any larger own share is a mixture of the two. What is lent and recorded (``Bond.KEPT``) is a constant of every
rule, and the rest of such a limit is funded with the same partner, or by the lender alone where that partner's loans run
off. What is lent without record (``Bond.OPEN``) gets one funder together with the rest of the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from scipy import sparse

from tierline.funding.applicants import Coded
from tierline.funding.cells import Bond, Cells, Flag
from tierline.funding.partners import Partner
from tierline.funding.programme import INFINITE, OWN_FUNDER, UNIT, Choice, Programme, Rule
from tierline.policy import Policy

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BUSINESS = "sole_proprietor"


@dataclass(frozen=True)
class Terms:
    """What the programme needs besides the cells. ``net_assets`` is yuan, None where it is not delivered.

    ``own_cost`` is the lender's cost of funds; ``slack`` is what rounding to customers may take, yuan; ``capped`` names
    the dimensions whose share cap is assessed; ``volume_value`` is what a yuan of limit is worth beside its profit.
    """

    policy: Policy
    partners: tuple[Partner, ...]
    own_cost: float
    net_assets: float | None
    tier: Coded
    region: Coded
    segment: Coded
    flags: tuple[Flag, ...]
    capped: tuple[str, ...]
    inclusive_floor: float
    all_inclusive: bool
    slack: float = 0.0
    volume_value: float = 0.0

    @property
    def own_share(self) -> float:
        """The least own share of a loan."""
        return self.policy.funding.own_share_min


def formulate(cells: Cells, terms: Terms) -> Programme:
    """The programme of tonight; its size depends on cells and partners only."""
    return _Formulation(cells, terms).programme()


class _Formulation:
    """The pieces of one programme while it is put together."""

    def __init__(self, cells: Cells, terms: Terms) -> None:
        self.cells, self.terms = cells, terms
        self.takes = eligible(cells, terms)
        bound = (cells.bond == Bond.KEPT) & self.takes.any(axis=0)
        self.extra = _choices(cells.extra > 0, self.takes, ~bound)
        self.open = _choices((cells.bond == Bond.OPEN) & (cells.out > 0), self.takes, ~bound)
        funder, cell = np.nonzero((cells.stay > 0) & self.takes & (cells.bond == Bond.FREE))
        self.staying = Choice(cell.astype(np.int64), funder.astype(np.int64))
        blocks = np.cumsum([0, len(self.extra), len(self.open), len(self.staying)])
        self.at_open, self.at_staying, self.total = int(blocks[1]), int(blocks[2]), int(blocks[3])
        count = len(terms.partners)
        self.new_use = self.total + 1 + np.arange(count)
        self.part = self.total + 1 + count + np.arange(count)
        self.columns = self.total + 1 + 2 * count
        self.kept = cells.bond == Bond.KEPT

    # -- money of each variable

    def _own(self, choice: Choice) -> Floats:
        return np.where(choice.funder == OWN_FUNDER, 1.0, self.terms.own_share)

    def _margin(self, choice: Choice, gross: Floats, capital: Floats) -> Floats:
        own = self._own(choice)
        costs = np.array([partner.cost_of_funds for partner in self.terms.partners] + [0.0])
        funding = own * self.terms.own_cost + (1 - own) * costs[choice.funder]
        return gross[choice.cell] - funding - own * self.terms.policy.pricing.hurdle_rate * capital[choice.cell]

    def _kept_profit(self) -> float:
        """Profit on what is lent and recorded, yuan: the same whatever is chosen."""
        c, partners = self.cells, self.terms.partners
        own = c.out - c.out_partner
        costs = np.array([partner.cost_of_funds for partner in partners] + [0.0])[c.partner]
        charge = self.terms.policy.pricing.hurdle_rate * c.capital_out
        profit = c.out * c.gross_out - own * (self.terms.own_cost + charge) - c.out_partner * costs
        return float(profit[self.kept].sum())

    # -- rows

    def programme(self) -> Programme:
        structure, low, high = self._structure()
        rules = tuple(self._rules())
        rows = [*structure, *((rule.columns, rule.values) for rule in rules)]
        low += [-INFINITE] * len(rules)
        high += [rule.most for rule in rules]
        return Programme(
            extra=self.extra,
            open_=self.open,
            staying=self.staying,
            profit=self._profit(),
            upper=self._upper(),
            matrix=_matrix(rows, self.columns),
            low=np.array(low, dtype=np.float64),
            high=np.array(high, dtype=np.float64),
            rules=rules,
            fixed_profit=self._kept_profit(),
            total_column=self.total,
        )

    def _profit(self) -> Floats:
        c, ccf = self.cells, self.terms.policy.funding.ccf
        profit = np.zeros(self.columns)
        alone = (self.extra.funder == OWN_FUNDER) & self.kept[self.extra.cell]
        margin = ccf * self._margin(self.extra, c.gross, c.capital)
        profit[: self.at_open] = np.where(alone, c.mixed_gain[self.extra.cell], margin) + self.terms.volume_value
        profit[self.at_open : self.at_staying] = self._margin(self.open, c.gross_out, c.capital_out)
        profit[self.at_staying : self.total] = self.terms.policy.funding.move_cost
        return profit

    def _upper(self) -> Floats:
        upper = np.full(self.columns, INFINITE)
        upper[self.at_staying : self.total] = self.cells.stay[self.staying.funder, self.staying.cell] / UNIT
        return upper

    def _structure(self) -> tuple[list[tuple[Ints, Floats]], list[float], list[float]]:
        """Rows that hold the programme together: supply of each cell, one funder of open loans, staying, and sums."""
        c = self.cells
        rows: list[tuple[Ints, Floats]] = []
        low: list[float] = []
        high: list[float] = []

        def add(columns: Ints, values: Floats, least: float, most: float) -> None:
            rows.append((columns, values))
            low.append(least)
            high.append(most)

        extra_of, open_of = _by_cell(self.extra, len(c)), _by_cell(self.open, len(c))
        where = {(int(g), int(k)): i for i, (g, k) in enumerate(zip(self.open.cell, self.open.funder, strict=True))}
        for g in range(len(c)):
            if len(extra_of[g]):
                add(extra_of[g], np.ones(len(extra_of[g])), 0.0, c.extra[g] / UNIT)
            if len(open_of[g]):
                add(open_of[g] + self.at_open, np.ones(len(open_of[g])), c.out[g] / UNIT, c.out[g] / UNIT)
                for i in extra_of[g]:
                    with_it = self.at_open + where[g, int(self.extra.funder[i])]
                    add(np.array([i, with_it]), np.array([1.0, -c.extra[g] / c.out[g]]), -INFINITE, 0.0)
        place = {(int(g), int(k)): i for i, (g, k) in enumerate(zip(self.extra.cell, self.extra.funder, strict=True))}
        for j, (g, k) in enumerate(zip(self.staying.cell, self.staying.funder, strict=True)):
            add(np.array([self.at_staying + j, place[int(g), int(k)]]), np.array([1.0, -1.0]), -INFINITE, 0.0)
        for columns, values, fixed in self._sums():
            add(columns, values, fixed / UNIT, fixed / UNIT)
        return rows, low, high

    def _sums(self) -> list[tuple[Ints, Floats, float]]:
        """total = lent + Σ extra; new use and part of each partner, as equalities (columns, values, constant)."""
        s = self.terms.own_share
        ones = np.ones(self.at_open)
        sums = [(np.r_[self.total, np.arange(self.at_open)], np.r_[1.0, -ones], float(self.cells.out.sum()))]
        for p in range(len(self.terms.partners)):
            extra, open_ = np.flatnonzero(self.extra.funder == p), np.flatnonzero(self.open.funder == p) + self.at_open
            theirs = np.full(len(extra), -(1 - s))
            sums.append((np.r_[self.new_use[p], extra], np.r_[1.0, theirs], 0.0))
            kept = float(self.cells.out_partner[self.kept & (self.cells.partner == p)].sum())
            columns = np.r_[self.part[p], extra, open_]
            sums.append((columns, np.r_[1.0, theirs, np.full(len(open_), -(1 - s))], kept))
        return sums

    def _rules(self) -> list[Rule]:
        return [*self._partner_rules(), *self._own_rules(), *self._share_rules(), *self._loss_rule(), *self._inclusive()]

    def _partner_rules(self) -> list[Rule]:
        rules = []
        for p, partner in enumerate(self.terms.partners):
            for bound in partner.bounds:
                most = max(bound.room / 100 - self.terms.slack, 0.0) / UNIT
                rules.append(Rule(bound.constraint, partner.partner_id, self.new_use[[p]], np.ones(1), most, False))
        cap = self.terms.policy.funding.partner_share_cap
        for p, partner in enumerate(self.terms.partners):
            columns, values = np.array([self.part[p], self.total]), np.array([1.0, -cap])
            rules.append(Rule("partner_share", partner.partner_id, columns, values, -self.terms.slack / UNIT, True))
        return rules

    def _own_rules(self) -> list[Rule]:
        """Leverage and the capital budget, where the lender's position is known."""
        if self.terms.net_assets is None:
            return []
        c, f = self.cells, self.terms.policy.funding
        columns = np.arange(self.at_staying)
        own = np.r_[self._own(self.extra), self._own(self.open)]
        kept = c.out - c.out_partner
        multiple = 1 + Fraction(str(f.non_standard_leverage)) + Fraction(str(f.standard_leverage))
        assets = max(self.terms.net_assets, 0.0)
        most = float(multiple) * assets - float(kept[self.kept].sum()) - self.terms.slack
        alone = (self.extra.funder == OWN_FUNDER) & self.kept[self.extra.cell]
        new = np.where(alone, c.mixed_capital[self.extra.cell], f.ccf * c.capital[self.extra.cell])
        weight = np.r_[new, c.capital_out[self.open.cell]]
        capital = f.capital_budget * assets - float((kept * c.capital_out)[self.kept].sum()) - self.terms.slack
        return [
            Rule("leverage", "book", columns, own, most / UNIT, False),
            Rule("capital", "book", columns, own * weight, capital / UNIT, False),
        ]

    def _share_rules(self) -> list[Rule]:
        c, f = self.cells, self.terms.policy.funding
        rules = []
        if "region" in self.terms.capped:
            for r, name in enumerate(self.terms.region.names):
                rules.append(self._share("region_share", name, c.region == r, f.region_share_cap))
        caps = {"industry": f.industry_share_cap, "scenario": f.scenario_share_cap}
        for flag, inside in zip(self.terms.flags, c.flags, strict=True):
            rules.append(self._share(f"{flag.dimension}_share", flag.member, inside, caps[flag.dimension]))
        return rules

    def _share(self, constraint: str, member: str, inside: npt.NDArray[np.bool_], cap: float) -> Rule:
        columns = np.flatnonzero(inside[self.extra.cell])
        most = -float(self.cells.out[inside].sum()) - self.terms.slack
        values = np.r_[np.ones(len(columns)), -cap]
        return Rule(constraint, member, np.r_[columns, self.total], values, most / UNIT, True)

    def _loss_rule(self) -> list[Rule]:
        c, f = self.cells, self.terms.policy.funding
        columns = np.r_[np.arange(self.at_open), self.total]
        values = np.r_[f.ccf * c.loss[self.extra.cell], -f.expected_loss_budget]
        most = -float((c.out * c.loss_out).sum()) - self.terms.slack
        return [Rule("expected_loss", "book", columns, values, most / UNIT, True)]

    def _inclusive(self) -> list[Rule]:
        """Sole proprietors' part at least the floor; where they want less than that, all they want."""
        names = self.terms.segment.names
        inside = self.cells.segment == (names.index(BUSINESS) if BUSINESS in names else -1)
        columns = np.flatnonzero(inside[self.extra.cell])
        if self.terms.all_inclusive:
            most = -float(self.cells.extra[inside].sum()) / UNIT
            return [Rule("inclusive", "book", columns, -np.ones(len(columns)), most, True)] if len(columns) else []
        values = np.r_[-np.ones(len(columns)), self.terms.inclusive_floor]
        most = (float(self.cells.out[inside].sum()) - self.terms.slack) / UNIT
        return [Rule("inclusive", "book", np.r_[columns, self.total], values, most, True)]


def eligible(cells: Cells, terms: Terms) -> npt.NDArray[np.bool_]:
    """Which partner may take new use of which cell, (partners, cells): tier, region, consent, and kept funders."""
    takes = np.zeros((len(terms.partners), len(cells)), dtype=bool)
    for p, partner in enumerate(terms.partners):
        fits = np.array(
            [[partner.may_fund(tier, region) for region in terms.region.names] for tier in terms.tier.names], dtype=bool
        )
        takes[p] = fits[cells.tier, cells.region] & cells.consent
        takes[p] &= (cells.bond != Bond.KEPT) | (cells.partner == p)
    return takes


def _choices(
    wanted: npt.NDArray[np.bool_], takes: npt.NDArray[np.bool_], alone_too: npt.NDArray[np.bool_]
) -> Choice:
    """Every eligible partner for each cell where something is wanted, and the lender alone; in order of the cells."""
    alone = np.flatnonzero(wanted & alone_too)
    funder, cell = np.nonzero(takes & wanted)
    cells, funders = np.r_[alone, cell], np.r_[np.full(len(alone), OWN_FUNDER), funder]
    order = np.lexsort((funders, cells))
    return Choice(cells[order].astype(np.int64), funders[order].astype(np.int64))


def _by_cell(choice: Choice, cells: int) -> list[Ints]:
    starts = np.searchsorted(choice.cell, np.arange(cells + 1))
    return [np.arange(starts[g], starts[g + 1]) for g in range(cells)]


def _matrix(rows: list[tuple[Ints, Floats]], columns: int) -> sparse.csc_matrix:
    lengths = [len(where) for where, _ in rows]
    index = np.repeat(np.arange(len(rows)), lengths)
    where = np.concatenate([columns_ for columns_, _ in rows]) if rows else np.zeros(0, dtype=np.int64)
    values = np.concatenate([values_ for _, values_ in rows]) if rows else np.zeros(0)
    return sparse.csc_matrix((values, (index, where)), shape=(len(rows), columns))
