"""What a borrower is shown of a price: every charge, the annualised cost, the cost of breach.

Belongs here: the disclosure table. Does not belong here: the price.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from tierline.money import to_money
from tierline.parquet import conform
from tierline.policy import Policy, PricingPolicy
from tierline.pricing.schedule import annuity
from tierline.schemas import PUBLISHED

LENDER = "lender and funding partner / 贷款人及合作出资方"
Row = dict[str, object]


def disclosure_table(prices: pa.Table, policy: Policy, as_of: date) -> pa.Table:
    """One line per charge of each offered tier and term; returns the published table ``disclosures``.

    The example principal is the policy's. Interest is the only charge, so every row says that there are no others;
    breach is interest on the overdue amount at the contract rate times the penalty factor, never above the cap.
    """
    p = policy.pricing
    rows: list[Row] = []
    for price in prices.filter(prices.column("offered")).to_pylist():
        shared = {
            "tier": price["tier"],
            "term_months": price["term_months"],
            "principal": p.example_principal,
            "charging_party": LENDER,
            "annualised_all_in": price["apr_irr"],
        }
        rows += [shared | _interest(price, p), shared | _breach(price, p)]
    frame = pd.DataFrame(rows, columns=[*_COLUMNS])
    frame = frame.assign(
        as_of=as_of, no_other_charges=True, rule=policy.pricing.disclosure_rule, policy_id=policy.policy_id
    )
    frame = frame.astype({"term_months": "int32"})
    table = pa.Table.from_pandas(frame.drop(columns=["principal", "amount"]), preserve_index=False)
    for name in ("principal", "amount"):
        cents = np.rint(frame[name].to_numpy(dtype=np.float64) * 100).astype(np.int64)
        table = table.append_column(name, to_money(cents))
    return conform(table, PUBLISHED["disclosures"])


_COLUMNS = (
    "tier",
    "term_months",
    "principal",
    "charging_party",
    "annualised_all_in",
    "item",
    "method",
    "standard",
    "amount",
    "text_en",
    "text_zh",
)


def _interest(price: Row, p: PricingPolicy) -> Row:
    rate, term = float(str(price["annual_rate"])), int(str(price["term_months"]))
    instalment = annuity(p.example_principal, rate, term)
    total = instalment * term - p.example_principal
    lent = f"{p.example_principal:.2f}".removesuffix(".00")
    return {
        "item": "interest",
        "method": f"{term} equal monthly instalments",
        "standard": f"{rate:.2%} a year",
        "amount": total,
        "text_en": f"Interest {total:.2f} on {lent} over {term} months; annualised {rate:.2%} (simple)",
        "text_zh": f"本金{lent}元，{term}期等额本息，利息合计{total:.2f}元；年化利率{rate:.2%}（单利）",
    }


def _breach(price: Row, p: PricingPolicy) -> Row:
    rate = min(float(str(price["annual_rate"])) * p.penalty_factor, p.price_cap)
    daily = p.example_principal * rate / 365
    return {
        "item": "breach",
        "method": "per day on the overdue amount",
        "standard": f"{rate:.2%} a year",
        "amount": daily,
        "text_en": f"If overdue: {rate:.2%} a year on the overdue amount, {daily:.2f} a day on the full principal",
        "text_zh": f"逾期部分按年化{rate:.2%}计收罚息；按全部本金计每日{daily:.2f}元",
    }
