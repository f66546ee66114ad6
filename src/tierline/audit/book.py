"""The book of one night as columns: every limit above 0 with its parts, what stood before, and what is new.

Belongs here: joining the tables and working out new use. Does not belong here: rules (``audit.keeping``,
``audit.capacity``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

from tierline.audit.finding import Rows
from tierline.audit.night import OWN, Night, joined, positions, taken

_ALL = "*"
_FACTS = ["pd_12m", "region_code", "segment", "industry_code", "scenario_id", "consent_partner_sharing"]
Cents = npt.NDArray[np.int64]


def book_of(night: Night) -> Rows:
    """Rows of ``credit_limits`` above 0 with ``own``, ``partner``, ``theirs``, the funder before and the new use.

    ``kept`` is true where a loan is out and the customer stands in the release before; then ``partner_before`` (null
    for all own) is the only partner allowed and ``out`` what it carries of the loan: what it had, at most what it may
    have of the loan and of the limit. Without a record of the loan that is what it has tonight, at most what it may
    have of the loan. ``fit`` says that the partner may fund something new for this customer; ``new`` is what it funds
    beyond ``out``, 0 at least. Money in cents. The night must have ``credit_limits`` and ``funding_allocation``.
    """
    limits = night.tables["credit_limits"]
    above = limits.with_frame(
        limits.frame.loc[limits.frame["credit_limit"] > 0, ["customer_key", "tier", "credit_limit"]]
    )
    frame = joined(above, night.inputs, ["drawn_balance", *_FACTS]).frame
    frame = frame.assign(**_split(night.tables["funding_allocation"], frame))
    frame = frame.assign(**_before(night, frame))
    least = night.profile.exact("funding.own_share_min")
    limit, drawn = _cents(frame["credit_limit"]), _cents(frame["drawn_balance"])
    lent = np.minimum(limit, drawn)
    theirs, had, whole = _cents(frame["theirs"]), _cents(frame["theirs_before"]), _cents(frame["limit_before"])
    stood = (drawn > 0) & (whole > 0)
    of_loan = np.where(stood, most_of(np.minimum(drawn, whole), least), most_of(lent, least))
    carried = np.minimum(np.where(stood, np.minimum(had, most_of(limit, least)), theirs), of_loan)
    out = np.where(drawn > 0, carried, 0)
    frame = frame.assign(
        kept=stood, out=out, lent=lent, fit=fits(night, frame, "partner"), new=np.maximum(theirs - out, 0)
    )
    return Rows("funding_allocation", frame, ("customer_key",))


def _cents(column: pd.Series) -> Cents:
    return column.fillna(0).to_numpy(dtype=np.int64)


def most_of(amount: Cents, least: Fraction) -> Cents:
    """What a partner may have of each amount: all but the own share, which is rounded up to whole cents."""
    return np.asarray(amount + (-amount * least.numerator) // least.denominator, dtype=np.int64)


def _split(allocation: Rows, frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Per customer the own part, the partner (the first, of several: ``one_partner`` finds them), its part, the sum."""
    f, count = allocation.frame, len(frame)
    at = positions(f["customer_key"], frame["customer_key"])
    amounts, by_own = _cents(f["amount"]), (f["funder_id"] == OWN).to_numpy(dtype=bool)
    own, whole = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    np.add.at(own, at[by_own & (at >= 0)], amounts[by_own & (at >= 0)])
    np.add.at(whole, at[at >= 0], amounts[at >= 0])
    rows = np.flatnonzero(~by_own & (at >= 0))[::-1]  # the first is written last
    of_partner = np.full(count, -1)
    of_partner[at[rows]] = rows
    partner = taken(f[["funder_id", "amount"]], of_partner)
    theirs = partner["amount"].fillna(0).astype("int64")
    return {"own": pd.Series(own), "partner": partner["funder_id"], "theirs": theirs, "whole": pd.Series(whole)}


def _before(night: Night, frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Partner, its part and the limit of the release before; no partner and 0 for customers that do not stand there."""
    if "funding_allocation" not in night.previous:
        none = pd.Series(0, index=frame.index)
        return {"partner_before": none.astype("str").where(none > 0), "theirs_before": none, "limit_before": none}
    split = _split(night.previous["funding_allocation"], frame)
    return {"partner_before": split["partner"], "theirs_before": split["theirs"], "limit_before": split["whole"]}


def fits(night: Night, frame: pd.DataFrame, column: str) -> npt.NDArray[np.bool_]:
    """Whether the partner of each row may fund something new for it: known, and no rule of ``misfits`` broken."""
    good = frame[column].isin(list(night.partners)).to_numpy(dtype=bool, copy=True)
    for broken in misfits(night, frame, column).values():
        good &= ~broken
    return good


def misfits(night: Night, frame: pd.DataFrame, column: str) -> dict[str, npt.NDArray[np.bool_]]:
    """Per rule, the rows whose known partner it forbids: end, notice, guarantee, tier, region, consent."""
    end = night.as_of + timedelta(days=int(night.profile.exact("funding.min_days_to_expiry")))
    notice = night.profile.exact("funding.min_notice_days")
    most = night.profile.exact("funding.first_loss_cap")
    names = ("partner_expiry", "partner_notice", "partner_guarantee", "partner_tier", "partner_region", "consent")
    broken = {name: np.zeros(len(frame), dtype=bool) for name in names}
    for partner_id, partner in night.partners.items():
        theirs = (frame[column] == partner_id).to_numpy(dtype=bool)
        takes, reaches = _any_of(partner["accepted_tiers"]), _reach(partner)
        broken["partner_expiry"] |= theirs & (not _runs(partner, end))
        broken["partner_notice"] |= theirs & (not _stays(partner, notice))
        broken["partner_guarantee"] |= theirs & (guarantee_of(partner) > most)
        if takes is not None:
            broken["partner_tier"] |= theirs & ~frame["tier"].isin(takes).to_numpy(dtype=bool)
        if reaches is not None:
            broken["partner_region"] |= theirs & ~frame["region_code"].isin(reaches).to_numpy(dtype=bool)
        broken["consent"] |= theirs & ~frame["consent_partner_sharing"].to_numpy(dtype=bool)
    return broken


def _runs(partner: Mapping[str, object], end: date) -> bool:
    expires = partner["expires_on"]
    return expires is None or (isinstance(expires, date) and expires >= end)


def _stays(partner: Mapping[str, object], least: Fraction) -> bool:
    notice = partner["notice_days"]
    return isinstance(notice, int) and notice >= least


def guarantee_of(partner: Mapping[str, object]) -> Fraction:
    """Part of the partner's share whose first losses the lender bears; 0 where the table says nothing of it."""
    share = partner.get("first_loss_share")
    return Fraction(0) if pd.isna(share) else Fraction(str(share))  # type: ignore[call-overload]


def _reach(partner: Mapping[str, object]) -> set[str] | None:
    """Regions within reach, None for all; a regional licence reaches its home region and no further."""
    listed = _any_of(partner["regions"])
    if partner["licence"] != "regional":
        return listed
    home = {str(partner["home_region"])}
    return home if listed is None else home & listed


def _any_of(text: object) -> set[str] | None:
    parts = {part.strip() for part in str(text).split(",")}
    return None if _ALL in parts else parts
