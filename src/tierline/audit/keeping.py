"""Rules of who funds whom: eligibility for new use, and loans that are out keep their funders.

Belongs here: rules of one customer and its partner. Does not belong here: totals (``audit.capacity``) or sums
(``audit.funding``).
"""

from __future__ import annotations

from tierline.audit.book import misfits
from tierline.audit.finding import Finding, Rows
from tierline.audit.night import Night

_MUST = {
    "partner_expiry": "a partner that funds something new must have an agreement that runs long enough",
    "partner_notice": "a partner that funds something new must give notice enough",
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
    for rule, broken in misfits(night, f, "partner").items():
        holds = (f["new"] == 0) | run_off | ~broken
        found += shown.judge(rule, holds, _MUST[rule], ["partner", "tier", "region_code"])
    return found
