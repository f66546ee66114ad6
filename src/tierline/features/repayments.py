"""Features of loans and repayments: lateness, streaks, burden, experience.

Belongs here: the SQL from instalments and payments to one row per customer, and the rows of its families. Does not
belong here: the account's transactions.

An instalment is settled on the first day its cumulative payments reach what is due; one that owes nothing is void, and
so are those of a void loan. ``delay`` is days from due date to settlement (negative: early), or to the observation date
while it is unpaid. DPD is counted at the end of a day, so the worst DPD of an instalment is that of the day before it
was settled: paid on the 90th day after the due day, it never was 90 days past due.

Paying later can never look better. Every feature that a later payment can move is monotone in the direction of more
risk, and which values are missing does not depend on payments: a tree sends a missing value either way, whatever the
constraint. Hence only instalments whose due day is over are judged, paid or not; one paid ahead of time waits its turn.
"""

from __future__ import annotations

from datetime import date

from tierline.features.feature import Feature

PREPARE = (
    "CREATE OR REPLACE TEMP TABLE loan AS SELECT * EXCLUDE (principal), (principal * 100)::BIGINT AS principal_cents"
    " FROM ({loans}) WHERE principal > 0",
    "CREATE OR REPLACE TEMP TABLE instalment AS SELECT *, (principal_due * 100)::BIGINT AS principal_cents,"
    " ((principal_due + interest_due) * 100)::BIGINT AS due_cents FROM ({instalments})",
    "CREATE OR REPLACE TEMP TABLE payment AS SELECT *, (amount * 100)::BIGINT AS cents FROM ({repayments})"
    " WHERE amount > 0",
)
"""Once per bucket: all versions, in cents."""

_SCHEDULE = """
CREATE OR REPLACE TEMP TABLE schedule AS
WITH known_loan AS (
       SELECT loan_id FROM loan WHERE originated_on <= {day} AND known_on <= {day} AND {day} < known_until),
     known_instalment AS (
       SELECT * FROM instalment SEMI JOIN known_loan USING (loan_id)
       WHERE due_cents > 0 AND known_on <= {day} AND {day} < known_until),
     known_payment AS (SELECT * FROM payment WHERE paid_on <= {day} AND known_on <= {day} AND {day} < known_until),
     running AS (
       SELECT loan_id, instalment_no, paid_on, cents, due_cents,
              sum(cents) OVER (PARTITION BY loan_id, instalment_no ORDER BY paid_on, repayment_id) AS cumulative
       FROM known_payment JOIN known_instalment USING (loan_id, instalment_no)),
     paid AS (
       SELECT loan_id, instalment_no, max(cumulative) AS paid_cents,
              min(paid_on) FILTER (cumulative >= due_cents) AS settled
       FROM running GROUP BY loan_id, instalment_no)
SELECT customer_key, loan_id, instalment_no, due_on, due_cents, known_instalment.principal_cents,
       coalesce(paid_cents, 0) AS paid_cents, settled
FROM known_instalment LEFT JOIN paid USING (loan_id, instalment_no)
"""

_DELAYS = """
CREATE OR REPLACE TEMP TABLE delays AS
SELECT *, settled IS NULL AS unpaid,
       due_on < {day} AS judged,
       coalesce(settled, {day}) - due_on AS delay,
       coalesce(settled, {day}) AS late_until,
       coalesce(settled - 1, {day}) AS last_unpaid_on,
       coalesce(settled - 1, {day}) - due_on AS worst_dpd,
       greatest(least(principal_cents, due_cents - paid_cents), 0) AS owed_cents
FROM schedule
"""

_LATE = "CREATE OR REPLACE TEMP TABLE late AS SELECT customer_key, max(due_on) AS last_late_due_on FROM delays \
WHERE delay > 0 GROUP BY customer_key"

