"""Rules of who funds whom: eligibility for new use, and loans that are out keep their funders.

Belongs here: rules of one customer and its partner. Does not belong here: totals (``audit.capacity``) or sums
(``audit.funding``).
"""

from __future__ import annotations

import pandas as pd

from tierline.audit.book import misfits, most_of
from tierline.audit.finding import Finding, Rows
from tierline.audit.night import Night

_MUST = {
    "partner_expiry": "a partner that funds something new must have an agreement that runs long enough",
    "partner_notice": "a partner that funds something new must give notice enough",
    "partner_guarantee": "a partner that funds something new must be guaranteed no more of its losses than the cap",
    "partner_tier": "a partner that funds something new must accept the tier",
    "partner_region": "the licence of a partner that funds something new must reach the region",
    "consent": "a partner may fund something new only for customers who consent to sharing",
}


def audit_keeping(night: Night, book: Rows) -> list[Finding]:
    """Judge the partner of each loan of the book against tonight's partners and the release before."""
    f = book.frame
    # a kept partner of run-off funds nothing new: kept_amount judges it, the rules below those that do
    same = f["partner"].isna() | (f["partner"] == f["partner_before"])
    run_off = f["kept"] & (f["partner"] == f["partner_before"]) & ~f["fit"]
    known = f["partner"].isna() | f["partner"].isin(list(night.partners)) | (f["kept"] & same)
    shown = book.with_frame(f.assign(theirs=f["theirs"] / 100, out=f["out"] / 100))
    here = f["theirs"].where(same, 0)
    enough = ~f["kept"] | (here >= f["out"]) | ~same
    exact = ~run_off | (f["theirs"] <= f["out"])
    show = ["partner", "partner_before", "theirs", "out"]
    found = shown.judge("partner_known", known, "funders must be OWN or a partner known that day", ["partner"])
    must = "a loan that is out must keep its funders: no other partner than before"
    found += shown.judge("kept_partner", ~f["kept"] | same, must, show)
    found += shown.judge("kept_amount", enough, "a partner must keep what it carries of the loan that is out", show)
    found += shown.judge("run_off", exact, "a partner that may fund nothing new carries only what is out", show)
    found += _partner_share(shown, f["theirs"], night)
    for rule, broken in misfits(night, f, "partner").items():
        holds = (f["new"] == 0) | run_off | ~broken
        found += shown.judge(rule, holds, _MUST[rule], ["partner", "tier", "region_code"])
    return found


def _partner_share(book: Rows, theirs: pd.Series[int], night: Night) -> list[Finding]:
    """A partner with new use has its least share of the limit, in whole cents: what is out already binds nothing.

    ``theirs`` in cents. The lender's own share goes first: where both shares make the whole, the odd cent is its own.
    """
    f, share = book.frame, night.profile.exact("funding.partner_loan_share_min")
    own = night.profile.exact("funding.own_share_min")
    enough = theirs * share.denominator >= f["credit_limit"] * share.numerator
    all_it_may = theirs >= most_of(f["credit_limit"].to_numpy(dtype="int64"), own)
    must = f"a partner that funds something new must have at least {float(share):g} of the loan"
    return book.judge(
        "partner_loan_share", (f["new"] == 0) | enough | all_it_may, must, ["partner", "theirs", "credit_limit"]
    )
