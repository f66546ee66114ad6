"""Features of the payment account over windows of days: flows, income, spend mix, habits, balances, trends.

Belongs here: the rows of these families. Does not belong here: how a window is computed (``measures``,
``account_sql``), calendar months (``income``), distinct counts (``contacts``).

An expression names windows as ``<measure>_<days>d`` and last days as ``last_<measure>``; all of them are null for a
customer without a row in the last 365 days.
"""

from __future__ import annotations

from typing import Any

from tierline.features.feature import Feature
from tierline.features.measures import HORIZON, SQUARE_BASE, WINDOWS, sources_of

NOTHING_SPENT = "nothing was spent"


def _row(
    name: str, family: str, sql: str, unit: str, reason: str, days: int | None = None, null: str = "", **more: Any
) -> Feature:
    given: dict[str, Any] = {"null_means": null} if null else {}
    return Feature(name, family, sql, unit, reason, sources_of(sql), window_days=days, **given, **more)


def _ratio(part: str, whole: str) -> str:
    """part over whole; null where the whole is 0 (no such flow, so no share)."""
    return f"{part}::DOUBLE / nullif({whole}, 0)::DOUBLE"


def _amount(name: str, measure: str, days: int, family: str, reason: str, **more: Any) -> Feature:
    return _row(f"{name}_{days}d", family, f"{measure}_{days}d / 100.0", "yuan", reason, days, **more)


def _count(name: str, measure: str, days: int, family: str, reason: str, unit: str = "count", **more: Any) -> Feature:
    return _row(f"{name}_{days}d", family, f"{measure}_{days}d::DOUBLE", unit, reason, days, **more)


def _share(name: str, part: str, whole: str, days: int, reason: str, **more: Any) -> Feature:
    sql = _ratio(f"{part}_{days}d", f"{whole}_{days}d")
    return _row(f"{name}_share_{days}d", "spend_mix", sql, "ratio", reason, days, NOTHING_SPENT, **more)


def _flows() -> list[Feature]:
    family, reason = "flows", "ACCOUNT_ACTIVITY"
    rows = []
    for days in WINDOWS:
        rows += [_amount(f"{side}_amount", side, days, family, reason) for side in ("credit", "debit")]
        rows += [_count(f"{side}_count", f"{side}s", days, family, reason) for side in ("credit", "debit")]
    for days in (30, 90, 365):
        net = _ratio(f"(credit_{days}d - debit_{days}d)", f"credit_{days}d")
        rows.append(_row(f"net_flow_ratio_{days}d", family, net, "ratio", reason, days, "no money came in"))
        rows.append(_count("active_days", "active_days", days, family, reason, "days"))
    for days in (90, 365):
        transfers = _ratio(f"transfer_in_{days}d", f"credit_{days}d")
        rows.append(_row(f"transfer_in_share_{days}d", family, transfers, "ratio", reason, days, "no money came in"))
    return rows


def _income() -> list[Feature]:
    rows = [_amount("income_amount", "income", days, "income", "INCOME_LEVEL") for days in (30, 90, 180, 365)]
    rows += [_count("income_count", "incomes", days, "income", "INCOME_TREND") for days in (90, 365)]
    share = _ratio("income_365d", "credit_365d")
    rows.append(_row("income_share_365d", "income", share, "ratio", "INCOME_LEVEL", 365, "no money came in"))
    since = _days_since("last_income")
    return [
        *rows,
        _row("days_since_income", "income", since, "days", "INCOME_TREND", monotone=1, why="a gap is a lost job"),
    ]


def _days_since(last: str) -> str:
    """Days since the last such day, the horizon where there was none; null without any row."""
    return f"CASE WHEN rows_{HORIZON}d > 0 THEN coalesce({{today}} - {last}, {HORIZON}) END::DOUBLE"


_WORSE: dict[str, Any] = {"monotone": 1, "why": "more of it goes with over-indebtedness"}


def _mixed(days: int) -> list[str]:
    """Columns of spending by role; together they are ``mixed_<days>d``."""
    return [f"{name}_{days}d" for name in ("essential", "discretionary", "gambling", "cash", "fee", "other_spend")]


_TOTALS = ", ".join(f"nullif({' + '.join(_mixed(days))}, 0)::DOUBLE AS mixed_{days}d" for days in (90, 365))
WITH_TOTALS = f"(SELECT *, {_TOTALS} FROM account)"
"""The table that expressions are computed over: inside a CASE, a sum would be added up again for every branch."""


def _entropy(days: int) -> str:
    """Shannon entropy of spending over six roles, in nats: 0 where all is of one kind."""
    parts, total = _mixed(days), f"mixed_{days}d"
    terms = [f"CASE WHEN {part} > 0 THEN {part} / {total} * ln({part} / {total}) ELSE 0 END" for part in parts]
    return f"CASE WHEN {total} IS NOT NULL THEN -({' + '.join(terms)}) END"


