"""Features of the payment account: flows, income, spend mix, habits, balances.

Belongs here: the two-step SQL over transactions (states per customer and age band, then windows from bands) and the
rows of its families. Does not belong here: loans and repayments.

Bands are disjoint in days, so sums, counts and counts of distinct days of a window are sums over its bands, and minima
and maxima are minima and maxima over them. Money is integer cents until the last division. Disbursements and repayments
(role loan_flow) move the balance but count in no flow: they are judged by the repayment features, and a late instalment
must not look like thrift.
"""

from __future__ import annotations

from datetime import date

from tierline.features.feature import Feature
from tierline.months import month_end, months_before

WINDOWS = (7, 30, 90, 180, 365)
INCOME_PERIODS = 6
MIN_INCOME_PERIODS = 4
LOW_BALANCE_CENTS = 100_00

PREPARE = """
CREATE OR REPLACE TEMP TABLE tx AS
SELECT customer_key, occurred_on, occurred_at, transaction_id, known_on, known_until,
       coalesce(role, 'other') AS role,
       direction = 'credit' AND coalesce(role, 'other') <> 'loan_flow' AS is_credit,
       direction = 'debit' AND coalesce(role, 'other') <> 'loan_flow' AS is_debit,
       (amount * 100)::BIGINT AS cents, (balance_after * 100)::BIGINT AS balance_cents,
       extract(hour FROM occurred_at AT TIME ZONE '{timezone}') < 6 AS at_night,
       isodow(occurred_on) >= 6 AS on_weekend
FROM ({versions}) LEFT JOIN vocabulary USING (category)
WHERE amount > 0
"""
"""Once per bucket: every version of every transaction that was not void, typed for arithmetic."""

_BANDS = """
SELECT customer_key,
       CASE WHEN age < 7 THEN 7 WHEN age < 30 THEN 30 WHEN age < 90 THEN 90 WHEN age < 180 THEN 180 ELSE 365 END
           AS band,
       coalesce(sum(cents) FILTER (is_credit), 0) AS credit,
       coalesce(sum(cents) FILTER (is_debit), 0) AS debit,
       count(*) FILTER (is_credit) AS credits,
       count(*) FILTER (is_debit) AS debits,
       coalesce(sum(cents) FILTER (is_credit AND role = 'income'), 0) AS income,
       coalesce(sum(cents) FILTER (is_debit AND role <> 'own_transfer'), 0) AS spend,
       coalesce(sum(cents) FILTER (is_debit AND role = 'essential'), 0) AS essential,
       coalesce(sum(cents) FILTER (is_debit AND role = 'discretionary'), 0) AS discretionary,
       coalesce(sum(cents) FILTER (is_debit AND role = 'gambling'), 0) AS gambling,
       count(*) FILTER (is_debit AND role = 'gambling') AS gamblings,
       coalesce(sum(cents) FILTER (role = 'cash'), 0) AS cash,
       count(*) FILTER (role = 'cash') AS cashes,
       coalesce(sum(cents) FILTER (is_credit AND role = 'refund'), 0) AS refund,
       count(*) FILTER (role = 'fee') AS fees,
       coalesce(sum(cents) FILTER (is_credit AND role = 'own_transfer'), 0) AS transfer_in,
       count(*) FILTER (is_debit AND at_night) AS at_nights,
       count(*) FILTER (is_debit AND on_weekend) AS on_weekends,
       count(DISTINCT occurred_on) FILTER (role <> 'loan_flow') AS active_days,
       count(DISTINCT occurred_on) FILTER (balance_cents < {low_balance}) AS low_days,
       min(balance_cents) AS balance_min,
       coalesce(sum(balance_cents), 0) AS balance_sum,
       count(balance_cents) AS balances,
       max(cents) FILTER (is_debit) AS debit_max,
       coalesce(sum(cents::HUGEINT * cents) FILTER (is_debit), 0) AS debit_squares
FROM (SELECT *, {day} - occurred_on AS age FROM tx
      WHERE occurred_on <= {day} AND occurred_on > {day} - 365 AND known_on <= {day} AND {day} < known_until)
GROUP BY customer_key, band
"""

_LAST = """
SELECT customer_key,
       min(occurred_on) AS first_on, {day} - min(occurred_on) AS history_days,
       {day} - max(occurred_on) FILTER (is_credit AND role = 'income') AS days_since_income,
       arg_max(balance_cents, (occurred_at, transaction_id)) FILTER (balance_cents IS NOT NULL) AS balance_last
FROM tx WHERE occurred_on <= {day} AND known_on <= {day} AND {day} < known_until
GROUP BY customer_key
"""

