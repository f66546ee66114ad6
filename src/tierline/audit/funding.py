"""Rules of ``funding_allocation``, customer by customer: the money adds up, and who funds whom is allowed.

Belongs here: rules of one loan. Does not belong here: totals of a funder (``audit.capacity``), or whether a better
split exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import pandas as pd

from tierline.audit.finding import Finding, Rows
from tierline.audit.night import OWN, Night, in_other, joined

_ALL = "*"


def audit_funding(night: Night) -> list[Finding]:
    """Judge ``funding_allocation`` against limits, inputs and partners, loan by loan."""
    if not night.has("credit_limits", "funding_allocation"):
        return []
    funding, limits = night.tables["funding_allocation"], night.tables["credit_limits"]
    with_limit = limits.with_frame(limits.frame[limits.frame["credit_limit"] > 0])
    both = joined(funding, with_limit, ["credit_limit", "tier"])
    return [
        *with_limit.judge(
            "customers_funded", in_other(with_limit, funding), "every limit must be funded", ["credit_limit"]
        ),
        *funding.judge("customers", in_other(funding, with_limit), "only limits above 0 may be funded", ["amount"]),
        *_sums(both, with_limit),
        *_own_share(both, with_limit, night),
        *_partners(joined(both, night.inputs, ["region_code", "consent_partner_sharing"]), night),
    ]


def _sums(both: Rows, limits: Rows) -> list[Finding]:
    f = both.frame
    total = limits.frame.assign(amount=_by_customer(limits, f["amount"], f))
    sums = (total["amount"] == total["credit_limit"]) | total["amount"].isna()
    right = (f["share"] - f["amount"] / f["credit_limit"]).abs() <= 1e-9
    must = "amounts must sum to the limit to the cent"
    # told of the limit's row, which names the customer; the fault is one of the allocation
    summed = Rows(both.table, total, ("customer_key",))
    return [
        *summed.judge("amount_sum", sums, must, ["amount", "credit_limit"]),
        *both.judge("negative_amount", f["amount"] >= 0, "amounts must not be below 0", ["amount"]),
        *both.judge("share", right, "share must be amount / limit", ["share", "amount", "credit_limit"]),
    ]


def _own_share(both: Rows, limits: Rows, night: Night) -> list[Finding]:
    f = both.frame
    least = night.profile.exact("funding.own_share_min")
    own = _by_customer(limits, f["amount"].where(f["funder_id"] == OWN, 0), f)
    partners = _by_customer(limits, (f["funder_id"] != OWN).astype("int64"), f)
    loans = Rows(both.table, limits.frame.assign(own=own / 100, partners=partners), ("customer_key",))
    enough = own.isna() | (own * least.denominator >= limits.frame["credit_limit"] * least.numerator)
    single = partners.isna() | (partners <= 1)
    must = f"the lender's own share must be at least {float(least):g} of each loan"
    return [
        *loans.judge("own_share", enough, must, ["own", "credit_limit"]),
        *loans.judge("one_partner", single, "a loan may have at most one partner", ["partners"]),
    ]


def _by_customer(limits: Rows, values: pd.Series, rows: pd.DataFrame) -> pd.Series:
    """Sum of ``values`` for each row of ``limits``; NaN for a customer without any (``customers_funded`` finds it)."""
    return limits.frame["customer_key"].map(values.groupby(rows["customer_key"]).sum())


def _partners(both: Rows, night: Night) -> list[Finding]:
    theirs = both.with_frame(both.frame[both.frame["funder_id"] != OWN])
    f = theirs.frame
    known = f["funder_id"].isin(list(night.partners))
    found = theirs.judge("partner_known", known, "funders must be OWN or a partner known that day", ["amount"])
    consent = f["consent_partner_sharing"].astype(bool)
    found += theirs.judge("consent", consent, "a partner may fund only customers who consent to sharing")
    theirs = theirs.with_frame(f[known])
    f = theirs.frame
    rows = [night.partners[funder] for funder in f["funder_id"]]
    end = night.as_of + timedelta(days=int(night.profile.exact("funding.min_days_to_expiry")))
    runs = pd.Series([_runs(row, end) for row in rows], dtype=bool)
    takes = pd.Series([_takes(row, tier) for row, tier in zip(rows, f["tier"], strict=True)], dtype=bool)
    reaches = pd.Series([_reaches(row, region) for row, region in zip(rows, f["region_code"], strict=True)], dtype=bool)
    return [
        *found,
        *theirs.judge("partner_expiry", runs, f"the partner's agreement must run to {end} or longer"),
        *theirs.judge("partner_tier", takes, "the partner must accept the tier", ["tier"]),
        *theirs.judge("partner_region", reaches, "the partner's licence must reach the region", ["region_code"]),
    ]


def _runs(partner: Mapping[str, object], end: date) -> bool:
    expires = partner["expires_on"]
    return expires is None or (isinstance(expires, date) and expires >= end)


def _takes(partner: Mapping[str, object], tier: object) -> bool:
    accepted = _split(partner["accepted_tiers"])
    return _ALL in accepted or tier in accepted


def _reaches(partner: Mapping[str, object], region: object) -> bool:
    """Listed regions, or all by ``*``; a regional licence reaches its home region and no further."""
    listed = _split(partner["regions"])
    at_home = partner["licence"] != "regional" or region == partner["home_region"]
    return at_home and (_ALL in listed or region in listed)


def _split(text: object) -> set[str]:
    return {part.strip() for part in str(text).split(",")}