def _spend_mix() -> list[Feature]:
    rows = []
    for days in (30, 90, 365):
        rows += [
            _share("essential", "essential", "spend", days, "SPEND_MIX"),
            _share("discretionary", "discretionary", "spend", days, "SPEND_MIX"),
            _share("gambling", "gambling", "spend", days, "GAMBLING", **_WORSE),
            _share("cash_advance", "cash", "spend", days, "CASH_ADVANCE", **_WORSE),
            _count("gambling_count", "gamblings", days, "spend_mix", "GAMBLING", **_WORSE),
            _count("cash_advance_count", "cashes", days, "spend_mix", "CASH_ADVANCE", **_WORSE),
            _count("fee_count", "fees", days, "spend_mix", "FEES", **_WORSE),
            _share("night", "at_nights", "debits", days, "SPEND_MIX"),
            _share("weekend", "on_weekends", "debits", days, "SPEND_MIX"),
        ]
    for days in (90, 365):
        rows += [
            _share("refund", "refund", "spend", days, "SPEND_MIX"),
            _share("scenario", "scenario_spend", "spend", days, "SPEND_MIX"),
            _share("transfer_out", "transfer_out", "debit", days, "SPEND_MIX"),
            _row(f"spend_entropy_{days}d", "spend_mix", _entropy(days), "nats", "SPEND_MIX", days, NOTHING_SPENT),
        ]
    rows += [
        _amount("gambling_amount", "gambling", 90, "spend_mix", "GAMBLING", **_WORSE),
        _amount("cash_advance_amount", "cash", 90, "spend_mix", "CASH_ADVANCE", **_WORSE),
        _amount("fee_amount", "fee", 365, "spend_mix", "FEES", **_WORSE),
        _count("refund_count", "refunds", 365, "spend_mix", "SPEND_MIX"),
    ]
    old: dict[str, Any] = {"monotone": -1, "why": "longer ago weighs less"}
    for name, last, reason in (
        ("gambling", "last_gambling", "GAMBLING"),
        ("cash_advance", "last_cash", "CASH_ADVANCE"),
    ):
        rows.append(_row(f"days_since_{name}", "spend_mix", _days_since(last), "days", reason, 365, **old))
    return rows


def _balances() -> list[Feature]:
    family, reason, unknown = "balances", "LOW_BALANCE", "no balance known"
    rows = []
    dry: dict[str, Any] = {"monotone": 1, "why": "an account that runs dry cannot pay an instalment"}
    for days in (30, 90, 180, 365):
        mean = f"balance_sum_{days}d / 100.0 / nullif(balances_{days}d, 0)"
        rows += [
            _row(f"balance_min_{days}d", family, f"balance_min_{days}d / 100.0", "yuan", reason, days, unknown),
            _row(f"balance_mean_{days}d", family, mean, "yuan", reason, days, unknown),
            _count("low_balance_days", "low_days", days, family, reason, "days", **dry),
        ]
    to_mean = "balance_last::DOUBLE * balances_90d / nullif(balance_sum_90d, 0)::DOUBLE"
    return [
        *rows,
        _row("balance_last", family, "balance_last / 100.0", "yuan", reason, 365, unknown),
        _row("balance_last_to_mean_90d", family, to_mean, "ratio", reason, 90, unknown),
    ]


def _trend(name: str, measure: str, short: int, long: int, reason: str) -> Feature:
    """Pace of the short window over that of the long one, which is about a whole multiple of it; 1 is steady."""
    sql = f"{long // short} * {_ratio(f'{measure}_{short}d', f'{measure}_{long}d')}"
    return _row(f"{name}_trend_{short}d_{long}d", "trends", sql, "ratio", reason, long, "none in the longer window")


def _trends() -> list[Feature]:
    n, total = "debits_90d", "debit_90d"
    squares = f"(squares_high_90d::HUGEINT * {SQUARE_BASE} + squares_low_90d)"
    spread = f"sqrt(({n} * {squares} - {total}::HUGEINT * {total})::DOUBLE)"  # integers: nothing cancels
    none = "no debit in the window"
    rows = [
        _row("debit_std_90d", "trends", f"{spread} / nullif({n}, 0) / 100.0", "yuan", "SPEND_MIX", 90, none),
        _row("debit_cv_90d", "trends", f"{spread} / nullif({total}, 0)", "ratio", "SPEND_MIX", 90, none),
        _row("credit_max_90d", "trends", "credit_max_90d / 100.0", "yuan", "SPEND_MIX", 90, "no credit in the window"),
    ]
    for days in (30, 90, 365):
        rows.append(_row(f"debit_max_{days}d", "trends", f"debit_max_{days}d / 100.0", "yuan", "SPEND_MIX", days, none))
    mean = "balance_sum_30d::DOUBLE / nullif(balances_30d, 0) * balances_180d / nullif(balance_sum_180d, 0)"
    return [
        *rows,
        _trend("debit", "debit", 30, 180, "SPENDING_TREND"),
        _trend("debit", "debit", 90, 365, "SPENDING_TREND"),
        _trend("debit_count", "debits", 30, 180, "SPENDING_TREND"),
        _trend("discretionary", "discretionary", 30, 180, "SPENDING_TREND"),
        _trend("cash_advance", "cash", 30, 180, "CASH_ADVANCE"),
        _trend("credit", "credit", 30, 180, "INCOME_TREND"),
        _trend("credit", "credit", 90, 365, "INCOME_TREND"),
        _trend("income", "income", 30, 180, "INCOME_TREND"),
        _trend("income", "income", 90, 365, "INCOME_TREND"),
        _row("balance_trend_30d_180d", "trends", mean, "ratio", "LOW_BALANCE", 180, "no balance known"),
    ]


ACCOUNT_FEATURES: tuple[Feature, ...] = (*_flows(), *_income(), *_spend_mix(), *_balances(), *_trends())
