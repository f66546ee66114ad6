"""Measures: what is added up, counted or compared over the rows of a payment account, before any window is chosen.

Belongs here: the measures and the SQL of each kind. Does not belong here: features made of them (``account``), or the
passes that compute them (``account_sql``).

A feature names a measure and a window, such as ``debit_90d``; the registry's features decide which pairs are computed.
Disbursements and repayments (role loan_flow) move the balance but count in no flow: they are judged by the repayment
features, and a late instalment must not look like thrift.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

WINDOWS = (7, 30, 90, 180, 365)
HORIZON = 365
"""Days an account feature may look back, the observation date included; what is older need not be read or kept."""
LOW_BALANCE_CENTS = 100_00
SQUARE_BASE = 2**31
"""Squares of cents are summed in two halves, so that both sums fit 64 bits: Σc² = high·2³¹ + low."""
KNOWN_BASE = 10**6
"""``known_row`` holds the latest day on which a row became known, and that row's own day: known·10⁶ + day."""


class Kind(Enum):
    """How a measure of two disjoint spans of days becomes that of both."""

    SUM = "sum"  # cents or squares: added
    COUNT = "count"  # rows: added
    DAYS = "days"  # distinct days, which disjoint spans do not share: added
    MOST = "most"  # the greater
    LEAST = "least"  # the smaller
    LATEST = "latest"  # the later; always over the whole horizon


@dataclass(frozen=True)
class Measure:
    """One measure: rows that satisfy ``where``, and the ``value`` of each; both SQL over prepared transactions.

    ``part`` takes a part of a sum that is too wide for 64 bits.
    """

    name: str
    kind: Kind
    where: str
    value: str
    sources: tuple[str, ...]
    part: str = ""

    @property
    def extreme(self) -> bool:
        """True if it cannot be undone by subtraction."""
        return self.kind in (Kind.MOST, Kind.LEAST)

    def over_rows(self) -> str:
        """SQL aggregate over prepared transactions of one span of at most 64 days."""
        if self.kind is Kind.SUM:
            return f"(sum(CASE WHEN {self.where} THEN {self.value} ELSE 0 END) {self.part})::BIGINT"
        if self.kind is Kind.COUNT:
            return f"count_if({self.where})::BIGINT"
        if self.kind is Kind.DAYS:
            return f"coalesce(bit_count(bit_or(CASE WHEN {self.where} THEN bit END)), 0)::BIGINT"
        function = "min" if self.kind is Kind.LEAST else "max"
        return f"{function}(CASE WHEN {self.where} THEN {self.value} END)::BIGINT"


_AMOUNT = ("transactions.amount", "transactions.direction", "transactions.category")
_COUNT = ("transactions.direction", "transactions.category")
_BALANCE = ("transactions.balance_after",)
_TIME = ("transactions.occurred_at",)


def _sum(name: str, where: str) -> Measure:
    return Measure(name, Kind.SUM, where, "cents", _AMOUNT)


def _count(name: str, where: str, more: tuple[str, ...] = ()) -> Measure:
    return Measure(name, Kind.COUNT, where, "1", (*_COUNT, *more))


def _latest(name: str, where: str) -> Measure:
    return Measure(name, Kind.LATEST, where, "day", (*_COUNT, "transactions.occurred_on"))


