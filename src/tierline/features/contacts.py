"""Whom and where a customer pays: distinct counterparties, payers of income, scenarios and categories, and new ones.

Belongs here: the last-seen table behind distinct counts, its SQL and its features. Does not belong here: amounts.

For each (customer, kind, key) the day it was last seen and the day its current run began: a run is broken by 90 days
without it. Distinct keys of a window are those last seen in it; new ones are those whose run began in it. Both can be
kept up from night to night, which a plain distinct count cannot. A key is the 64-bit hash of the word; within one
customer's few thousand keys two share one with a chance below 1e-12.
"""

from __future__ import annotations

from tierline.features.feature import Feature

SEEN_DAYS = 120
"""Keys last seen longer ago are dropped: no window counts them, and their next appearance begins a run."""
GAP_DAYS = 90
NEW_DAYS = 30

KINDS = {
    "counterparties": (0, "counterparty", "is_debit AND role <> 'own_transfer' AND counterparty IS NOT NULL"),
    "payers": (1, "counterparty", "is_credit AND role = 'income' AND counterparty IS NOT NULL"),
    "scenarios": (2, "scenario", "is_debit AND scenario IS NOT NULL"),
    "categories": (3, "category", "is_debit"),
}
_SOURCE = {
    "counterparties": "transactions.counterparty_key",
    "payers": "transactions.counterparty_key",
    "scenarios": "transactions.scenario_id",
    "categories": "transactions.category",
}


def seen_sql(source: str, columns: str = "") -> str:
    """Last day and start of the current run of every key in ``source`` (prepared transactions in ``SEEN_DAYS``).

    ``columns``: what to give of each key instead, of last_day, first_day, recent_day and before_day.
    """
    parts = [
        f"SELECT no, {number}::UTINYINT AS kind, {key} AS key, max(day) AS last_day, min(day) AS first_day,"
        f" min(CASE WHEN day > {{today}} - {NEW_DAYS} THEN day END) AS recent_day,"
        f" max(CASE WHEN day <= {{today}} - {NEW_DAYS} THEN day END) AS before_day"
        f" FROM {source} WHERE {where} GROUP BY no, {key}"
        for number, key, where in KINDS.values()
    ]
    new = f"recent_day - coalesce(before_day, -1000000) >= {GAP_DAYS}"
    given = columns or f"last_day, CASE WHEN {new} THEN recent_day ELSE first_day END AS run_day"
    return f"SELECT no, kind, key, {given} FROM ({' UNION ALL '.join(parts)})"


FAMILY = "contacts"


def _count(name: str, days: int, new: bool = False) -> str:
    number = KINDS[name][0]
    column = "run_day" if new else "last_day"
    return f"count_if(kind = {number} AND {column} > {{today}} - {days})::DOUBLE"


def _distinct(name: str, days: int) -> Feature:
    sources = (_SOURCE[name], "transactions.direction", "transactions.occurred_on")
    return Feature(f"{name}_{days}d", FAMILY, _count(name, days), "count", "CONTACTS", sources, window_days=days)


def _new(name: str) -> Feature:
    sources = (_SOURCE[name], "transactions.direction", "transactions.occurred_on")
    sql = _count(name, NEW_DAYS, new=True)
    return Feature(f"{name}_new_{NEW_DAYS}d", FAMILY, sql, "count", "CONTACTS", sources, window_days=NEW_DAYS)


CONTACT_FEATURES: tuple[Feature, ...] = (
    _distinct("counterparties", 30),
    _distinct("counterparties", 90),
    _new("counterparties"),
    _distinct("payers", 90),
    _distinct("scenarios", 30),
    _distinct("scenarios", 90),
    _new("scenarios"),
    _distinct("categories", 30),
    _distinct("categories", 90),
    _new("categories"),
)


def contacts_sql() -> str:
    """Make the counts: one row per customer with a key in ``seen``."""
    columns = ", ".join(f"{feature.sql} AS {feature.name}" for feature in CONTACT_FEATURES)
    return f"SELECT no, {columns} FROM seen GROUP BY no"
