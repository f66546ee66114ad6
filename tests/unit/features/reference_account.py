"""The payment account's features once more, in plain pandas, from the words of the registry and of the contract.

Belongs here: the part of the reference that reads transactions. Does not belong here: anything of the code under test.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
from lakes import Row

HORIZON = 365
_WEEK_UP, _MONTH_UP, _FOUR, _LONG = (7, 30, 90, 180, 365), (30, 90, 365), (30, 90, 180, 365), (90, 365)
WINDOWS_OF: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("credit_amount", "debit_amount", "credit_count", "debit_count"), _WEEK_UP),
    **dict.fromkeys(("net_flow_ratio", "active_days", "debit_max", "night_share", "weekend_share"), _MONTH_UP),
    **dict.fromkeys(("essential_share", "discretionary_share", "gambling_share", "cash_advance_share"), _MONTH_UP),
    **dict.fromkeys(("gambling_count", "cash_advance_count", "fee_count"), _MONTH_UP),
    **dict.fromkeys(("income_amount", "balance_min", "balance_mean", "low_balance_days"), _FOUR),
    **dict.fromkeys(("transfer_in_share", "transfer_out_share", "refund_share", "scenario_share"), _LONG),
    **dict.fromkeys(("income_count", "spend_entropy"), _LONG),
    **dict.fromkeys(("income_share", "fee_amount", "refund_count"), (365,)),
    **dict.fromkeys(("gambling_amount", "cash_advance_amount", "credit_max"), (90,)),
}
"""Days over which each figure of ``_window`` is a feature."""
TRENDS = {
    (30, 180): ("debit", "debit_count", "discretionary", "cash_advance", "credit", "income"),
    (90, 365): ("debit", "credit", "income"),
}


def transaction_frame(rows: list[Row], as_of: date, zone: ZoneInfo, vocabulary: Mapping[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    if not len(frame):
        return frame
    local = [moment.astimezone(zone) for moment in frame.occurred_at]
    frame["day"] = [moment.date() for moment in local]
    frame["hour"] = [moment.hour for moment in local]
    frame["weekday"] = [moment.isoweekday() for moment in local]
    frame["role"] = [vocabulary.get(word, "other") for word in frame.category]
    frame.loc[frame.role == "loan_flow", "direction"] = "loan"  # in the balance, but in no flow
    frame["cents"] = [int(amount * 100) for amount in frame.amount]
    frame["balance"] = [math.nan if value is None else float(value) for value in frame.balance_after]
    frame["age"] = [(as_of - day).days for day in frame.day]
    return frame[(frame.cents > 0) & (frame.age >= 0) & (frame.age < HORIZON)]


def over(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def from_transactions(tx: pd.DataFrame, as_of: date) -> dict[str, float | None]:
    """All None for a customer without a transaction in the last 365 days."""
    if not len(tx):
        return {}
    out: dict[str, float | None] = {}
    windows = {days: tx[tx.age < days] for days in (7, 30, 90, 180, 365)}
    for days, rows in windows.items():
        out |= _window(rows, days)
    out |= _income(tx, as_of)
    out |= _trends(windows)
    out |= _contacts(tx)
    spent = windows[90][windows[90].direction == "debit"].cents
    out["debit_std_90d"] = spent.std(ddof=0) / 100 if len(spent) else None
    out["debit_cv_90d"] = spent.std(ddof=0) / spent.mean() if len(spent) else None
    with_balance = tx[tx.balance.notna()].sort_values(["occurred_at", "transaction_id"])
    last = with_balance.balance.iloc[-1] if len(with_balance) else None
    mean = out["balance_mean_90d"]
    out["balance_last"] = last
    out["balance_last_to_mean_90d"] = None if last is None or not mean else last / mean
    for name, role in (("gambling", "gambling"), ("cash_advance", "cash")):
        rows = tx[(tx.role == role) & ((tx.direction == "debit") | (role == "cash"))]
        out[f"days_since_{name}"] = rows.age.min() if len(rows) else HORIZON
    return out


def _trends(windows: dict[int, pd.DataFrame]) -> dict[str, float | None]:
    """The short window's pace against the long one's."""
    values: dict[str, float | None] = {}
    figures = {
        "debit": lambda rows: rows[rows.direction == "debit"].cents.sum(),
        "credit": lambda rows: rows[rows.direction == "credit"].cents.sum(),
        "income": lambda rows: _sum(rows, "credit", "income"),
        "debit_count": lambda rows: (rows.direction == "debit").sum(),
        "discretionary": lambda rows: _sum(rows, "debit", "discretionary"),
        "cash_advance": lambda rows: rows[rows.role == "cash"].cents.sum(),
    }
    for (short, long), names in TRENDS.items():
        for name in names:
            pace = (long // short) * figures[name](windows[short])
            values[f"{name}_trend_{short}d_{long}d"] = over(pace, figures[name](windows[long]))
    means = {days: windows[days].balance.mean() for days in (30, 180)}
    known = all(windows[days].balance.notna().any() for days in (30, 180)) and means[180]
    values["balance_trend_30d_180d"] = means[30] / means[180] if known else None
    return values


def _contacts(tx: pd.DataFrame) -> dict[str, float | None]:
    """Distinct keys of the last 30 and 90 days; new are those that come back after 90 days or more, or come at all."""
    debits = tx[tx.direction == "debit"]
    kinds = {
        "counterparties": debits[(debits.role != "own_transfer") & debits.counterparty_key.notna()].counterparty_key,
        "payers": tx[(tx.direction == "credit") & (tx.role == "income") & tx.counterparty_key.notna()].counterparty_key,
        "scenarios": debits[debits.scenario_id.notna()].scenario_id,
        "categories": debits.category,
    }
    values: dict[str, float | None] = {}
    for name, words in kinds.items():
        ages = {word: sorted(tx.loc[group.index].age) for word, group in words.groupby(words)}
        for days in (90,) if name == "payers" else (30, 90):
            values[f"{name}_{days}d"] = sum(found[0] < days for found in ages.values())
        if name != "payers":
            values[f"{name}_new_30d"] = sum(_is_new(found) for found in ages.values())
    return values


def _is_new(ages: list[int]) -> bool:
    """The first appearance within 30 days follows at least 90 days without one."""
    recent, before = [age for age in ages if age < 30], [age for age in ages if age >= 30]
    return bool(recent) and (not before or min(before) - max(recent) >= 90)


def _sum(rows: pd.DataFrame, direction: str, role: str) -> int:
    return int(rows[(rows.direction == direction) & (rows.role == role)].cents.sum())


def _window(rows: pd.DataFrame, days: int) -> dict[str, float | None]:
    """Every feature over one span of days."""
    debits, inflow = rows[rows.direction == "debit"], rows[rows.direction == "credit"]
    spend = debits[debits.role != "own_transfer"].cents.sum()
    cash, gambling = rows[rows.role == "cash"], debits[debits.role == "gambling"]
    net = inflow.cents.sum() - debits.cents.sum()
    spending = {
        "essential": _sum(rows, "debit", "essential"),
        "discretionary": _sum(rows, "debit", "discretionary"),
        "gambling": int(gambling.cents.sum()),
        "cash": int(cash.cents.sum()),
        "fee": _sum(rows, "debit", "fee"),
        "other": sum(_sum(rows, "debit", role) for role in ("other", "refund", "income")),
    }
    known = rows.balance.notna().any()
    values = {
        "credit_amount": inflow.cents.sum() / 100,
        "debit_amount": debits.cents.sum() / 100,
        "credit_count": len(inflow),
        "debit_count": len(debits),
        "net_flow_ratio": over(net, inflow.cents.sum()),
        "active_days": rows[rows.role != "loan_flow"].day.nunique(),
        "income_amount": _sum(rows, "credit", "income") / 100,
        "income_count": len(inflow[inflow.role == "income"]),
        "income_share": over(_sum(rows, "credit", "income"), inflow.cents.sum()),
        "essential_share": over(spending["essential"], spend),
        "discretionary_share": over(spending["discretionary"], spend),
        "gambling_share": over(spending["gambling"], spend),
        "cash_advance_share": over(spending["cash"], spend),
        "gambling_count": len(gambling),
        "gambling_amount": spending["gambling"] / 100,
        "cash_advance_count": len(cash),
        "cash_advance_amount": spending["cash"] / 100,
        "fee_count": (rows.role == "fee").sum(),
        "fee_amount": spending["fee"] / 100,
        "night_share": over((debits.hour < 6).sum(), len(debits)),
        "weekend_share": over((debits.weekday >= 6).sum(), len(debits)),
        "refund_share": over(_sum(rows, "credit", "refund"), spend),
        "refund_count": len(inflow[inflow.role == "refund"]),
        "scenario_share": over(debits[debits.scenario_id.notna()].cents.sum(), spend),
        "transfer_in_share": over(_sum(rows, "credit", "own_transfer"), inflow.cents.sum()),
        "transfer_out_share": over(_sum(rows, "debit", "own_transfer"), debits.cents.sum()),
        "spend_entropy": _entropy(list(spending.values())),
        "balance_min": rows.balance.min() if known else None,
        "balance_mean": rows.balance.mean() if known else None,
        "low_balance_days": rows[rows.balance < 100].day.nunique(),
        "debit_max": debits.cents.max() / 100 if len(debits) else None,
        "credit_max": inflow.cents.max() / 100 if len(inflow) else None,
    }
    return {f"{name}_{days}d": value for name, value in values.items() if days in WINDOWS_OF[name]}


def _entropy(parts: list[int]) -> float | None:
    total = sum(parts)
    return -sum(part / total * math.log(part / total) for part in parts if part) if total else None


def _income(tx: pd.DataFrame, as_of: date) -> dict[str, float | None]:
    """Income of the whole calendar months after the account's first one, of eleven months with the current one."""
    this = (as_of.year, as_of.month)
    months = [(this[0] + (this[1] - 1 - back) // 12, (this[1] - 1 - back) % 12 + 1) for back in range(11)]
    month_of = pd.Series([(day.year, day.month) for day in tx.day], index=tx.index, dtype=object)
    active = [month for month in months if (month_of == month).any()]
    ended = (as_of + timedelta(days=1)).day == 1
    full = [month for month in months if active and month > min(active) and (month < this or ended)]
    earned = tx[(tx.direction == "credit") & (tx.role == "income")]
    sums = [int(earned[month_of[earned.index] == month].cents.sum()) for month in sorted(full, reverse=True)[:6]]
    mean = sum(sums) / len(sums) if sums else 0
    spread = math.sqrt(sum((value - mean) ** 2 for value in sums) / len(sums)) if sums else 0
    return {
        "income_recurring_monthly": sorted(sums)[1] / 100 if len(sums) >= 4 else None,  # the second smallest
        "income_mean_monthly": mean / 100 if sums else None,
        "income_regularity_6m": over(sum(value > 0 for value in sums), len(sums)),
        "income_cv_6m": spread / mean if mean else None,
        "history_months": len(full),
        "days_since_income": earned.age.min() if len(earned) else HORIZON,
    }
