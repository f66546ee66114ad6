"""Rules of ``disclosures``: every offer is shown, with the interest and the annualised cost its price gives.

Belongs here: the figures of the table. Does not belong here: the wording.
"""

from __future__ import annotations

import pandas as pd

from tierline.audit.finding import Finding, finding
from tierline.audit.night import Night
from tierline.audit.pricing import instalment

_ITEMS = ("interest", "breach")
_ROUNDING = 5  # cents: instalments are rounded one by one when a loan is made
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
    f = both.frame
    same = (f["annualised_all_in"] - f["apr_irr"]).abs() <= _EXACT
    expected = [
        int(principal) * (instalment(1.0, rate, term) * term - 1)
        for principal, rate, term in zip(f["principal"], f["annual_rate"], f["term_months"], strict=True)
    ]
    close = (f["amount"] - pd.Series(expected, dtype="float64")).abs() <= _ROUNDING
    interest = close | (f["item"] != "interest")
    return [
        *_items(night, offers),
        *found,
        *both.judge("annualised", same, "annualised_all_in must be apr_irr", ["annualised_all_in", "apr_irr"]),
        *both.judge("interest", interest, "interest must be that of the instalments", ["amount", "principal"]),
    ]


def _items(night: Night, offers: pd.DataFrame) -> list[Finding]:
    shown = night.tables["disclosures"].frame
    there = set(zip(shown["tier"], shown["term_months"], shown["item"], strict=True))
    cells = sorted(zip(offers["tier"], offers["term_months"], strict=True))
    absent = [(tier, term, item) for tier, term in cells for item in _ITEMS if (tier, term, item) not in there]
    if not absent:
        return []
    tier, term, item = absent[0]
    first = f"{item} of tier {tier} term_months {term}"
    text = f"every offer must show interest and breach; {len(absent)} are missing, first {first}"
    return [finding("items", "disclosures", len(absent), text)]
