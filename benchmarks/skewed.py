"""A lake of invented, skewed data at any scale, written bucket by bucket, so that a million customers fit the machine.

Belongs here: what the speed of the feature stage depends on: how many rows, how unevenly spread over customers,
counterparties and days, how many late, how many corrected, and in how many files. Does not belong here: behaviour that
a model could learn (``tierline.sources.simulated``); nothing here is tuned to any contender.

Activity is lognormal over customers (sigma 1): the busiest hundredth makes a tenth of all rows. 2 % of rows become
known one to three days late, 0.1 % are corrected later. Files are as ingest leaves them: one load per closed month,
weeks and days within the last month.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import repeat
from pathlib import Path

import numpy as np
import pyarrow as pa

from tierline.engine import session
from tierline.features.calendar import day_number
from tierline.ingest.revisions import update_revisions
from tierline.lake import Lake, LoadManifest
from tierline.money import to_money
from tierline.months import month_ends
from tierline.parquet import ROWS_PER_GROUP, write_contract
from tierline.schemas import LAKE
from tierline.schemas.lake import CUSTOMER_TABLES

FIRST, LAST = date(2024, 7, 1), date(2026, 6, 30)
CUSTOMERS_PER_BUCKET = 25_000
PER_YEAR = 100  # transactions of a customer a year, on average
BORROWERS, LOANS, TERM = 0.4, 4, 6
LATE, CORRECTED, LATE_PAYERS = 0.02, 0.001, 0.1
MERCHANTS = 200_000
US_PER_DAY = 86_400_000_000

VOCABULARY = {
    "salary": "income", "bonus": "income", "groceries": "essential", "rent": "essential", "utilities": "essential",
    "shopping": "discretionary", "travel": "discretionary", "dining": "discretionary", "transfer": "own_transfer",
    "withdrawal": "cash", "lottery": "gambling", "refund": "refund", "late_fee": "fee", "repayment": "loan_flow",
    "disbursement": "loan_flow", "peer": "other",
}  # fmt: skip
CATEGORIES = (*VOCABULARY, "unheard_of")
_WEIGHTS = (3, 0.3, 20, 2, 3, 28, 3, 20, 6, 4, 2, 2, 1, 2, 0.5, 2, 1)
_CREDIT = (1, 1, 0, 0, 0, 0, 0, 0, 0.5, 0, 0.2, 1, 0, 0, 1, 0.5, 0.2)
CHANNELS = ("app", "card", "web", "atm", "branch")
SCENARIOS = tuple(f"S{number:02d}" for number in range(40))
REGIONS = tuple(f"R{number:02d}" for number in range(31))
INDUSTRIES = tuple("ABCDEFGHIJKL")


@dataclass(frozen=True)
class Skewed:
    """A lake of ``customers`` below ``root``; the number of buckets grows with it, their size does not."""

    root: Path
    customers: int
    seed: int = 7

    @property
    def buckets(self) -> int:
        return max(1, round(self.customers / CUSTOMERS_PER_BUCKET))


def make_lake(spec: Skewed, workers: int = 2) -> Lake:
    """Write the lake, or take it as it stands if it was finished before."""
    done = spec.root / f"made-{spec.customers}-{spec.seed}-{ROWS_PER_GROUP}"
    if not done.exists():
        with ProcessPoolExecutor(workers) as pool:
            list(pool.map(write_bucket, repeat(spec), range(spec.buckets)))
        _write_macro(spec)
        for first, last in load_days():
            manifest = LoadManifest(first_day=first, last_day=last, buckets=spec.buckets, files=[], totals={})
            path = spec.root / "loads" / f"{manifest.name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(manifest.model_dump_json(), encoding="utf-8")
        with session() as connection:
            update_revisions(connection, Lake(spec.root))
        done.touch()
    return Lake(spec.root)


def load_days() -> Iterator[tuple[date, date]]:
    """First and last day of each load: closed months, then weeks and days."""
    first = FIRST
    for end in month_ends(FIRST, LAST)[:-1]:
        yield first, end
        first = end + timedelta(days=1)
    while first + timedelta(days=6) <= LAST - timedelta(days=2):
        yield first, first + timedelta(days=6)
        first += timedelta(days=7)
    while first <= LAST:
        yield first, first
        first += timedelta(days=1)


def write_bucket(spec: Skewed, bucket: int) -> int:
    """Write every customer table of one bucket; returns the number of transactions."""
    rng = np.random.default_rng([spec.seed, bucket])
    share = spec.customers // spec.buckets
    keys = sorted(_key(spec, bucket, number) for number in range(share))
    _write_customers(spec, bucket, keys, rng)
    _write_lending(spec, bucket, keys, rng)
    return _write_transactions(spec, bucket, keys, rng)


def _key(spec: Skewed, bucket: int, number: int) -> str:
    """32 hex digits whose first eight, as a number, fall into the bucket."""
    digest = hashlib.sha256(f"{spec.seed}-{bucket}-{number}".encode()).hexdigest()
    lead = int(digest[:8], 16) // spec.buckets * spec.buckets + bucket
    return f"{lead % 2**32 if lead < 2**32 else lead - spec.buckets:08x}{digest[8:32]}"


@cache
def _merchants() -> pa.Array:
    return pa.array([hashlib.sha256(f"m{number}".encode()).hexdigest()[:32] for number in range(MERCHANTS)])


def _words(codes: np.ndarray, words: pa.Array | tuple[str, ...], valid: np.ndarray | None = None) -> pa.Array:
    listed = words if isinstance(words, pa.Array) else pa.array(words)
    indices = pa.array(codes.astype(np.int32), mask=None if valid is None else ~valid)
    return pa.DictionaryArray.from_arrays(indices, listed)


def _moments(us: np.ndarray) -> pa.Array:
    return pa.array(us, pa.int64()).cast(pa.timestamp("us", "UTC"))


def _days(numbers: np.ndarray) -> pa.Array:
    return pa.array(numbers.astype(np.int32)).cast(pa.date32())


def _write_transactions(spec: Skewed, bucket: int, keys: list[str], rng: np.random.Generator) -> int:
    span = (LAST - FIRST).days + 1
    rate = rng.lognormal(0, 1, len(keys))
    counts = rng.poisson(np.minimum(rate * PER_YEAR * span / 365 / rate.mean(), 50_000))
    customer = np.repeat(np.arange(len(keys)), counts)
    total = len(customer)
    moment = (day_number(FIRST) * US_PER_DAY + rng.integers(0, span * US_PER_DAY, total)).astype(np.int64)
    order = np.lexsort((moment, customer))
    customer, moment = customer[order], moment[order]
    category = rng.choice(len(CATEGORIES), total, p=np.array(_WEIGHTS) / sum(_WEIGHTS))
    cents = np.round(rng.lognormal(8.5, 1.2, total)).astype(np.int64) + 1
    favourites = rng.integers(0, MERCHANTS, (len(keys), 12))
    merchant = np.where(
        rng.random(total) < 0.7,
        favourites[customer, rng.integers(0, 12, total)],
        np.minimum(rng.zipf(1.2, total), MERCHANTS) - 1,
    )
    day = moment // US_PER_DAY
    promptly = np.minimum(moment + rng.integers(1, 3600, total) * 1_000_000, (day + 1) * US_PER_DAY - 1)
    known = promptly + np.where(rng.random(total) < LATE, rng.integers(1, 4, total) * US_PER_DAY, 0)
    again = np.flatnonzero(rng.random(total) < CORRECTED)  # a second version, one to five days later
    row = np.concatenate([np.arange(total), again])
    recorded = np.concatenate([known, known[again] + rng.integers(1, 6, len(again)) * US_PER_DAY])
    amount = np.concatenate([cents, np.where(rng.random(len(again)) < 0.3, 0, cents[again] * 10)])
    columns = {
        "transaction_id": pa.array(10**13 + bucket * 10**9 + row).cast(pa.string()),
        "customer_key": _words(customer[row], tuple(keys)),
        "occurred_at": _moments(moment[row]),
        "occurred_on": _days(day[row]),
        "amount": to_money(amount),
        "direction": _words((rng.random(total) < np.array(_CREDIT)[category])[row], ("debit", "credit")),
        "category": _words(category[row], CATEGORIES),
        "channel": _words(rng.integers(0, len(CHANNELS), total)[row], CHANNELS),
        "scenario_id": _words((np.minimum(rng.zipf(1.6, total), 40) - 1)[row], SCENARIOS, rng.random(len(row)) < 0.6),
        "counterparty_key": _words(merchant[row], _merchants(), rng.random(len(row)) < 0.95),
        "balance_after": to_money(np.abs(rng.normal(200_000, 150_000, total)).astype(np.int64)[row]),
        "recorded_at": _moments(recorded),
        "known_on": _days(recorded // US_PER_DAY),
    }
    _write_loads(spec, "transactions", bucket, pa.table(columns), recorded // US_PER_DAY)
    return len(row)


def _write_customers(spec: Skewed, bucket: int, keys: list[str], rng: np.random.Generator) -> None:
    count = len(keys)
    registered = np.full(count, day_number(FIRST))
    columns = {
        "customer_key": pa.array(keys),
        "registered_on": _days(registered),
        "birth_year": pa.array(rng.integers(1960, 2005, count).astype(np.int32)),
        "region_code": _words(rng.integers(0, len(REGIONS), count), REGIONS),
        "segment": _words(rng.random(count) < 0.15, ("consumer", "sole_proprietor")),
        "industry_code": _words(rng.integers(0, len(INDUSTRIES), count), INDUSTRIES),
        "declared_income_monthly": to_money(rng.integers(3_000_00, 20_000_00, count), rng.random(count) < 0.7),
        "consent_partner_sharing": pa.array(rng.random(count) < 0.8),
        "recorded_at": _moments(registered * US_PER_DAY + 1),
        "known_on": _days(registered),
    }
    _write_loads(spec, "customers", bucket, pa.table(columns), registered)


def _write_lending(spec: Skewed, bucket: int, keys: list[str], rng: np.random.Generator) -> None:
    borrowers = np.flatnonzero(rng.random(len(keys)) < BORROWERS)
    owner = np.repeat(borrowers, rng.poisson(LOANS, len(borrowers)))
    count = len(owner)
    drawn = rng.integers(day_number(FIRST), day_number(LAST) + 1, count)
    loan_id = pa.array(10**11 + bucket * 10**7 + np.arange(count)).cast(pa.string())
    owners = _words(owner, tuple(keys))
    loans = {
        "loan_id": loan_id,
        "customer_key": owners,
        "product": _words(np.zeros(count), ("cash_loan",)),
        "originated_on": _days(drawn),
        "principal": to_money(np.full(count, 6_000_00)),
        "annual_rate": pa.array(np.full(count, 0.15)),
        "term_months": pa.array(np.full(count, TERM, np.int32)),
        "repayment_method": _words(np.zeros(count), ("equal_instalment",)),
        "scenario_id": _words(rng.integers(0, 40, count), SCENARIOS),
        "recorded_at": _moments(drawn * US_PER_DAY + 1),
        "known_on": _days(drawn),
    }
    _write_loads(spec, "loans", bucket, pa.table(loans), drawn)
    row, number = np.repeat(np.arange(count), TERM), np.tile(np.arange(1, TERM + 1), count)
    due = drawn[row] + 30 * number
    instalments = {
        "customer_key": owners.take(pa.array(row)),
        "loan_id": loan_id.take(pa.array(row)),
        "instalment_no": pa.array(number.astype(np.int32)),
        "due_on": _days(due),
        "principal_due": to_money(np.full(len(row), 1_000_00)),
        "interest_due": to_money(np.full(len(row), 50_00)),
        "recorded_at": _moments(drawn[row] * US_PER_DAY + 1),
        "known_on": _days(drawn[row]),
    }
    _write_loads(spec, "instalments", bucket, pa.table(instalments), drawn[row])
    _write_repayments(spec, bucket, instalments, due, rng)


def _write_repayments(
    spec: Skewed, bucket: int, instalments: dict[str, pa.Array], due: np.ndarray, rng: np.random.Generator
) -> None:
    late = rng.random(len(due)) < LATE_PAYERS
    paid = due + np.where(late, rng.integers(1, 60, len(due)), -rng.integers(0, 4, len(due)))
    done = np.flatnonzero(paid <= day_number(LAST))
    paid, taken = paid[done], pa.array(done)
    columns = {
        "customer_key": instalments["customer_key"].take(taken),
        "repayment_id": pa.array(10**12 + bucket * 10**8 + done).cast(pa.string()),
        "loan_id": instalments["loan_id"].take(taken),
        "instalment_no": instalments["instalment_no"].take(taken),
        "paid_at": _moments(paid * US_PER_DAY + 3_600_000_000),
        "paid_on": _days(paid),
        "amount": to_money(np.full(len(done), 1_050_00)),
        "recorded_at": _moments(paid * US_PER_DAY + 3_601_000_000),
        "known_on": _days(paid),
    }
    _write_loads(spec, "repayments", bucket, pa.table(columns), paid)


def _write_macro(spec: Skewed) -> None:
    rng = np.random.default_rng([spec.seed, 10**6])
    series = [*(f"unemployment_{code}" for code in REGIONS), *(f"industry_index_{code}" for code in INDUSTRIES)]
    months = [date(2023 + number // 12, number % 12 + 1, 1) for number in range(40)]
    rows = [(name, day) for name in series for day in months]
    published = np.array([max(day_number(day) + 55, day_number(FIRST)) for _, day in rows])
    columns = {
        "series_id": pa.array([name for name, _ in rows]),
        "period": pa.array([day for _, day in rows], pa.date32()),
        "value": pa.array(rng.normal(1, 0.1, len(rows))),
        "published_at": _moments(published * US_PER_DAY + 1),
        "known_on": _days(published),
    }
    _write_loads(spec, "macro", None, pa.table(columns), published)


def _write_loads(spec: Skewed, name: str, bucket: int | None, data: pa.Table, known: np.ndarray) -> None:
    """Cut ``data`` into loads by the day it became known."""
    file = "all.parquet" if bucket is None else f"bucket={bucket:03d}.parquet"
    assert (bucket is not None) == (name in CUSTOMER_TABLES)
    for first, last in load_days():
        inside = np.flatnonzero((known >= day_number(first)) & (known <= day_number(last)))
        if len(inside):
            path = spec.root / name / f"load={first}_{last}" / file
            write_contract(path, data.take(pa.array(inside)), LAKE[name])