_INCOME = """
SELECT customer_key, quantile_disc(cents, 0.3) AS income_recurring, count(*) FILTER (cents > 0) AS income_periods,
       count(*) AS full_periods
FROM (SELECT customer_key, coalesce(cents, 0) AS cents
      FROM (SELECT customer_key, period FROM last_seen CROSS JOIN periods
            WHERE first_on <= starts_after + 1)
      LEFT JOIN (SELECT customer_key, period, sum(cents) AS cents
                 FROM tx JOIN periods ON occurred_on > starts_after AND occurred_on <= ends_on
                 WHERE role = 'income' AND is_credit AND known_on <= {day} AND {day} < known_until
                 GROUP BY customer_key, period) USING (customer_key, period))
GROUP BY customer_key
"""
"""Income of each of the last six calendar months that lie wholly inside the known history, and its 30 % quantile.

Of four to six months that is the second smallest: one month whose payday fell just outside it, or one gap, is forgiven.
Months are calendar months, so that the figure moves at month ends and not from night to night."""


TRANSACTION_SQL = (PREPARE, _BANDS, _LAST, _INCOME)
"""All that is computed before the features' own expressions; part of the feature set's hash."""


def _window(column: str, days: int, function: str = "sum") -> str:
    return f"{function}({column}) FILTER (band <= {days})"


def _ratio(part: str, whole: str, days: int, whole_days: int | None = None) -> str:
    """part over whole in a window; null where the whole is 0 (no such flow, so no share)."""
    return f"coalesce({_window(part, days)}, 0)::DOUBLE / nullif({_window(whole, whole_days or days)}, 0)::DOUBLE"


def _flows() -> list[Feature]:
    rows = []
    for days in WINDOWS:
        for column, unit in (("credit", "yuan"), ("debit", "yuan"), ("credits", "count"), ("debits", "count")):
            scale = " / 100.0" if unit == "yuan" else ""
            noun = "amount" if unit == "yuan" else "count"
            rows.append(
                Feature(
                    name=f"{column.removesuffix('s')}_{noun}_{days}d",
                    family="flows",
                    sql=f"coalesce({_window(column, days)}, 0)::DOUBLE{scale}",
                    unit=unit,
                    reason="ACCOUNT_ACTIVITY",
                    window_days=days,
                )
            )
    for days in (90, 365):
        rows.append(
            Feature(
                f"net_flow_ratio_{days}d",
                "flows",
                f"(coalesce({_window('credit', days)}, 0) - coalesce({_window('debit', days)}, 0))::DOUBLE"
                f" / nullif({_window('credit', days)}, 0)::DOUBLE",
                "ratio",
                "ACCOUNT_ACTIVITY",
                window_days=days,
                null_means="no money came in",
            )
        )
    for days in (30, 90, 365):
        rows.append(
            Feature(
                f"active_days_{days}d",
                "flows",
                f"coalesce({_window('active_days', days)}, 0)::DOUBLE",
                "days",
                "ACCOUNT_ACTIVITY",
                window_days=days,
            )
        )
    return rows


def _share(name: str, part: str, days: int, reason: str, monotone: int = 0, why: str = "") -> Feature:
    return Feature(
        f"{name}_share_{days}d",
        "spend_mix",
        _ratio(part, "spend", days),
        "ratio",
        reason,
        monotone,
        why,
        days,
        "nothing was spent",
    )


def _spend_mix() -> list[Feature]:
    rows = [_share("essential", "essential", days, "SPEND_MIX") for days in (90, 365)]
    rows += [_share("discretionary", "discretionary", days, "SPEND_MIX") for days in (90, 365)]
    more_is_worse = "more of it goes with over-indebtedness"
    rows += [_share("gambling", "gambling", days, "GAMBLING", 1, more_is_worse) for days in (30, 90, 365)]
    rows += [_share("cash_advance", "cash", days, "CASH_ADVANCE", 1, more_is_worse) for days in (30, 90, 365)]
    for name, column, days, reason in (
        ("gambling_count_90d", "gamblings", 90, "GAMBLING"),
        ("cash_advance_count_30d", "cashes", 30, "CASH_ADVANCE"),
        ("cash_advance_count_90d", "cashes", 90, "CASH_ADVANCE"),
        ("fee_count_90d", "fees", 90, "FEES"),
        ("fee_count_365d", "fees", 365, "FEES"),
    ):
        sql = f"coalesce({_window(column, days)}, 0)::DOUBLE"
        rows.append(Feature(name, "spend_mix", sql, "count", reason, 1, more_is_worse, days))
    for name, column in (("night", "at_nights"), ("weekend", "on_weekends")):
        for days in (90, 365):
            rows.append(
                Feature(
                    f"{name}_share_{days}d",
                    "spend_mix",
                    _ratio(column, "debits", days),
                    "ratio",
                    "SPEND_MIX",
                    window_days=days,
                    null_means="nothing was spent",
                )
            )
    rows.append(
        Feature(
            "refund_share_365d",
            "spend_mix",
            _ratio("refund", "spend", 365),
            "ratio",
            "SPEND_MIX",
            window_days=365,
            null_means="nothing was spent",
        )
    )
    return rows


