"""Features of instalments: lateness, streaks, what is owed and soon due.

Belongs here: the rows of these families. Does not belong here: how lateness is computed (``schedule_sql``), loans drawn
(``loans``).

Paying later can never look better. Every feature that a later payment can move is monotone in the direction of more
risk, and which values are missing does not depend on payments: a tree sends a missing value either way, whatever the
constraint. Hence only instalments whose due day is over are judged, paid or not; one paid ahead of time waits its turn.
"""

from __future__ import annotations

from tierline.features.feature import Feature

FAMILY = "repayments"
LATE = "LATE_PAYMENT"
OVERDUE = "OVERDUE_NOW"
BURDEN = "DEBT_BURDEN"
EXPERIENCE = "SHORT_HISTORY"
NO_INSTALMENT = "no instalment known"
NONE_DUE = "no instalment due in the window"
_MISSED = "a missed due date is the first step to default"
_MORE = "more debt to serve from the same income"
_SOURCES = (
    "instalments.due_on",
    "instalments.interest_due",
    "instalments.principal_due",
    "loans.originated_on",
    "repayments.amount",
    "repayments.paid_at",
)


def _row(
    name: str, sql: str, unit: str, reason: str, monotone: int, days: int | None = None, null: str = ""
) -> Feature:
    why = {OVERDUE: _MISSED, LATE: _MISSED, BURDEN: _MORE}.get(reason, "") if monotone else ""
    return Feature(name, FAMILY, sql, unit, reason, _SOURCES, monotone, why, days, null or NO_INSTALMENT)


def _overdue() -> list[Feature]:
    now = "unpaid AND delay > 0"
    owed = f"sum(CASE WHEN {now} THEN due_cents - paid_cents ELSE 0 END)::DOUBLE / 100.0"
    return [
        _row("dpd_now", f"coalesce(max(CASE WHEN {now} THEN delay END), 0)::DOUBLE", "days", OVERDUE, 1),
        _row("overdue_amount", owed, "yuan", OVERDUE, 1),
        _row("overdue_instalments", f"count_if({now})::DOUBLE", "count", OVERDUE, 1),
        _row("uncured_late_30", "count_if(unpaid AND worst_dpd >= 30)::DOUBLE", "count", OVERDUE, 1),
    ]


def _in_window(days: int) -> list[Feature]:
    due = f"judged AND due_on > {{today}} - {days}"
    judged = f"nullif(count_if({due}), 0)"
    on_time = f"count_if({due} AND delay <= 0)::DOUBLE / {judged}"
    mean = f"sum(CASE WHEN {due} THEN delay ELSE 0 END)::DOUBLE / {judged}"
    return [
        _row(f"late_count_{days}d", f"count_if({due} AND delay > 0)::DOUBLE", "count", LATE, 1, days),
        _row(f"on_time_ratio_{days}d", on_time, "ratio", LATE, -1, days, NONE_DUE),
        _row(f"payment_delay_mean_{days}d", mean, "days", LATE, 1, days, NONE_DUE),
    ]


def _worst(days: int) -> Feature:
    sql = (
        f"coalesce(max(CASE WHEN worst_dpd > 0 AND last_unpaid_on > {{today}} - {days} THEN worst_dpd END), 0)::DOUBLE"
    )
    return _row(f"max_dpd_{days}d", sql, "days", LATE, 1, days)


def _history() -> list[Feature]:
    year = "judged AND due_on > {today} - 365"
    due = f"nullif(sum(CASE WHEN {year} THEN due_cents ELSE 0 END), 0)::DOUBLE"
    paid = f"sum(CASE WHEN {year} THEN least(paid_cents, due_cents) ELSE 0 END)::DOUBLE / {due}"
    punctual = f"sum(CASE WHEN {year} THEN least(punctual_cents, due_cents) ELSE 0 END)::DOUBLE / {due}"
    early = f"count_if({year} AND delay < 0)::DOUBLE / nullif(count_if({year}), 0)"
    late_30 = "count_if(worst_dpd >= 30 AND last_unpaid_on > {today} - 365)::DOUBLE"
    streak = (
        "count_if(NOT unpaid AND delay <= 0 AND due_on <= {today}"
        " AND due_on > coalesce(last_late_due_on, DATE '1900-01-01'))::DOUBLE"
    )
    since = "least(coalesce({today} - max(CASE WHEN delay > 0 THEN late_until END), 1000), 1000)::DOUBLE"
    all_late = "count_if(delay > 0)::DOUBLE / nullif(count_if(judged), 0)"
    all_mean = "sum(CASE WHEN judged THEN delay ELSE 0 END)::DOUBLE / nullif(count_if(judged), 0)"
    worst = "coalesce(max(CASE WHEN worst_dpd > 0 THEN worst_dpd END), 0)::DOUBLE"
    return [
        _row("paid_share_365d", paid, "ratio", LATE, -1, 365, NONE_DUE),
        _row("paid_by_due_day_share_365d", punctual, "ratio", LATE, -1, 365, NONE_DUE),
        _row("early_ratio_365d", early, "ratio", LATE, -1, 365, NONE_DUE),
        _row("late_30_count_365d", late_30, "count", LATE, 1, 365),
        _row("max_dpd_all", worst, "days", LATE, 1),
        _row("payment_delay_mean_all", all_mean, "days", LATE, 1, None, NONE_DUE),
        _row("late_ratio_all", all_late, "ratio", LATE, 1, None, NONE_DUE),
        _row("on_time_streak", streak, "count", LATE, -1),
        _row("days_since_late", since, "days", LATE, -1),
    ]


def _burden() -> list[Feature]:
    rows = [
        _row(
            "outstanding_principal",
            "sum(CASE WHEN unpaid THEN owed_cents ELSE 0 END)::DOUBLE / 100.0",
            "yuan",
            BURDEN,
            1,
        ),
        _row("active_loans", "count(DISTINCT CASE WHEN unpaid THEN loan_no END)::DOUBLE", "count", BURDEN, 1),
    ]
    for days in (30, 90):
        soon = f"unpaid AND due_on > {{today}} AND due_on <= {{today}} + {days}"
        sql = f"sum(CASE WHEN {soon} THEN due_cents - paid_cents ELSE 0 END)::DOUBLE / 100.0"
        rows.append(_row(f"instalments_next_{days}d", sql, "yuan", BURDEN, 1))
    due = "count_if(due_on > {today} - 365 AND due_on <= {today})::DOUBLE"
    return [*rows, _row("instalments_due_365d", due, "count", EXPERIENCE, 0, 365)]


REPAYMENT_FEATURES: tuple[Feature, ...] = (
    *_overdue(),
    *(_worst(days) for days in (30, 90, 180, 365)),
    *(feature for days in (90, 180, 365) for feature in _in_window(days)),
    *_history(),
    *_burden(),
)


def repayments_sql(features: tuple[Feature, ...] = REPAYMENT_FEATURES) -> str:
    """One row per customer with an instalment, from ``delays``."""
    columns = ", ".join(f"{feature.sql} AS {feature.name}" for feature in features)
    proof = "max(last_paid_on) AS paid_event, max(used_on) AS paid_known"
    return f"SELECT no, {columns}, {proof} FROM delays GROUP BY no"
