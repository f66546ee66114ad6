"""Contracts of the lake: the landing tables after typing and pseudonymisation.

Belongs here: the rule that turns a landing contract into a lake contract. Does not belong here: the keyed hash itself
(``ingest``).

The rule: ``customer_id`` becomes ``customer_key``, and so do ``counterparty_id`` and ``household_id`` (keyed
HMAC-SHA256, first 32 hex digits), ``birth_date`` becomes ``birth_year``, other personal columns are dropped; tables
that belong to a customer through a loan gain ``customer_key``; ``known_on`` is the business day of the knowledge time,
and ``occurred_on`` / ``paid_on`` those of the event times that are timestamps.
"""

from __future__ import annotations

from dataclasses import replace

from tierline.schemas.contract import Column, Kind, Table
from tierline.schemas.landing import LANDING

CUSTOMER_KEY = Column("customer_key", Kind.STRING, "pseudonym of the customer")
KNOWN_ON = Column("known_on", Kind.DATE, "business day on which the row became known")
_REPLACED = {
    "customer_id": CUSTOMER_KEY,
    "counterparty_id": Column("counterparty_key", Kind.STRING, "pseudonym of the other party", nullable=True),
    "household_id": Column("household_key", Kind.STRING, "pseudonym of the household", nullable=True, optional=True),
    "birth_date": Column("birth_year", Kind.COUNT, "year of birth", minimum=1900, maximum=2100),
}
PSEUDONYMISED = {"counterparty_id": "counterparty_key", "household_id": "household_key"}
"""Identifiers of others than the customer, and what they become."""
_BUSINESS_DAYS = {
    "occurred_at": Column("occurred_on", Kind.DATE, "business day of the transaction"),
    "paid_at": Column("paid_on", Kind.DATE, "business day of the payment"),
}
CUSTOMER_TABLES = ("customers", "transactions", "loans", "instalments", "repayments", "outcomes")
"""Tables that are split into customer buckets; the others are small and stand whole."""
VIA_LOAN = ("instalments", "repayments", "outcomes")
"""Customer tables whose customer is found through ``loan_id``."""


def lake_table(landing: Table) -> Table:
    """Derive the lake contract of a landing table."""
    columns: list[Column] = [CUSTOMER_KEY] if landing.name in VIA_LOAN else []
    for column in landing.columns:
        if column.name in _REPLACED:
            columns.append(_REPLACED[column.name])
        elif not column.personal:
            columns.append(column)
        if column.name in _BUSINESS_DAYS:
            columns.append(_BUSINESS_DAYS[column.name])
    key = tuple(_REPLACED[name].name if name in _REPLACED else name for name in landing.key)
    return replace(landing, key=key, columns=(*columns, KNOWN_ON))


LAKE: dict[str, Table] = {name: lake_table(table) for name, table in LANDING.items()}