_LOANS = """
CREATE OR REPLACE TEMP TABLE borrowed AS
SELECT customer_key,
       count(*) AS loans, min(originated_on) AS first_on, max(originated_on) AS last_on,
       count(*) FILTER (originated_on > {day} - 90) AS loans_90,
       count(*) FILTER (originated_on > {day} - 365) AS loans_365,
       coalesce(sum(principal_cents) FILTER (originated_on > {day} - 90), 0) AS drawn_90,
       coalesce(sum(principal_cents) FILTER (originated_on > {day} - 365), 0) AS drawn_365,
       max(principal_cents) AS largest,
       arg_max(principal_cents, (originated_on, loan_id)) AS last_principal,
       arg_max(annual_rate, (originated_on, loan_id)) AS last_rate,
       arg_max(term_months, (originated_on, loan_id)) AS last_term
FROM loan WHERE originated_on <= {day} AND known_on <= {day} AND {day} < known_until
GROUP BY customer_key
"""

REPAYMENT_SQL = (*PREPARE, _SCHEDULE, _DELAYS, _LATE, _LOANS)
"""All that is computed before the features' own expressions; part of the feature set's hash."""

LATE = "LATE_PAYMENT"
OVERDUE = "OVERDUE_NOW"
BURDEN = "DEBT_BURDEN"
BORROWING = "RECENT_BORROWING"
EXPERIENCE = "SHORT_HISTORY"
NO_INSTALMENT = "no instalment due yet"
NO_LOAN = "no loan known"
_MISSED = "a missed due date is the first step to default"


def _row(
    name: str, sql: str, unit: str, reason: str, monotone: int = 0, why: str = "", days: int | None = None
) -> Feature:
    return Feature(name, "repayments", sql, unit, reason, monotone, why, days, NO_INSTALMENT)


def _delays() -> list[Feature]:
    rows = [
        _row("dpd_now", "coalesce(max(delay) FILTER (unpaid AND delay > 0), 0)::DOUBLE", "days", OVERDUE, 1, _MISSED),
        _row(
            "overdue_amount",
            "coalesce(sum(due_cents - paid_cents) FILTER (unpaid AND delay > 0), 0)::DOUBLE / 100.0",
            "yuan",
            OVERDUE,
            1,
            _MISSED,
        ),
        _row("overdue_instalments", "count(*) FILTER (unpaid AND delay > 0)::DOUBLE", "count", OVERDUE, 1, _MISSED),
    ]
    for days in (30, 90, 180, 365):
        sql = f"coalesce(max(worst_dpd) FILTER (worst_dpd > 0 AND last_unpaid_on > {{day}} - {days}), 0)::DOUBLE"
        rows.append(_row(f"max_dpd_{days}d", sql, "days", LATE, 1, _MISSED, days))
    for days in (90, 180, 365):
        due = f"judged AND due_on > {{day}} - {days}"
        rows += [
            _row(
                f"late_count_{days}d", f"count(*) FILTER ({due} AND delay > 0)::DOUBLE", "count", LATE, 1, _MISSED, days
            ),
            _row(
                f"on_time_ratio_{days}d",
                f"count(*) FILTER ({due} AND delay <= 0)::DOUBLE / nullif(count(*) FILTER ({due}), 0)",
                "ratio",
                LATE,
                -1,
                _MISSED,
                days,
            ),
            _row(f"payment_delay_mean_{days}d", f"avg(delay) FILTER ({due})", "days", LATE, 1, _MISSED, days),
        ]
    return [
        *rows,
        _row("payment_delay_mean_all", "avg(delay) FILTER (judged)", "days", LATE, 1, _MISSED),
        _row("late_ratio_all", "count(*) FILTER (delay > 0)::DOUBLE / nullif(count(*) FILTER (judged), 0)", "ratio",
             LATE, 1, _MISSED),
        _row("late_30_count_365d", "count(*) FILTER (worst_dpd >= 30 AND last_unpaid_on > {day} - 365)::DOUBLE",
             "count", LATE, 1, _MISSED, 365),
        _row(
            "on_time_streak",
            "count(*) FILTER (NOT unpaid AND delay <= 0 AND due_on <= {day}"
            " AND due_on > coalesce(last_late_due_on, DATE '1900-01-01'))::DOUBLE",
            "count",
            LATE,
            -1,
            _MISSED,
        ),
        _row(
            "days_since_late",
            "least(coalesce({day} - max(late_until) FILTER (delay > 0), 1000), 1000)::DOUBLE",
            "days",
            LATE,
            -1,
            "old trouble weighs less",
        ),
    ]  # fmt: skip


