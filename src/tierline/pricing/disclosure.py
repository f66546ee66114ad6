"""What a borrower is shown of a price: what is lent, every charge, the annualised cost, the cost of breach.

Belongs here: the disclosure table. Does not belong here: the price.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from tierline.money import to_money
from tierline.parquet import conform
from tierline.policy import Policy
from tierline.pricing.schedule import annualised_irr, cents_schedule
from tierline.schemas import PUBLISHED

LENDER = "lender and funding partner / 贷款人及合作出资方"
NOBODY = "nobody / 无"
CENTS = 100
Row = dict[str, object]


def disclosure_table(prices: pa.Table, policy: Policy, as_of: date) -> pa.Table:
    """The lines of each offered tier and term, in the form of the rule in force; returns the table ``disclosures``.

    Lines: principal, interest, annualised_all_in, breach, no_other_charges. The example principal is the policy's; the
    interest is that of the schedule in whole cents, as it is paid. Interest is the only charge, so every row says that
    there are no others. Breach is interest on the overdue amount at the contract rate times the penalty factor, never
    above the cap.
    """
    rows = [row for price in prices.filter(prices.column("offered")).to_pylist() for row in _offer(price, policy)]
    frame = pd.DataFrame(rows, columns=[*_COLUMNS])
    frame = frame.assign(as_of=as_of, rule=policy.pricing.disclosure_rule, policy_id=policy.policy_id)
    frame = frame.astype({"term_months": "int32", "no_other_charges": "bool"})
    table = pa.Table.from_pandas(frame.drop(columns=["principal", "amount"]), preserve_index=False)
    for name in ("principal", "amount"):
        table = table.append_column(name, to_money(frame[name].to_numpy(dtype=np.int64)))
    return conform(table, PUBLISHED["disclosures"])


_COLUMNS = (
    "tier",
    "term_months",
    "principal",
    "charging_party",
    "annualised_all_in",
    "annualised_paid",
    "no_other_charges",
    "item",
    "method",
    "standard",
    "amount",
    "text_en",
    "text_zh",
)


def _offer(price: Row, policy: Policy) -> list[Row]:
    """The lines of one price; amounts in cents."""
    principal = round(policy.pricing.example_principal * CENTS)
    term = int(str(price["term_months"]))
    paid = cents_schedule(principal, float(str(price["annual_rate"])), term)
    shared = {
        "tier": price["tier"],
        "term_months": term,
        "principal": principal,
        "charging_party": LENDER,
        "annualised_all_in": price["apr_irr"],
        "annualised_paid": annualised_irr(principal, paid),
        "no_other_charges": True,
    }
    lines = (
        _principal(principal, policy),
        _interest(price, principal, paid, policy),
        _annualised(price, principal, paid, policy),
        _breach(price, principal, policy),
        _no_others(),
    )
    return [shared | line for line in lines]


def _principal(principal: int, policy: Policy) -> Row:
    lent = _money(principal)
    return {
        "item": "principal",
        "method": "paid out in one sum",
        "standard": f"{lent} {policy.currency.en}",
        "charging_party": NOBODY,
        "amount": principal,
        "text_en": f"Principal {lent} {policy.currency.en}",
        "text_zh": f"贷款本金{lent}{policy.currency.zh}",
    }


def _interest(price: Row, principal: int, paid: list[int], policy: Policy) -> Row:
    rate, term, en, zh = float(str(price["annual_rate"])), len(paid), policy.currency.en, policy.currency.zh
    total, regular, last = _money(sum(paid) - principal), _money(paid[0]), _money(paid[-1])
    return {
        "item": "interest",
        "method": f"{term} equal monthly instalments, the last takes the odd cents",
        "standard": f"{rate:.2%} a year",
        "amount": sum(paid) - principal,
        "text_en": f"Interest {total} {en} over {term} months at {rate:.2%} a year (simple);"
        f" {term} instalments of {regular}, the last {last}",
        "text_zh": f"利息合计{total}{zh}，年化利率{rate:.2%}（单利）；"
        f"等额本息{term}期，每期{regular}{zh}，末期{last}{zh}",
    }


def _annualised(price: Row, principal: int, paid: list[int], policy: Policy) -> Row:
    rate, cost = float(str(price["apr_irr"])), _money(sum(paid) - principal)
    return {
        "item": "annualised_all_in",
        "method": "12 times the monthly internal rate of return of all payments (simple)",
        "standard": f"{rate:.2%} a year",
        "amount": sum(paid) - principal,
        "text_en": f"All-in cost if paid as agreed: {cost} {policy.currency.en}, {rate:.2%} a year",
        "text_zh": f"正常履约的综合融资成本{cost}{policy.currency.zh}，年化{rate:.2%}",
    }


def _breach(price: Row, principal: int, policy: Policy) -> Row:
    rate = min(float(str(price["annual_rate"])) * policy.pricing.penalty_factor, policy.pricing.price_cap)
    cents = round(principal * rate / 365)
    daily, en, zh = _money(cents), policy.currency.en, policy.currency.zh
    return {
        "item": "breach",
        "method": "per day on the overdue amount",
        "standard": f"{rate:.2%} a year",
        "amount": cents,
        "text_en": f"If overdue: {rate:.2%} a year on the overdue amount, {daily} {en} a day on the full principal",
        "text_zh": f"逾期部分按年化{rate:.2%}计收罚息；按全部本金计每日{daily}{zh}",
    }


def _no_others() -> Row:
    return {
        "item": "no_other_charges",
        "method": "none",
        "standard": "0",
        "charging_party": NOBODY,
        "amount": 0,
        "text_en": "No other charges than the interest above, and the cost of breach if overdue",
        "text_zh": "除上述利息及逾期罚息外，无其他收费",
    }


def _money(cents: int) -> str:
    """Cents as an amount with two decimals."""
    return f"{cents // CENTS}.{cents % CENTS:02d}"
