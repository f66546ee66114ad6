"""Income by calendar month: how much recurs, how regular it is, how long the account is known.

Belongs here: the monthly table, its SQL and its features. Does not belong here: income in windows of days
(``account``).

Months are calendar months, so that the figures move at month ends and not from night to night. The month of an
account's first row is known in part and counts in none. At most eleven months are looked at, the current one included.
"""

from __future__ import annotations

from tierline.features.feature import Feature

FAMILY = "income_months"
MONTHS = 11
PERIODS = 6
MIN_PERIODS = 4

MONTHLY = """
SELECT no, month::INTEGER AS month, count(*)::BIGINT AS rows,
       sum(CASE WHEN is_credit AND role = 'income' THEN cents ELSE 0 END)::BIGINT AS income
FROM {source} GROUP BY no, month
"""
"""Cents of income and number of rows per customer and calendar month."""

EARNED = f"""
WITH known AS (SELECT no, min(month) AS first_month FROM monthly
               WHERE month > {{whole}} + {{partial}} - {MONTHS} AND month <= {{whole}} + {{partial}} GROUP BY no),
     span AS (SELECT no, greatest({{whole}} - first_month, 0) AS full_months,
                     least(greatest({{whole}} - first_month, 0), {PERIODS}) AS periods FROM known),
     listed AS (SELECT span.no, full_months, periods,
                       coalesce(list_sort(list(income) FILTER (income > 0)), []) AS earned,
                       coalesce(sum(income), 0)::BIGINT AS total,
                       coalesce(sum(income::HUGEINT * income), 0)::HUGEINT AS squares
                FROM span LEFT JOIN (SELECT * FROM monthly WHERE month <= {{whole}}) AS inside
                     ON inside.no = span.no AND inside.month > {{whole}} - periods
                GROUP BY ALL)
SELECT no, full_months, periods, len(earned) AS paid_months, total, squares,
       CASE WHEN periods >= {MIN_PERIODS} THEN CASE WHEN periods - len(earned) >= 2 THEN 0
            WHEN periods - len(earned) = 1 THEN earned[1] ELSE earned[2] END END AS recurring
FROM listed
"""
"""Figures of the last whole months inside the known history.

``recurring`` is the second smallest month: of four to six months the 30 % quantile, so that one month whose payday fell
just outside it, or one gap, is forgiven."""

_SOURCES = ("transactions.amount", "transactions.category", "transactions.direction", "transactions.occurred_on")
_FEW, _NONE = "fewer than four full months of history", "no full month of history"
_GAP = "a gap is a lost job"

INCOME_MONTH_FEATURES: tuple[Feature, ...] = (
    Feature("income_recurring_monthly", FAMILY, "recurring / 100.0", "yuan", "INCOME_LEVEL", _SOURCES,
            0, "", 180, _FEW),
    Feature("income_mean_monthly", FAMILY, "total / 100.0 / nullif(periods, 0)", "yuan", "INCOME_LEVEL", _SOURCES,
            0, "", 180, _NONE),
    Feature("income_regularity_6m", FAMILY, "paid_months::DOUBLE / nullif(periods, 0)", "ratio", "INCOME_TREND",
            _SOURCES, -1, _GAP, 180, _NONE),
    Feature("income_cv_6m", FAMILY, "sqrt((periods * squares - total::HUGEINT * total)::DOUBLE) / nullif(total, 0)",
            "ratio", "INCOME_TREND", _SOURCES, 0, "", 180, "no income in the last full months"),
    Feature("history_months", FAMILY, "coalesce(full_months, 0)::DOUBLE", "months", "SHORT_HISTORY",
            ("transactions.occurred_on",)),
)  # fmt: skip