def _burden() -> list[Feature]:
    more = "more debt to serve from the same income"
    upcoming = "unpaid AND due_on > {day} AND due_on <= {day} + 30"
    return [
        _row("outstanding_principal", "coalesce(sum(owed_cents) FILTER (unpaid), 0)::DOUBLE / 100.0", "yuan", BURDEN, 1,
             more),
        _row("active_loans", "count(DISTINCT loan_id) FILTER (unpaid)::DOUBLE", "count", BURDEN, 1, more),
        _row(
            "instalments_next_30d",
            f"coalesce(sum(due_cents - paid_cents) FILTER ({upcoming}), 0)::DOUBLE / 100.0",
            "yuan",
            BURDEN,
            1,
            more,
        ),
        _row("instalments_due_365d", "count(*) FILTER (due_on > {day} - 365 AND due_on <= {day})::DOUBLE", "count",
             EXPERIENCE, 0, "", 365),
    ]  # fmt: skip


def _loan(name: str, sql: str, unit: str, reason: str, days: int | None = None) -> Feature:
    return Feature(name, "loans", sql, unit, reason, window_days=days, null_means=NO_LOAN)


REPAYMENT_FEATURES: tuple[Feature, ...] = (*_delays(), *_burden())
LOAN_FEATURES: tuple[Feature, ...] = (
    _loan("loans_all", "loans::DOUBLE", "count", EXPERIENCE),
    _loan("loans_opened_90d", "loans_90::DOUBLE", "count", BORROWING, 90),
    _loan("loans_opened_365d", "loans_365::DOUBLE", "count", BORROWING, 365),
    _loan("principal_drawn_90d", "drawn_90 / 100.0", "yuan", BORROWING, 90),
    _loan("principal_drawn_365d", "drawn_365 / 100.0", "yuan", BORROWING, 365),
    _loan("months_on_book", "{months_on_book}::DOUBLE", "months", EXPERIENCE),
    _loan("days_since_last_loan", "({day} - last_on)::DOUBLE", "days", BORROWING),
    _loan("days_between_loans", "(last_on - first_on)::DOUBLE / nullif(loans - 1, 0)", "days", BORROWING),
    _loan("last_loan_principal", "last_principal / 100.0", "yuan", BORROWING),
    _loan("last_loan_rate", "last_rate", "rate", BORROWING),
    _loan("last_loan_term", "last_term::DOUBLE", "months", BORROWING),
    _loan("last_to_largest_loan", "last_principal::DOUBLE / largest", "ratio", BORROWING),
)

_MONTHS_ON_BOOK = (
    "(year({day}) * 12 + month({day}) - year(first_on) * 12 - month(first_on)"
    " - CASE WHEN day({day}) < day(first_on) AND {day} <> last_day({day}) THEN 1 ELSE 0 END)"
)


def repayment_sql(as_of: date) -> list[str]:
    """Statements that leave ``repayment_features`` and ``loan_features`` for one observation date."""
    day = f"DATE '{as_of.isoformat()}'"
    repayment = ", ".join(f"{feature.sql} AS {feature.name}" for feature in REPAYMENT_FEATURES)
    loans = ", ".join(f"{feature.sql} AS {feature.name}" for feature in LOAN_FEATURES)
    statements = [
        _SCHEDULE,
        _DELAYS,
        _LATE,
        _LOANS,
        f"CREATE OR REPLACE TEMP TABLE repayment_features AS SELECT customer_key, {repayment}"
        " FROM delays LEFT JOIN late USING (customer_key) GROUP BY customer_key",
        f"CREATE OR REPLACE TEMP TABLE loan_features AS SELECT customer_key, {loans} FROM borrowed",
    ]
    months = _MONTHS_ON_BOOK.format(day=day)
    return [statement.format(day=day, months_on_book=months) for statement in statements]
