"""The instalment schedule of a loan: annuity and internal rate of return.

Belongs here: cash flows of one loan. Does not belong here: what rate it has.
"""

from __future__ import annotations

import math

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


def annualised_irr(principal: float, instalment: float, months: int) -> float:
    """12 × monthly IRR of the flows, on principal actually outstanding (PBoC notice 2021 No. 3; simple)."""
    rate = pyxirr.irr([-principal, *[instalment] * months])
    if rate is None:
        raise TierlineError(f"pricing: no internal rate of return for {months} instalments of {instalment:.2f}")
    return float(rate) * MONTHS
