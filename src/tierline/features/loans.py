"""Features of loans drawn, and of debt against income.

Belongs here: the rows of these families. Does not belong here: instalments (``repayments``).
"""

from __future__ import annotations

from tierline.features.feature import Feature
from tierline.features.repayments import BURDEN, EXPERIENCE

BORROWING = "RECENT_BORROWING"
_NO_LOAN = "no loan known"
_NONE_DRAWN = "nothing drawn in the window"
_MORE_DEBT = "more debt to serve from the same income"
_LOAN = ("loans.originated_on", "loans.principal")
_INCOME = ("transactions.amount", "transactions.category", "transactions.direction", "transactions.occurred_on")
_OWED = ("instalments.due_on", "instalments.principal_due", "repayments.amount", "repayments.paid_at")

_MONTHS_ON_BOOK = (
    "(year({today}) * 12 + month({today}) - year(first_on) * 12 - month(first_on)"
    " - CASE WHEN day({today}) < day(first_on) AND {today} <> last_day({today}) THEN 1 ELSE 0 END)::DOUBLE"
)


def _loan(
    name: str, sql: str, unit: str, reason: str = BORROWING, days: int | None = None, null: str = _NO_LOAN,
    sources: tuple[str, ...] = _LOAN,
) -> Feature:  # fmt: skip
    return Feature(name, "loans", sql, unit, reason, sources, window_days=days, null_means=null)


LOAN_FEATURES: tuple[Feature, ...] = (
    _loan("loans_all", "loans::DOUBLE", "count", EXPERIENCE),
    _loan("loans_opened_30d", "loans_30::DOUBLE", "count", days=30),
    _loan("loans_opened_90d", "loans_90::DOUBLE", "count", days=90),
    _loan("loans_opened_365d", "loans_365::DOUBLE", "count", days=365),
    _loan("principal_drawn_90d", "drawn_90 / 100.0", "yuan", days=90),
    _loan("principal_drawn_365d", "drawn_365 / 100.0", "yuan", days=365),
    _loan("principal_mean_365d", "drawn_365 / 100.0 / nullif(loans_365, 0)", "yuan", days=365, null=_NONE_DRAWN),
    _loan("drawn_trend_90d_365d", "4 * drawn_90::DOUBLE / nullif(drawn_365, 0)", "ratio", days=365, null=_NONE_DRAWN),
    _loan("months_on_book", _MONTHS_ON_BOOK, "months", EXPERIENCE),
    _loan("days_since_last_loan", "({today} - last_on)::DOUBLE", "days"),
    _loan(
        "days_between_loans", "(last_on - first_on)::DOUBLE / nullif(loans - 1, 0)", "days", null="fewer than two loans"
    ),
    _loan("last_loan_principal", "last_principal / 100.0", "yuan"),
    _loan("last_loan_rate", "last_rate", "rate", sources=("loans.annual_rate", "loans.originated_on")),
    _loan("last_loan_term", "last_term::DOUBLE", "months", sources=("loans.originated_on", "loans.term_months")),
    _loan("last_to_largest_loan", "last_principal::DOUBLE / largest", "ratio"),
)


def loans_sql(features: tuple[Feature, ...] = LOAN_FEATURES) -> str:
    """One row per customer with a loan, from ``borrowed``."""
    columns = ", ".join(f"{feature.sql} AS {feature.name}" for feature in features)
    return f"SELECT no, {columns}, last_on AS loan_event, used_on AS loan_known FROM borrowed"


def _debt(name: str, part: str, monotone: int = 1, days: int | None = None) -> Feature:
    sql = f"{part} / nullif(income_recurring_monthly, 0)"
    sources = tuple(sorted({*_INCOME, *(_LOAN if "drawn" in part else _OWED)}))
    null = "no recurring income or no loan known"
    return Feature(name, "burden", sql, "ratio", BURDEN, sources, monotone, _MORE_DEBT if monotone else "", days, null)


BURDEN_FEATURES: tuple[Feature, ...] = (
    _debt("outstanding_to_income", "outstanding_principal"),
    _debt("burden_to_income", "instalments_next_30d"),
    _debt("burden_90d_to_income", "instalments_next_90d"),
    _debt("drawn_90d_to_income", "principal_drawn_90d", 0, 90),
    Feature("utilisation_365d", "burden", "outstanding_principal / nullif(principal_drawn_365d, 0)", "ratio", BURDEN,
            (*_LOAN, *_OWED), 1, _MORE_DEBT, 365, _NONE_DRAWN),
)  # fmt: skip
"""Expressions over other features."""
