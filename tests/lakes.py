"""Tiny lakes from plain Python rows, for tests of the stages that read one.

Belongs here: builders of lake rows and the writing of loads. Does not belong here: landing files or ingest, which have
tests of their own, and anything that computes what a stage should answer.

A world is a dict of table name to rows; the builders fill what a test does not care about. ``write_lake`` derives the
columns that ingest derives (``known_on``, ``occurred_on``, ``paid_on``, and ``customer_key`` of rows that belong to a
loan) and splits customer tables into buckets by the first eight digits of the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from tierline.lake import Lake, LoadManifest
from tierline.parquet import write_contract
from tierline.schemas import LAKE
from tierline.schemas.lake import CUSTOMER_TABLES, VIA_LOAN

Row = dict[str, Any]
World = Mapping[str, Sequence[Row]]


def key(number: int) -> str:
    """Pseudonym of the customer with a number: 32 hex digits."""
    return hashlib.sha256(f"customer {number}".encode()).hexdigest()[:32]


def at(day: date | str, hour: int = 12, minute: int = 0, second: int = 0) -> datetime:
    """A moment of a day, UTC."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)


def money(value: float | str | Decimal) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def customer(customer_key: str, registered_on: date, **other: Any) -> Row:
    return {
        "customer_key": customer_key,
        "registered_on": registered_on,
        "birth_year": 1990,
        "region_code": "R1",
        "segment": "consumer",
        "industry_code": None,
        "household_key": None,
        "declared_income_monthly": None,
        "consent_partner_sharing": True,
        "recorded_at": at(registered_on),
    } | other


def transaction(number: str, customer_key: str, occurred_at: datetime, amount: float | Decimal, **other: Any) -> Row:
    """A debit of category ``goods``, recorded when it happened and without a balance, unless told otherwise."""
    return {
        "transaction_id": number,
        "customer_key": customer_key,
        "occurred_at": occurred_at,
        "amount": money(amount),
        "direction": "debit",
        "category": "goods",
        "channel": "app",
        "scenario_id": None,
        "counterparty_key": None,
        "balance_after": None,
        "recorded_at": occurred_at,
    } | other


def loan(loan_id: str, customer_key: str, originated_on: date, principal: float | Decimal, **other: Any) -> Row:
    return {
        "loan_id": loan_id,
        "customer_key": customer_key,
        "product": "cash_loan",
        "originated_on": originated_on,
        "principal": money(principal),
        "annual_rate": 0.15,
        "term_months": 3,
        "repayment_method": "equal_instalment",
        "scenario_id": None,
        "recorded_at": at(originated_on),
    } | other


def instalment(loan_id: str, number: int, due_on: date, principal: float, recorded_at: datetime, **other: Any) -> Row:
    """An instalment without interest, unless ``interest_due`` is given."""
    return {
        "loan_id": loan_id,
        "instalment_no": number,
        "due_on": due_on,
        "principal_due": money(principal),
        "interest_due": money(0),
        "recorded_at": recorded_at,
    } | other


def repayment(number: str, loan_id: str, instalment_no: int, paid_at: datetime, amount: float, **other: Any) -> Row:
    return {
        "repayment_id": number,
        "loan_id": loan_id,
        "instalment_no": instalment_no,
        "paid_at": paid_at,
        "amount": money(amount),
        "recorded_at": paid_at,
    } | other


def outcome(loan_id: str, defaulted: bool, observed_on: date, **other: Any) -> Row:
    row = {"loan_id": loan_id, "defaulted": defaulted, "observed_on": observed_on, "recorded_at": at(observed_on)}
    return row | other


def write_lake(
    root: Path, world: World, *, buckets: int = 2, timezone: str = "UTC", splits: Sequence[date] = ()
) -> Lake:
    """Write ``world`` below ``root`` as a lake of one load, or of one more for each day of ``splits``.

    A row goes into the load that holds its ``known_on``; a load ends on its split day.
    """
    complete = {name: _derive(name, world, ZoneInfo(timezone)) for name in world}
    days = [row["known_on"] for rows in complete.values() for row in rows] or [date(2024, 1, 1)]
    lasts = [*sorted(splits), max(max(days), *splits) + timedelta(days=1)] if splits else [max(days)]
    firsts = [min(days), *(day + timedelta(days=1) for day in lasts[:-1])]
    for first, last in zip(firsts, lasts, strict=True):
        for name, rows in complete.items():
            inside = [row for row in rows if first <= row["known_on"] <= last]
            _write_table(root, name, f"{first}_{last}", inside, buckets)
        _finish_load(root, LoadManifest(first_day=first, last_day=last, buckets=buckets, files=[], totals={}))
    return Lake(root)


def _derive(name: str, world: World, zone: ZoneInfo) -> list[Row]:
    def day(moment: datetime) -> date:
        return moment.astimezone(zone).date()

    owner = {row["loan_id"]: row["customer_key"] for row in world.get("loans", ())}
    derived: dict[str, Callable[[Row], Any]] = {"known_on": lambda row: day(row[LAKE[name].knowledge_time])}
    if name in VIA_LOAN:
        derived["customer_key"] = lambda row: owner[row["loan_id"]]
    if name == "transactions":
        derived["occurred_on"] = lambda row: day(row["occurred_at"])
    if name == "repayments":
        derived["paid_on"] = lambda row: day(row["paid_at"])
    return [row | {column: value(row) for column, value in derived.items()} for row in world[name]]


def _write_table(root: Path, name: str, load: str, rows: list[Row], buckets: int) -> None:
    directory = root / name / f"load={load}"
    if name not in CUSTOMER_TABLES:
        _write_rows(directory / "all.parquet", name, rows)
        return
    for bucket in range(buckets):
        inside = [row for row in rows if int(row["customer_key"][:8], 16) % buckets == bucket]
        _write_rows(directory / f"bucket={bucket:03d}.parquet", name, inside)


def _write_rows(path: Path, name: str, rows: list[Row]) -> None:
    write_contract(path, pa.Table.from_pylist(rows, schema=LAKE[name].arrow_schema), LAKE[name])


def _finish_load(root: Path, manifest: LoadManifest) -> None:
    path = root / "loads" / f"{manifest.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(manifest.model_dump_json(), encoding="utf-8")
