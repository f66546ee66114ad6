"""Every feature once more, in plain pandas, from the words of the registry and of the contract.

Belongs here: an independent reference that is slow and obvious. Does not belong here: anything of the code under test
but the names of the features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from lakes import Row, World

KEYS = {
    "customers": ["customer_key"],
    "transactions": ["transaction_id"],
    "loans": ["loan_id"],
    "instalments": ["loan_id", "instalment_no"],
    "repayments": ["repayment_id"],
}


def known(rows: list[Row], table: str, as_of: date, zone: ZoneInfo) -> list[Row]:
    """The last version of each key that was recorded by the end of the business day ``as_of``."""
    last: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=lambda row: row["recorded_at"]):
        if row["recorded_at"].astimezone(zone).date() <= as_of:
            last[tuple(row[name] for name in KEYS[table])] = row
    return list(last.values())


def add_months(day: date, months: int) -> date:
    return (pd.Timestamp(day) + pd.DateOffset(months=months)).date()


def is_month_end(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


@dataclass(frozen=True)
class Owed:
    """One instalment as known at the observation date; ``settled`` is the day it was paid in full, if it was."""

    loan_id: str
    due_on: date
    principal: int
    due: int
    paid: int
    settled: date | None

    def unpaid_at_end_of(self, day: date) -> bool:
        return self.settled is None or self.settled > day

    def dpd(self, day: date) -> int:
        """Days past due at the end of a day: 0 on the due day, 0 when paid by then."""
        return max((day - self.due_on).days, 0) if self.unpaid_at_end_of(day) else 0


def reference_features(
    world: World, as_of: date, timezone: str, vocabulary: Mapping[str, str]
) -> dict[str, dict[str, float | None]]:
    """Features of every customer known at the end of ``as_of``: ``{customer_key: {feature: value or None}}``."""
    zone = ZoneInfo(timezone)
    now = {name: known(list(rows), name, as_of, zone) for name, rows in world.items()}
    frame = _transaction_frame(now["transactions"], as_of, zone, vocabulary)
    answers = {}
    for person in now["customers"]:
        key = person["customer_key"]
        loans = [
            row
            for row in now["loans"]
            if row["customer_key"] == key and row["originated_on"] <= as_of and row["principal"] > 0
        ]
        values: dict[str, float | None] = {}
        values |= _from_transactions(frame[frame.customer_key == key] if len(frame) else frame, as_of)
        values |= _from_loans(loans, as_of)
        values |= _from_instalments(_owed(now, loans, as_of, zone), as_of)
        values |= _crossed(values)
        values["registered_days"] = (as_of - person["registered_on"]).days
        values["is_sole_proprietor"] = float(person["segment"] == "sole_proprietor")
        answers[key] = values
    return answers


def _transaction_frame(rows: list[Row], as_of: date, zone: ZoneInfo, vocabulary: Mapping[str, str]) -> pd.DataFrame:
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
    return frame[(frame.cents > 0) & (frame.age >= 0)]


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _from_transactions(tx: pd.DataFrame, as_of: date) -> dict[str, float | None]:
    """All None for a customer without a known transaction."""
    if not len(tx):
        return {}
    out: dict[str, float | None] = {}
    for days in (7, 30, 90, 180, 365):
        out |= _window(tx[tx.age < days], days)
    out |= _income(tx, as_of)
    recent = {days: tx[tx.age < days] for days in (30, 90, 180, 365)}
    debit = {days: rows[rows.direction == "debit"].cents.sum() for days, rows in recent.items()}
    credit = {days: rows[rows.direction == "credit"].cents.sum() for days, rows in recent.items()}
    out["debit_trend_30d_180d"] = _over(6 * debit[30], debit[180])
    out["credit_trend_90d_365d"] = _over(4 * credit[90], credit[365])
    earned = {days: _sum(rows, "credit", "income") for days, rows in recent.items()}
    out["income_trend_90d_365d"] = _over(4 * earned[90], earned[365])
    out["transfer_in_share_90d"] = _over(_sum(recent[90], "credit", "own_transfer"), credit[90])
    spent = recent[90][recent[90].direction == "debit"].cents
    out["debit_std_90d"] = spent.std(ddof=0) / 100 if len(spent) else None
    out["debit_max_90d"] = spent.max() / 100 if len(spent) else None
    with_balance = tx[tx.balance.notna()].sort_values(["occurred_at", "transaction_id"])
    out["balance_last"] = with_balance.balance.iloc[-1] if len(with_balance) else None
    out["history_days"] = tx.age.max()
    return out


def _sum(rows: pd.DataFrame, direction: str, role: str) -> int:
    return int(rows[(rows.direction == direction) & (rows.role == role)].cents.sum())


def _window(rows: pd.DataFrame, days: int) -> dict[str, float | None]:
    """Every feature with one window; names that the registry does not have are ignored by the comparison."""
    debits, inflow = rows[rows.direction == "debit"], rows[rows.direction == "credit"]
    spend = debits[debits.role != "own_transfer"].cents.sum()
    cash, gambling = rows[rows.role == "cash"], debits[debits.role == "gambling"]
    net = inflow.cents.sum() - debits.cents.sum()
    values = {
        "credit_amount": inflow.cents.sum() / 100,
        "debit_amount": debits.cents.sum() / 100,
        "credit_count": len(inflow),
        "debit_count": len(debits),
        "net_flow_ratio": _over(net, inflow.cents.sum()),
        "active_days": rows[rows.role != "loan_flow"].day.nunique(),
        "income_amount": _sum(rows, "credit", "income") / 100,
        "essential_share": _over(_sum(rows, "debit", "essential"), spend),
        "discretionary_share": _over(_sum(rows, "debit", "discretionary"), spend),
        "gambling_share": _over(gambling.cents.sum(), spend),
        "cash_advance_share": _over(cash.cents.sum(), spend),
        "gambling_count": len(gambling),
        "cash_advance_count": len(cash),
        "fee_count": (rows.role == "fee").sum(),
        "night_share": _over((debits.hour < 6).sum(), len(debits)),
        "weekend_share": _over((debits.weekday >= 6).sum(), len(debits)),
        "refund_share": _over(_sum(rows, "credit", "refund"), spend),
        "balance_min": rows.balance.min() if rows.balance.notna().any() else None,
        "balance_mean": rows.balance.mean() if rows.balance.notna().any() else None,
        "low_balance_days": rows[rows.balance < 100].day.nunique(),
    }
    return {f"{name}_{days}d": value for name, value in values.items()}


def _income(tx: pd.DataFrame, as_of: date) -> dict[str, float | None]:
    """Income of the last six whole calendar months that lie inside the history."""
    last_end = as_of if is_month_end(as_of) else as_of - timedelta(days=as_of.day)
    edges = [(pd.Timestamp(add_months(last_end, -index)) + pd.offsets.MonthEnd(0)).date() for index in range(7)]
    earned = tx[(tx.direction == "credit") & (tx.role == "income")]
    months = []
    for after, last in zip(edges[1:], edges[:-1], strict=True):
        if tx.day.min() <= after + timedelta(days=1):
            months.append(int(earned[(earned.day > after) & (earned.day <= last)].cents.sum()))
    low = sorted(months)[1] / 100 if len(months) >= 4 else None  # the second smallest
    return {
        "income_recurring_monthly": low,
        "income_regularity_6m": _over(sum(month > 0 for month in months), len(months)),
        "days_since_income": min(earned.age.min(), 366) if len(earned) else 366,
    }


def _from_loans(loans: list[Row], as_of: date) -> dict[str, float | None]:
    if not loans:
        return {}
    ordered = sorted(loans, key=lambda row: (row["originated_on"], row["loan_id"]))
    first, last = ordered[0], ordered[-1]
    book = 0
    while add_months(first["originated_on"], book + 1) <= as_of:
        book += 1
    ages = [(as_of - row["originated_on"]).days for row in ordered]
    sizes = [float(row["principal"]) for row in ordered]
    values: dict[str, float | None] = {
        "loans_all": len(ordered),
        "months_on_book": book,
        "days_since_last_loan": ages[-1],
        "days_between_loans": _over(ages[0] - ages[-1], len(ordered) - 1),
        "last_loan_principal": sizes[-1],
        "last_loan_rate": last["annual_rate"],
        "last_loan_term": last["term_months"],
        "last_to_largest_loan": sizes[-1] / max(sizes),
    }
    for days in (90, 365):
        values[f"loans_opened_{days}d"] = sum(age < days for age in ages)
        values[f"principal_drawn_{days}d"] = round(
            sum(size for size, age in zip(sizes, ages, strict=True) if age < days), 2
        )
    return values


def _owed(now: Mapping[str, list[Row]], loans: list[Row], as_of: date, zone: ZoneInfo) -> list[Owed]:
    """Instalments of loans that stand, without those that are void."""
    standing = {row["loan_id"] for row in loans}
    payments: dict[tuple[str, int], list[tuple[date, int]]] = {}
    for row in now["repayments"]:
        paid_on = row["paid_at"].astimezone(zone).date()
        payments.setdefault((row["loan_id"], row["instalment_no"]), []).append((paid_on, int(row["amount"] * 100)))
    owed = []
    for row in now["instalments"]:
        due = int((row["principal_due"] + row["interest_due"]) * 100)
        if row["loan_id"] not in standing or not due:
            continue
        paid, settled = 0, None
        for day, cents in sorted(payments.get((row["loan_id"], row["instalment_no"]), [])):
            paid += cents if day <= as_of else 0
            settled = day if settled is None and day <= as_of and paid >= due else settled
        owed.append(Owed(row["loan_id"], row["due_on"], int(row["principal_due"] * 100), due, paid, settled))
    return owed


def _from_instalments(owed: list[Owed], as_of: date) -> dict[str, float | None]:
    """All None for a customer without an instalment."""
    if not owed:
        return {}
    past = [one for one in owed if one.due_on < as_of]  # their due day is over: punctual or late
    delay = {id(one): ((one.settled or as_of) - one.due_on).days for one in past}
    unpaid = [one for one in owed if one.settled is None]
    overdue = [one for one in unpaid if one.dpd(as_of) > 0]
    late = [one for one in past if delay[id(one)] > 0]
    soon = [one for one in unpaid if as_of < one.due_on <= as_of + timedelta(days=30)]
    last_late = max((one.due_on for one in late), default=date.min)
    paid_in_time = [one for one in owed if one.due_on <= as_of and one.settled and one.settled <= one.due_on]
    values: dict[str, float | None] = {
        "dpd_now": max((one.dpd(as_of) for one in owed), default=0),
        "overdue_amount": sum(one.due - one.paid for one in overdue) / 100,
        "overdue_instalments": len(overdue),
        "payment_delay_mean_all": _over(sum(delay.values()), len(past)),
        "late_ratio_all": _over(len(late), len(past)),
        "late_30_count_365d": sum(_worst(one, as_of, 365) >= 30 for one in owed),
        "on_time_streak": sum(one.due_on > last_late for one in paid_in_time),
        "days_since_late": min([1000, *((as_of - (one.settled or as_of)).days for one in late)]),
        "outstanding_principal": sum(min(one.principal, one.due - one.paid) for one in unpaid) / 100,
        "active_loans": len({one.loan_id for one in unpaid}),
        "instalments_next_30d": sum(one.due - one.paid for one in soon) / 100,
        "instalments_due_365d": sum(0 <= (as_of - one.due_on).days < 365 for one in owed),
    }
    for days in (30, 90, 180, 365):
        values[f"max_dpd_{days}d"] = max(_worst(one, as_of, days) for one in owed)
        inside = [one for one in past if (as_of - one.due_on).days < days]
        values[f"late_count_{days}d"] = sum(delay[id(one)] > 0 for one in inside)
        values[f"on_time_ratio_{days}d"] = _over(sum(delay[id(one)] <= 0 for one in inside), len(inside))
        values[f"payment_delay_mean_{days}d"] = _over(sum(delay[id(one)] for one in inside), len(inside))
    return values


def _worst(one: Owed, as_of: date, days: int) -> int:
    """The highest DPD at the end of any of the last ``days`` days, day by day."""
    return max(one.dpd(as_of - timedelta(days=back)) for back in range(days))


def _crossed(values: dict[str, float | None]) -> dict[str, float | None]:
    income = values.get("income_recurring_monthly")
    pairs = {
        "outstanding_to_income": "outstanding_principal",
        "burden_to_income": "instalments_next_30d",
        "drawn_90d_to_income": "principal_drawn_90d",
    }
    return {
        name: None if not income or values.get(part) is None else values[part] / income for name, part in pairs.items()
    }
