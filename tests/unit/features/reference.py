"""Every feature once more, in plain pandas, from the words of the registry and of the contract.

Belongs here: an independent reference that is slow and obvious: customers, loans, the economy. Does not belong here:
the payment account (``reference_account``), or anything of the code under test but the names of the features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from lakes import Row, World
from unit.features.reference_account import from_transactions, over, transaction_frame

KEYS = {
    "customers": ["customer_key"],
    "transactions": ["transaction_id"],
    "loans": ["loan_id"],
    "instalments": ["loan_id", "instalment_no"],
    "repayments": ["repayment_id"],
    "macro": ["series_id", "period"],
}


def known(rows: list[Row], table: str, as_of: date, zone: ZoneInfo) -> list[Row]:
    """The last version of each key that was recorded by the end of the business day ``as_of``."""
    last: dict[tuple[Any, ...], Row] = {}
    moment = "published_at" if table == "macro" else "recorded_at"
    for row in sorted(rows, key=lambda row: row[moment]):
        if row[moment].astimezone(zone).date() <= as_of:
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
    punctual: int  # cents received by the due day
    received_on: tuple[date, ...]
    known_on: date

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
    frame = transaction_frame(now["transactions"], as_of, zone, vocabulary)
    published = known(list(world.get("macro", ())), "macro", as_of, zone)
    answers = {}
    for person in now["customers"]:
        key = person["customer_key"]
        loans = [
            row
            for row in now["loans"]
            if row["customer_key"] == key and row["originated_on"] <= as_of and row["principal"] > 0
        ]
        values: dict[str, float | None] = {}
        own = frame[frame.customer_key == key] if len(frame) else frame
        owed = _owed(now, loans, as_of, zone)
        values |= from_transactions(own, as_of)
        values |= _from_loans(loans, as_of)
        values |= _from_instalments(owed, as_of)
        values |= _crossed(values)
        values |= _from_person(person, values, as_of)
        economy, proof = _economy(person, published, as_of, zone)
        values |= economy
        values |= _proof(person, own, loans, owed, proof, zone)
        answers[key] = values
    return answers


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
        "days_between_loans": over(ages[0] - ages[-1], len(ordered) - 1),
        "last_loan_principal": sizes[-1],
        "last_loan_rate": last["annual_rate"],
        "last_loan_term": last["term_months"],
        "last_to_largest_loan": sizes[-1] / max(sizes),
    }
    for days in (30, 90, 365):
        values[f"loans_opened_{days}d"] = sum(age < days for age in ages)
    for days in (90, 365):
        drawn = sum(size for size, age in zip(sizes, ages, strict=True) if age < days)
        values[f"principal_drawn_{days}d"] = round(drawn, 2)
    values["principal_mean_365d"] = over(values["principal_drawn_365d"], values["loans_opened_365d"])
    values["drawn_trend_90d_365d"] = over(4 * values["principal_drawn_90d"], values["principal_drawn_365d"])
    return values


def _owed(now: Mapping[str, list[Row]], loans: list[Row], as_of: date, zone: ZoneInfo) -> list[Owed]:
    """Instalments of loans that stand, without those that are void."""
    standing = {row["loan_id"] for row in loans}
    payments: dict[tuple[str, int], list[tuple[date, int, date]]] = {}
    for row in now["repayments"]:
        paid_on, known_on = (row[name].astimezone(zone).date() for name in ("paid_at", "recorded_at"))
        if paid_on <= as_of and row["amount"]:
            listed = payments.setdefault((row["loan_id"], row["instalment_no"]), [])
            listed.append((paid_on, int(row["amount"] * 100), known_on))
    owed = []
    for row in now["instalments"]:
        due = int((row["principal_due"] + row["interest_due"]) * 100)
        if row["loan_id"] not in standing or not due:
            continue
        paid, settled = 0, None
        received = sorted(payments.get((row["loan_id"], row["instalment_no"]), []))
        for day, cents, _ in received:
            paid += cents
            settled = day if settled is None and paid >= due else settled
        punctual = sum(cents for day, cents, _ in received if day <= row["due_on"])
        known_on = max([row["recorded_at"].astimezone(zone).date(), *(known for _, _, known in received)])
        days = tuple(day for day, _, _ in received)
        principal = int(row["principal_due"] * 100)
        owed.append(Owed(row["loan_id"], row["due_on"], principal, due, paid, settled, punctual, days, known_on))
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
    later = [one for one in unpaid if as_of < one.due_on <= as_of + timedelta(days=90)]
    year = [one for one in past if (as_of - one.due_on).days < 365]
    last_late = max((one.due_on for one in late), default=date.min)
    paid_in_time = [one for one in owed if one.due_on <= as_of and one.settled and one.settled <= one.due_on]
    values: dict[str, float | None] = {
        "dpd_now": max((one.dpd(as_of) for one in owed), default=0),
        "overdue_amount": sum(one.due - one.paid for one in overdue) / 100,
        "overdue_instalments": len(overdue),
        "payment_delay_mean_all": over(sum(delay.values()), len(past)),
        "late_ratio_all": over(len(late), len(past)),
        "late_30_count_365d": sum(_worst(one, as_of, 365) >= 30 for one in owed),
        "on_time_streak": sum(one.due_on > last_late for one in paid_in_time),
        "days_since_late": min([1000, *((as_of - (one.settled or as_of)).days for one in late)]),
        "outstanding_principal": sum(min(one.principal, one.due - one.paid) for one in unpaid) / 100,
        "active_loans": len({one.loan_id for one in unpaid}),
        "instalments_next_30d": sum(one.due - one.paid for one in soon) / 100,
        "instalments_next_90d": sum(one.due - one.paid for one in later) / 100,
        "uncured_late_30": sum(one.dpd(as_of) >= 30 for one in unpaid),
        "max_dpd_all": max(_worst(one, as_of, (as_of - one.due_on).days + 1) for one in owed),
        "paid_share_365d": over(sum(min(one.paid, one.due) for one in year), sum(one.due for one in year)),
        "paid_by_due_day_share_365d": over(
            sum(min(one.punctual, one.due) for one in year), sum(one.due for one in year)
        ),
        "early_ratio_365d": over(sum(delay[id(one)] < 0 for one in year), len(year)),
        "instalments_due_365d": sum(0 <= (as_of - one.due_on).days < 365 for one in owed),
    }
    for days in (30, 90, 180, 365):
        values[f"max_dpd_{days}d"] = max(_worst(one, as_of, days) for one in owed)
    for days in (90, 180, 365):
        inside = [one for one in past if (as_of - one.due_on).days < days]
        values[f"late_count_{days}d"] = sum(delay[id(one)] > 0 for one in inside)
        values[f"on_time_ratio_{days}d"] = over(sum(delay[id(one)] <= 0 for one in inside), len(inside))
        values[f"payment_delay_mean_{days}d"] = over(sum(delay[id(one)] for one in inside), len(inside))
    return values


def _worst(one: Owed, as_of: date, days: int) -> int:
    """The highest DPD at the end of any of the last ``days`` days, day by day."""
    return max([0, *(one.dpd(as_of - timedelta(days=back)) for back in range(days))])


def _crossed(values: dict[str, float | None]) -> dict[str, float | None]:
    income, drawn = values.get("income_recurring_monthly"), values.get("principal_drawn_365d")
    pairs = {
        "outstanding_to_income": "outstanding_principal",
        "burden_to_income": "instalments_next_30d",
        "burden_90d_to_income": "instalments_next_90d",
        "drawn_90d_to_income": "principal_drawn_90d",
    }
    crossed = {
        name: None if not income or values.get(part) is None else values[part] / income for name, part in pairs.items()
    }
    owed = values.get("outstanding_principal")
    return crossed | {"utilisation_365d": None if not drawn or owed is None else owed / drawn}


def _from_person(person: Row, values: dict[str, float | None], as_of: date) -> dict[str, float | None]:
    declared = person["declared_income_monthly"]
    recurring = values.get("income_recurring_monthly")
    return {
        "registered_days": (as_of - person["registered_on"]).days,
        "is_sole_proprietor": float(person["segment"] == "sole_proprietor"),
        "declared_income_monthly": None if declared is None else float(declared),
        "recurring_to_declared_income": None if not declared or recurring is None else recurring / float(declared),
    }


def _economy(
    person: Row, published: list[Row], as_of: date, zone: ZoneInfo
) -> tuple[dict[str, float | None], list[tuple[date, date]]]:
    """Features of the customer's region and industry, and (period, known day) of what they were made of."""
    values: dict[str, float | None] = {}
    used: list[tuple[date, date]] = []
    for name, prefix, code in (
        ("region_unemployment", "unemployment_", person["region_code"]),
        ("industry_index", "industry_index_", person["industry_code"]),
    ):
        rows = [row for row in published if row["series_id"].startswith(prefix) and row["period"] <= as_of]
        newest: dict[str, Row] = {}
        for row in sorted(rows, key=lambda row: row["period"]):
            newest[row["series_id"].removeprefix(prefix)] = row
        if code not in newest:
            continue
        here = newest[code]
        before = [
            row
            for row in rows
            if row["series_id"] == here["series_id"] and row["period"] == add_months(here["period"], -12)
        ]
        values[name] = here["value"]
        values[f"{name}_gap"] = here["value"] - sum(row["value"] for row in newest.values()) / len(newest)
        values[f"{name}_change_12m"] = here["value"] - before[0]["value"] if before else None
        for row in [*newest.values(), *before]:
            used.append((row["period"], row["published_at"].astimezone(zone).date()))
    return values, used


def _proof(
    person: Row, tx: pd.DataFrame, loans: list[Row], owed: list[Owed], economy: list[tuple[date, date]], zone: ZoneInfo
) -> dict[str, Any]:
    """The latest event and the latest knowledge behind a row, in business days."""
    events = [
        *(tx.day if len(tx) else []),
        *(row["originated_on"] for row in loans),
        *(period for period, _ in economy),
    ]
    events += [day for one in owed for day in one.received_on]
    known_on = [row["recorded_at"].astimezone(zone).date() for row in [person, *loans]]
    known_on += [moment.astimezone(zone).date() for moment in (tx.recorded_at if len(tx) else [])]
    known_on += [one.known_on for one in owed] + [day for _, day in economy]
    return {"latest_event_on": max(events, default=None), "latest_known_on": max(known_on)}