MEASURES: tuple[Measure, ...] = (
    _sum("credit", "is_credit"),
    _sum("debit", "is_debit"),
    _sum("income", "is_credit AND role = 'income'"),
    _sum("spend", "is_debit AND role <> 'own_transfer'"),
    _sum("essential", "is_debit AND role = 'essential'"),
    _sum("discretionary", "is_debit AND role = 'discretionary'"),
    _sum("gambling", "is_debit AND role = 'gambling'"),
    _sum("cash", "role = 'cash'"),
    _sum("fee", "is_debit AND role = 'fee'"),
    _sum("other_spend", "is_debit AND role IN ('other', 'refund', 'income')"),
    _sum("refund", "is_credit AND role = 'refund'"),
    _sum("transfer_in", "is_credit AND role = 'own_transfer'"),
    _sum("transfer_out", "is_debit AND role = 'own_transfer'"),
    Measure("scenario_spend", Kind.SUM, "is_debit AND scenario IS NOT NULL", "cents",
            (*_AMOUNT, "transactions.scenario_id")),
    _count("rows", "true"),
    _count("credits", "is_credit"),
    _count("debits", "is_debit"),
    _count("incomes", "is_credit AND role = 'income'"),
    _count("gamblings", "is_debit AND role = 'gambling'"),
    _count("cashes", "role = 'cash'"),
    _count("fees", "role = 'fee'"),
    _count("refunds", "is_credit AND role = 'refund'"),
    _count("at_nights", "is_debit AND at_night", _TIME),
    _count("on_weekends", "is_debit AND on_weekend", ("transactions.occurred_on",)),
    Measure("active_days", Kind.DAYS, "role <> 'loan_flow'", "day", ("transactions.occurred_on", *_COUNT)),
    Measure("low_days", Kind.DAYS, f"balance < {LOW_BALANCE_CENTS}", "day", ("transactions.occurred_on", *_BALANCE)),
    Measure("balance_sum", Kind.SUM, "balance IS NOT NULL", "balance", _BALANCE),
    Measure("balances", Kind.COUNT, "balance IS NOT NULL", "1", _BALANCE),
    Measure("squares_high", Kind.SUM, "is_debit", "cents::HUGEINT * cents", _AMOUNT, f"// {SQUARE_BASE}"),
    Measure("squares_low", Kind.SUM, "is_debit", "cents::HUGEINT * cents", _AMOUNT, f"% {SQUARE_BASE}"),
    Measure("debit_max", Kind.MOST, "is_debit", "cents", _AMOUNT),
    Measure("credit_max", Kind.MOST, "is_credit", "cents", _AMOUNT),
    Measure("balance_min", Kind.LEAST, "balance IS NOT NULL", "balance", _BALANCE),
    Measure("event_day", Kind.LATEST, "true", "day", ("transactions.occurred_on",)),
    Measure("known_row", Kind.LATEST, "true", f"known::BIGINT * {KNOWN_BASE} + day", ("transactions.known_on",)),
    _latest("last_income", "is_credit AND role = 'income'"),
    _latest("last_cash", "role = 'cash'"),
    _latest("last_gambling", "is_debit AND role = 'gambling'"),
)  # fmt: skip

BY_NAME = {measure.name: measure for measure in MEASURES}
ALWAYS = (("rows", HORIZON), ("event_day", HORIZON), ("known_row", HORIZON))
"""Windows every state needs: whether there is a row at all, and the proof of what was used."""


@dataclass(frozen=True)
class Window:
    """A measure over the last ``days`` days, the observation date included."""

    measure: Measure
    days: int

    @property
    def column(self) -> str:
        """Name of the column that holds it."""
        return self.measure.name if self.measure.kind is Kind.LATEST else f"{self.measure.name}_{self.days}d"


def windows_in(expressions: Iterable[str]) -> tuple[Window, ...]:
    """The windows that SQL expressions name, with those always needed; in the order of the measures, then of days."""
    wanted = {(name, days) for name, days in ALWAYS}
    for text in expressions:
        for name, days in re.findall(r"\b([a-z_]+)_(\d+)d\b", text):
            if name in BY_NAME:
                wanted.add((name, int(days)))
        wanted |= {(name, HORIZON) for name in re.findall(r"\blast_[a-z]+\b", text) if name in BY_NAME}
    return tuple(Window(measure, days) for measure in MEASURES for days in WINDOWS if (measure.name, days) in wanted)


def sources_of(sql: str) -> tuple[str, ...]:
    """Lake columns behind the windows that an expression names, with the columns every window needs; sorted."""
    named = [window.measure.sources for window in windows_in([sql]) if (window.measure.name, window.days) not in ALWAYS]
    return tuple(sorted({"transactions.occurred_on", *(column for columns in named for column in columns)}))
