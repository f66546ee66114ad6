"""The transactions table: all rows of the payment accounts with ids, balances and versions, a month at a time.

Belongs here: putting the rows together and writing them down. Does not belong here: why a row exists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from tierline.schemas import LANDING
from tierline.sources.simulated.account import settle_accounts
from tierline.sources.simulated.columns import instants, money, numbered, table_of, words
from tierline.sources.simulated.flows import debts_elsewhere, loan_flows
from tierline.sources.simulated.income import incomes
from tierline.sources.simulated.loans import Instalments, Loans
from tierline.sources.simulated.recording import (
    LATE_TRANSACTIONS,
    PHANTOMS,
    WRONG_TRANSACTIONS,
    Accuracy,
    Versions,
    phantoms,
    record,
)
from tierline.sources.simulated.repayments import Payments
from tierline.sources.simulated.rows import PERSON_BASE, Rows, active_grid, counterparty_word, join
from tierline.sources.simulated.spending import spend
from tierline.sources.simulated.tables import CUSTOMER_PREFIX, Dated
from tierline.sources.simulated.timeline import DAY, Ints, Timeline
from tierline.sources.simulated.vocabulary import CATEGORIES, CHANNELS, CODE, HABITS, SCENARIOS
from tierline.sources.simulated.world import World

PURCHASES = np.array([CODE[habit.category] for habit in HABITS])


@dataclass(frozen=True)
class Statement:
    """All rows in the order of time, their balances (cents) and every version of them in the order of recording."""

    rows: Rows
    balance: Ints
    versions: Versions

    def __len__(self) -> int:
        return len(self.versions.row)


def make_statement(world: World, loans: Loans, scenario: Ints, plan: Instalments, payments: Payments) -> Statement:
    """Everything that moved on the payment accounts up to the last day."""
    persons, timeline, streams = world.persons, world.timeline, world.streams
    grid = active_grid(persons, world.paths.stress)
    parts = [
        incomes(grid, persons, world.macro, timeline, streams["income"]),
        spend(grid, persons, timeline, streams["spending"]),
        loan_flows(loans, scenario, plan, payments),
        debts_elsewhere(grid, persons, timeline, streams["transfers"]),
    ]
    end = (timeline.last_day + 1) * DAY
    parts = [_within(part, persons.active_from, end) for part in parts]
    rows = join([*parts, _phantoms(parts[1], end, streams["recording"])])
    del parts
    rows, balance = settle_accounts(rows, persons, timeline, streams["transfers"])
    inside = np.flatnonzero(rows.second < end)
    inside = inside[np.argsort(rows.second[inside], kind="stable")]
    rows, balance = rows.take(inside), balance[inside]
    accuracy = Accuracy(LATE_TRANSACTIONS, WRONG_TRANSACTIONS, persons.commuter[rows.customer])
    return Statement(rows, balance, record(rows.second, rows.cents, end, accuracy, streams["recording"]))


def _within(rows: Rows, active_from: Ints, end: int) -> Rows:
    return rows.take((rows.second >= active_from[rows.customer] * DAY) & (rows.second < end))


def _phantoms(spending: Rows, end: int, rng: np.random.Generator) -> Rows:
    """Copies of purchases that never happened: of no amount."""
    purchases = np.flatnonzero(np.isin(spending.category, PURCHASES) & (spending.cents < 0))
    chosen = spending.take(purchases[phantoms(spending.second[purchases], end, PHANTOMS, rng)])
    return replace(chosen, second=chosen.second + 1, cents=np.zeros_like(chosen.cents))


def statement_tables(statement: Statement, timeline: Timeline, customers: int) -> Iterator[Dated]:
    """The transactions table in slices of whole days, about a month each, which bounds the memory."""
    counterparties = pa.array([counterparty_word(code) for code in range(PERSON_BASE + customers)])
    versions, rows = statement.versions, statement.rows
    day = versions.recorded // DAY
    edges = np.unique(np.append(timeline.month_first[1 : timeline.months], [timeline.first_day, timeline.last_day + 1]))
    for first, last in pairwise(edges):
        part = slice(np.searchsorted(day, first), np.searchsorted(day, last))
        row, stated = versions.row[part], versions.cents[part]
        columns = {
            "transaction_id": numbered("T", row + 1, 10),
            "customer_id": numbered(CUSTOMER_PREFIX, rows.customer[row] + 1),
            "occurred_at": instants(rows.second[row]),
            "amount": money(np.abs(stated)),
            "direction": words((stated <= 0).astype(np.int64), ("credit", "debit")),
            "category": words(rows.category[row], CATEGORIES),
            "channel": words(rows.channel[row], CHANNELS),
            "scenario_id": words(rows.scenario[row], SCENARIOS),
            "counterparty_id": words(rows.counterparty[row], counterparties),
            "balance_after": money(statement.balance[row] - rows.cents[row] + stated),
            "recorded_at": instants(versions.recorded[part]),
        }
        yield Dated(table_of(LANDING["transactions"], columns), day[part])