def _balances() -> list[Feature]:
    rows = []
    for days in (30, 90, 180, 365):
        sql = f"{_window('balance_min', days, 'min')} / 100.0"
        rows.append(Feature(f"balance_min_{days}d", "balances", sql, "yuan", "LOW_BALANCE", window_days=days))
    for days in (30, 90, 365):
        sql = f"{_window('balance_sum', days)} / 100.0 / nullif({_window('balances', days)}, 0)"
        rows.append(Feature(f"balance_mean_{days}d", "balances", sql, "yuan", "LOW_BALANCE", window_days=days))
    for days in (30, 90, 180):
        sql = f"coalesce({_window('low_days', days)}, 0)::DOUBLE"
        why = "an account that runs dry cannot pay an instalment"
        rows.append(Feature(f"low_balance_days_{days}d", "balances", sql, "days", "LOW_BALANCE", 1, why, days))
    rows.append(Feature("balance_last", "balances", "any_value(balance_last) / 100.0", "yuan", "LOW_BALANCE"))
    return rows


def _volatility() -> list[Feature]:
    n, total, squares = (_window(column, 90) for column in ("debits", "debit", "debit_squares"))
    std = f"sqrt(({n} * {squares} - {total} * {total})::DOUBLE) / nullif({n}, 0)"  # integers: nothing cancels
    trend = "ratio"
    return [
        Feature("debit_std_90d", "trends", f"{std} / 100.0", "yuan", "SPEND_MIX", window_days=90),
        Feature(
            "debit_max_90d", "trends", f"{_window('debit_max', 90, 'max')} / 100.0", "yuan", "SPEND_MIX", window_days=90
        ),
        Feature("debit_trend_30d_180d", "trends", f"6 * {_ratio('debit', 'debit', 30, 180)}", trend, "SPENDING_TREND"),
        Feature("credit_trend_90d_365d", "trends", f"4 * {_ratio('credit', 'credit', 90, 365)}", trend, "INCOME_TREND"),
        Feature("income_trend_90d_365d", "trends", f"4 * {_ratio('income', 'income', 90, 365)}", trend, "INCOME_TREND"),
        Feature(
            "transfer_in_share_90d",
            "trends",
            _ratio("transfer_in", "credit", 90),
            "ratio",
            "ACCOUNT_ACTIVITY",
            window_days=90,
        ),
    ]


def _income() -> list[Feature]:
    rows = []
    for days in (30, 90, 180, 365):
        sql = f"coalesce({_window('income', days)}, 0)::DOUBLE / 100.0"
        rows.append(Feature(f"income_amount_{days}d", "income", sql, "yuan", "INCOME_LEVEL", window_days=days))
    recurring = (
        f"CASE WHEN any_value(full_periods) >= {MIN_INCOME_PERIODS} THEN any_value(income_recurring) / 100.0 END"
    )
    regular = "any_value(income_periods)::DOUBLE / nullif(any_value(full_periods), 0)"
    since = "least(coalesce(any_value(days_since_income), 366), 366)::DOUBLE"
    few, none = "fewer than four full months of history", "no full month of history"
    return [
        *rows,
        Feature("income_recurring_monthly", "income", recurring, "yuan", "INCOME_LEVEL", 0, "", 180, few),
        Feature(
            "income_regularity_6m", "income", regular, "ratio", "INCOME_TREND", -1, "a gap is a lost job", 180, none
        ),
        Feature("days_since_income", "income", since, "days", "INCOME_TREND", 1, "a gap is a lost job"),
        Feature("history_days", "income", "any_value(history_days)::DOUBLE", "days", "SHORT_HISTORY"),
    ]


TRANSACTION_FEATURES: tuple[Feature, ...] = (*_flows(), *_income(), *_spend_mix(), *_balances(), *_volatility())


def _income_edges(as_of: date) -> list[date]:
    """Last days of the newest whole calendar months, newest first; the month of ``as_of`` counts on its last day."""
    started = 0 if as_of == month_end(as_of) else 1
    return [month_end(months_before(as_of, months + started)) for months in range(INCOME_PERIODS + 1)]


def transaction_sql(as_of: date) -> list[str]:
    """Statements that leave table ``transaction_features`` for one observation date; ``tx`` must exist."""
    day = f"DATE '{as_of.isoformat()}'"
    edges = _income_edges(as_of)
    periods = ", ".join(
        f"({index}, DATE '{edges[index + 1].isoformat()}', DATE '{edges[index].isoformat()}')"
        for index in range(INCOME_PERIODS)
    )
    columns = ",\n  ".join(f"{feature.sql} AS {feature.name}" for feature in TRANSACTION_FEATURES)
    return [
        f"CREATE OR REPLACE TEMP TABLE bands AS {_BANDS.format(day=day, low_balance=LOW_BALANCE_CENTS)}",
        f"CREATE OR REPLACE TEMP TABLE last_seen AS {_LAST.format(day=day)}",
        "CREATE OR REPLACE TEMP TABLE periods AS SELECT * FROM"
        f" (VALUES {periods}) AS listed(period, starts_after, ends_on)",
        f"CREATE OR REPLACE TEMP TABLE income_seen AS {_INCOME.format(day=day)}",
        f"CREATE OR REPLACE TEMP TABLE transaction_features AS SELECT customer_key,\n  {columns}\n"
        "FROM last_seen LEFT JOIN bands USING (customer_key) LEFT JOIN income_seen USING (customer_key)"
        " GROUP BY customer_key",
    ]
