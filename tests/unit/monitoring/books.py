"""Small lakes of loans, and the state of a loan computed day by day straight from the definitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from tierline.home import replace_file
from tierline.lake import Lake, LoadManifest
from tierline.parquet import write_contract
from tierline.schemas import LAKE

DEFAULT_DPD = 90


def at(day: date, hour: int = 12) -> datetime:
    return datetime.combine(day, time(hour), UTC)


@dataclass
class Book:
    """Rows of a lake under construction. Money in yuan; every row is known on ``known`` (default: its event day)."""

    loans: list[dict[str, Any]] = field(default_factory=list)
    instalments: list[dict[str, Any]] = field(default_factory=list)
    repayments: list[dict[str, Any]] = field(default_factory=list)

    def loan(self, loan_id: str, customer: str, on: date, principal: str, known: date | None = None) -> Book:
        row = {"loan_id": loan_id, "customer_key": customer, "product": "p", "originated_on": on}
        row |= {"principal": Decimal(principal), "annual_rate": 0.12, "term_months": 12}
        row |= {"repayment_method": "equal_instalment", "scenario_id": None}
        self.loans.append(row | _known(known or on))
        return self

    def instalment(self, loan_id: str, number: int, due: date, amounts: tuple[str, str], known: date) -> Book:
        row = {"customer_key": self._customer(loan_id), "loan_id": loan_id, "instalment_no": number, "due_on": due}
        row |= {"principal_due": Decimal(amounts[0]), "interest_due": Decimal(amounts[1])}
        self.instalments.append(row | _known(known))
        return self

    def pay(self, key: tuple[str, str, int], on: date, amount: str, known: date | None = None) -> Book:
        """``key`` is repayment_id, loan_id, instalment_no."""
        row = {"customer_key": self._customer(key[1]), "repayment_id": key[0], "loan_id": key[1]}
        row |= {"instalment_no": key[2], "paid_at": at(on), "paid_on": on, "amount": Decimal(amount)}
        self.repayments.append(row | _known(known or on))
        return self

    def _customer(self, loan_id: str) -> str:
        return next((row["customer_key"] for row in self.loans if row["loan_id"] == loan_id), "nobody")

    def write(self, root: Path, buckets: int = 1) -> Lake:
        manifest = LoadManifest(
            first_day=date(2024, 1, 1), last_day=date(2026, 12, 31), buckets=buckets, files=[], totals={}
        )
        for table in ("loans", "instalments", "repayments"):
            rows: list[dict[str, Any]] = getattr(self, table)
            for bucket in range(buckets):
                chosen = [row for row in rows if sum(row["customer_key"].encode()) % buckets == bucket]
                data = pa.Table.from_pylist(chosen, schema=LAKE[table].arrow_schema)
                path = root / table / f"load={manifest.name}" / f"bucket={bucket:03d}.parquet"
                write_contract(path, data, LAKE[table])
        replace_file(root / "loads" / f"{manifest.name}.json", manifest.model_dump_json().encode())
        return Lake(root)


def _known(day: date) -> dict[str, Any]:
    return {"recorded_at": at(day, 20), "known_on": day}


def reference_state(book: Book, as_of: date) -> dict[str, dict[str, Any]]:
    """Every loan's state by walking through the days: slow, plain, and written from the definitions only."""
    loans = _latest(book.loans, ("loan_id",), as_of)
    instalments = _latest(book.instalments, ("loan_id", "instalment_no"), as_of)
    paid: dict[tuple[str, int], list[tuple[date, Decimal]]] = defaultdict(list)
    for row in _latest(book.repayments, ("repayment_id",), as_of):
        paid[row["loan_id"], row["instalment_no"]].append((row["paid_on"], row["amount"]))
    states = {}
    for loan in loans:
        if loan["principal"] > 0 and loan["originated_on"] <= as_of:
            plan = [row for row in instalments if row["loan_id"] == loan["loan_id"]]
            states[loan["loan_id"]] = _walk(loan, plan, paid, as_of)
    return states


def _latest(rows: Iterable[dict[str, Any]], key: tuple[str, ...], as_of: date) -> list[dict[str, Any]]:
    latest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["recorded_at"]):
        if row["known_on"] <= as_of:
            latest[tuple(row[name] for name in key)] = row
    return list(latest.values())


def _walk(
    loan: dict[str, Any],
    plan: Sequence[dict[str, Any]],
    paid: dict[tuple[str, int], list[tuple[date, Decimal]]],
    as_of: date,
) -> dict[str, Any]:
    if not plan:
        return {"dpd": None, "outstanding": None, "default_on": None}

    def received(row: dict[str, Any], day: date) -> Decimal:
        return sum((amount for on, amount in paid[row["loan_id"], row["instalment_no"]] if on <= day), Decimal(0))

    def dpd(day: date) -> int:
        unpaid = [
            row["due_on"]
            for row in plan
            if row["due_on"] < day and received(row, day) < row["principal_due"] + row["interest_due"]
        ]
        return (day - min(unpaid)).days if unpaid else 0

    first = min(row["due_on"] for row in plan)
    days = (first + timedelta(days=n) for n in range(max((as_of - first).days + 1, 0)))
    repaid = Decimal(0)
    for row in plan:
        repaid += min(max(received(row, as_of) - row["interest_due"], Decimal(0)), row["principal_due"])
    return {
        "dpd": dpd(as_of),
        "outstanding": int(max(loan["principal"] - repaid, Decimal(0)) * 100),
        "default_on": next((day for day in days if dpd(day) >= DEFAULT_DPD), None),
    }
