"""Rules of ``funding_allocation``, customer by customer: the money adds up, own share and one partner.

Belongs here: rules of one loan. Does not belong here: who may fund whom (``audit.keeping``), totals of a funder
(``audit.capacity``), or whether a better split exists.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tierline.audit.finding import Finding, Rows
from tierline.audit.night import OWN, Night, in_other, joined, positions


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


def _by_customer(limits: Rows, values: pd.Series, rows: pd.DataFrame) -> pd.Series[float]:
    """Sum of ``values`` for each row of ``limits``; NaN for a customer without any (``customers_funded`` finds it)."""
    at, count = positions(rows["customer_key"], limits.frame["customer_key"]), len(limits.frame)
    sums = np.bincount(at, weights=values.to_numpy(dtype=np.float64), minlength=count)  # cents: exact below 2**53
    return pd.Series(np.where(np.bincount(at, minlength=count) > 0, sums, np.nan))
