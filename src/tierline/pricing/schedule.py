"""The instalment schedule of a loan: annuity, the schedule in whole cents, internal rate of return.

Belongs here: cash flows of one loan. Does not belong here: what rate it has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

import pyxirr

from tierline.errors import TierlineError

MONTHS = 12


def annuity(principal: float, annual_rate: float, months: int) -> float:
    """Instalment A = P·i/(1−(1+i)^(−n)) with i = annual rate/12; P/n where the rate is 0."""
    monthly = annual_rate / MONTHS
    return principal / months if monthly == 0 else principal * monthly / _discount(monthly, months)


def affordable_principal(instalment: float, annual_rate: float, months: int) -> float:
    """The principal that ``instalment`` repays in ``months``: the inverse of ``annuity``."""
    monthly = annual_rate / MONTHS
    return instalment * months if monthly == 0 else instalment * _discount(monthly, months) / monthly


def _discount(monthly: float, months: int) -> float:
    """1 − (1+i)^(−n), without losing the digits of a small rate."""
    return -math.expm1(-months * math.log1p(monthly))


def cents_schedule(principal: int, annual_rate: float, months: int) -> list[int]:
    """What the customer pays month by month, in whole cents; ``principal`` is in cents too.

    The annuity and each month's interest are rounded half up; the last instalment takes what is left of the principal,
    with its interest. Whole cents cannot have the exact rate: ``annualised_irr`` of this schedule says which they have.
    """
    yearly = Decimal(str(annual_rate))  # divided last: a twelfth of it has no end, and half a cent would be lost
    regular = _cents(Decimal(annuity(float(principal), annual_rate, months)))
    owed, paid = principal, []
    for _ in range(months - 1):
        owed += _cents(owed * yearly / MONTHS) - regular
        paid.append(regular)
    return [*paid, owed + _cents(owed * yearly / MONTHS)]


def _cents(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def annualised_irr(principal: float, instalments: Sequence[float]) -> float:
    """12 × monthly IRR of the flows, on principal actually outstanding (PBoC notice 2021 No. 3; simple)."""
    rate = pyxirr.irr([-principal, *instalments])
    if rate is None:
        raise TierlineError(f"pricing: no internal rate of return for {len(instalments)} instalments on {principal:g}")
    return float(rate) * MONTHS
