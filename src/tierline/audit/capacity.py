"""Rules of the whole book: what each funder carries, leverage, concentration, budgets, and the inclusive floor.

Belongs here: recomputing used and bound of every constraint. Does not belong here: single loans (``audit.keeping``), or
the published table of constraints (``audit.constraints``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, sqrt

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from tierline.audit.book import guarantee_of
from tierline.audit.finding import Finding, Rows, finding
from tierline.audit.night import Night, beside

BOOK = "book"
_TABLE = "funding_allocation"
_PD_FLOOR = 0.0005  # BIS CRE31, retail
_CONFIDENCE = 0.999  # BIS CRE31, part of the formula
_FLOAT_CENTS = Fraction(1, 2)  # expected loss and capital are sums of floating-point numbers
_DIMENSIONS = {"region_share": "region_code", "industry_share": "industry_code", "scenario_share": "scenario_id"}


@dataclass(frozen=True)
class Figure:
    """One constraint of one member in cents: ``used`` against ``bound``; shares are amounts of ``of`` cents.

    ``stood`` is what stood before and may exceed the bound if nothing is added; ``floor`` turns the bound into a least;
    ``judged`` is false where no book could keep the bound, or it is waived; ``tolerance`` is in cents too.
    """

    constraint: str
    member: str
    used: Fraction
    bound: Fraction
    of: Fraction | None = None
    stood: Fraction = Fraction(0)
    floor: bool = False
    judged: bool = True
    tolerance: Fraction = Fraction(0)

    @property
    def slack(self) -> Fraction:
        """What is left, cents; below 0 where the bound is not kept."""
        return self.used - self.bound if self.floor else self.bound - self.used

    @property
    def kept(self) -> bool:
        """Whether the rule holds."""
        nothing_new = not self.floor and self.stood > self.bound and self.used <= self.stood
        return not self.judged or nothing_new or self.slack >= -self.tolerance

    def __str__(self) -> str:
        return f"{self.member} uses {float(self.used) / 100:.2f}, bound {float(self.bound) / 100:.2f}"


def audit_capacity(of_book: Sequence[Figure]) -> list[Finding]:
    """One finding for each constraint that some member breaks."""
    broken: dict[str, list[Figure]] = {}
    for figure in of_book:
        if not figure.kept:
            broken.setdefault(figure.constraint, []).append(figure)
    must = "the bound must be kept to the cent"
    return [
        finding(rule, _TABLE, len(some), f"{must}; {len(some)} do not, first {some[0]}")
        for rule, some in broken.items()
    ]


def figures(night: Night, book: Rows) -> list[Figure]:
    """Every constraint recomputed from the book, inputs, partners and position, in a fixed order."""
    f, total = book.frame, Fraction(int(book.frame["credit_limit"].sum()))
    return [*_partners(night, f, total), *_shares(night, f, total), *_whole(night, f, total)]


def _partners(night: Night, book: pd.DataFrame, total: Fraction) -> Iterator[Figure]:
    exact = night.profile.exact
    theirs = book[book["partner"].notna()]
    new = theirs.groupby("partner")["new"].sum().to_dict()
    carried = theirs.groupby("partner")["theirs"].sum().to_dict()
    for member, partner in sorted(night.partners.items()):
        cents = {
            name: Fraction(str(partner[name])) * 100
            for name in ("commitment", "drawn", "net_tier1_capital", "joint_loan_balance", "total_loans")
        }
        added = int(new.get(member, 0))
        tier1 = Fraction(floor(exact("funding.partner_tier1_cap") * cents["net_tier1_capital"]))
        joint = Fraction(floor(exact("funding.partner_joint_cap") * cents["total_loans"]))
        drawn, jointly = cents["drawn"], cents["joint_loan_balance"]
        yield Figure("partner_commitment", member, drawn + added, cents["commitment"], stood=drawn)
        yield Figure("partner_tier1", member, drawn + added, tier1, stood=drawn)
        yield Figure("partner_joint", member, jointly + added, joint, stood=jointly)
        held = Fraction(int(carried.get(member, 0)))
        yield Figure("partner_share", member, held, exact("funding.partner_share_cap") * total, of=total)


def _shares(night: Night, book: pd.DataFrame, total: Fraction) -> Iterator[Figure]:
    for constraint, column in _DIMENSIONS.items():
        cap = night.profile.exact(f"funding.{constraint}_cap")
        members = night.inputs.frame[column].drop_duplicates()
        judged = cap > 0 and len(members) >= ceil(1 / cap)
        used = book.groupby(column)["credit_limit"].sum().to_dict()
        for member in sorted(members.dropna()):
            held = Fraction(int(used.get(member, 0)))
            yield Figure(constraint, str(member), held, cap * total, of=total, judged=judged)


def _whole(night: Night, book: pd.DataFrame, total: Fraction) -> Iterator[Figure]:
    exact = night.profile.exact
    exposure = book["lent"] + float(exact("funding.ccf")) * (book["credit_limit"] - book["lent"])
    loss = Fraction(float((book["pd_12m"] * exposure).sum()) * night.profile.number("pricing.lgd"))
    budget = exact("funding.expected_loss_budget") * total
    yield Figure("expected_loss", BOOK, loss, budget, of=total, tolerance=_FLOAT_CENTS)
    sole = Fraction(int(book.loc[book["segment"] == "sole_proprietor", "credit_limit"].sum()))
    yield Figure(
        "inclusive",
        BOOK,
        sole,
        exact("funding.inclusive_floor") * total,
        of=total,
        floor=True,
        judged=_sole_lowered(night),
    )
    if night.net_assets is None:
        return
    times = 1 + exact("funding.non_standard_leverage") + exact("funding.standard_leverage")
    own = Fraction(int(book["own"].sum()))
    yield Figure("leverage", BOOK, own, Fraction(floor(times * night.net_assets)))
    charge = pd.Series(_capital(night, book["pd_12m"]), index=book.index) * exposure
    required = Fraction(float((charge * book["own"] / book["credit_limit"]).sum())) + _guarantees(night, book, exposure)
    most = exact("funding.capital_budget") * night.net_assets
    yield Figure("capital", BOOK, required, most, tolerance=_FLOAT_CENTS)


def _guarantees(night: Night, book: pd.DataFrame, exposure: pd.Series) -> Fraction:
    """Cents of capital that first-loss guarantees tie up: all of each, on the partner's part of the exposure."""
    total = Fraction(0)
    for member, partner in night.partners.items():
        theirs = book["partner"] == member
        part = (exposure * book["theirs"] / book["credit_limit"])[theirs]
        total += guarantee_of(partner) * Fraction(float(part.sum()))
    return total


def _sole_lowered(night: Night) -> bool:
    """Whether the portfolio stage lowered a sole proprietor: otherwise the floor asks for limits nobody wants."""
    limits = night.tables["credit_limits"].frame
    lowered = limits[limits["binding_constraint"].astype("str").str.startswith("portfolio_")]
    return bool((beside(lowered, night.inputs.frame, ["segment"])["segment"] == "sole_proprietor").any())


def _capital(night: Night, pd_12m: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """K of BIS CRE31 (retail) for each PD, floored; 0 at 1, where the loss is expected."""
    lgd, r = night.profile.number("pricing.lgd"), night.profile.number("pricing.asset_correlation")
    p = np.maximum(pd_12m.to_numpy(dtype=np.float64), _PD_FLOOR)
    quantile = (ndtri(p) + sqrt(r) * ndtri(_CONFIDENCE)) / sqrt(1 - r)
    return np.asarray(np.where(p >= 1, 0.0, lgd * (ndtr(quantile) - p)))
