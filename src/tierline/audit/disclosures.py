"""Rules of ``disclosures``: every offer is shown whole, with the interest and the annualised cost its price gives.

Belongs here: the figures of the table. Does not belong here: the wording.
"""

from __future__ import annotations

import math
from fractions import Fraction

import pandas as pd

from tierline.audit.cap import cap_in_force
from tierline.audit.finding import Finding, Rows, finding
from tierline.audit.night import Night
from tierline.audit.pricing import instalment, irr_of

_ITEMS = ("principal", "interest", "annualised_all_in", "breach", "no_other_charges")
_EXACT = 1e-9


def audit_disclosures(night: Night) -> list[Finding]:
    """Judge ``disclosures`` against ``pricing``."""
    if not night.has("pricing", "disclosures"):
        return []
    shown, prices = night.tables["disclosures"], night.tables["pricing"].frame
    offers = prices.loc[prices["offered"], ["tier", "term_months", "annual_rate", "apr_irr"]]
    both = shown.with_frame(shown.frame.merge(offers, on=["tier", "term_months"], how="left"))
    offered = both.frame["apr_irr"].notna()
    found = both.judge("not_offered", offered, "only offers of the price grid may be disclosed")
    both = both.with_frame(both.frame[offered])
    same = (both.frame["annualised_all_in"] - both.frame["apr_irr"]).abs() <= _EXACT
    none = both.frame["no_other_charges"] & ((both.frame["item"] != "no_other_charges") | (both.frame["amount"] == 0))
    return [
        *_items(night, offers),
        *found,
        *both.judge("annualised", same, "annualised_all_in must be apr_irr", ["annualised_all_in", "apr_irr"]),
        *both.judge("no_other_charges", none, "there must be no other charges", ["no_other_charges", "amount"]),
        *_as_paid(both),
        *_breach(both, night),
    ]


def payments(principal: int, annual_rate: float, months: int) -> list[int]:
    """Monthly payments in cents: the annuity and each month's interest rounded half up, the rest in the last one."""
    if not math.isfinite(annual_rate):
        return []
    monthly, owed = Fraction(str(annual_rate)) / 12, principal
    regular = _half_up(Fraction(instalment(float(principal), annual_rate, months)))
    for _ in range(months - 1):
        owed += _half_up(owed * monthly) - regular
    return [*[regular] * (months - 1), owed + _half_up(owed * monthly)]


def _half_up(amount: Fraction) -> int:
    return math.floor(amount + Fraction(1, 2))


def _as_paid(both: Rows) -> list[Finding]:
    f = both.frame
    paid = [payments(int(p), r, t) for p, r, t in zip(f["principal"], f["annual_rate"], f["term_months"], strict=True)]
    interest = pd.Series([sum(one) for one in paid], dtype="float64") - f["principal"]
    charged = f["item"].isin(["interest", "annualised_all_in"])
    yearly = pd.Series(
        [12 * irr_of(float(p), one) for p, one in zip(f["principal"], paid, strict=True)], dtype="float64"
    )
    exact = (f["annualised_paid"] - yearly).abs() <= _EXACT
    return [
        *both.judge(
            "interest", (f["amount"] == interest) | ~charged, "interest must be that of the instalments", ["amount"]
        ),
        *both.judge(
            "annualised_paid", exact, "annualised_paid must be 12 times the IRR of the payments", ["annualised_paid"]
        ),
    ]


def _breach(both: Rows, night: Night) -> list[Finding]:
    """A day's interest on the whole principal at the penalty rate, to the cent."""
    f = both.frame
    rate = (f["annual_rate"] * night.profile.number("pricing.penalty_factor")).clip(
        upper=float(cap_in_force(night.profile))
    )
    right = (f["amount"] - f["principal"] * rate / 365).abs() <= 0.5 + _EXACT
    must = "breach must be a day's interest at the penalty rate, never above the cap"
    return both.judge("breach", right | (f["item"] != "breach"), must, ["amount", "principal"])


def _items(night: Night, offers: pd.DataFrame) -> list[Finding]:
    shown = night.tables["disclosures"].frame
    there = set(zip(shown["tier"], shown["term_months"], shown["item"], strict=True))
    cells = sorted(zip(offers["tier"], offers["term_months"], strict=True))
    absent = [(tier, term, item) for tier, term in cells for item in _ITEMS if (tier, term, item) not in there]
    if not absent:
        return []
    tier, term, item = absent[0]
    first = f"{item} of tier {tier} term_months {term}"
    text = f"every offer must show {', '.join(_ITEMS)}; {len(absent)} are missing, first {first}"
    return [finding("items", "disclosures", len(absent), text)]
