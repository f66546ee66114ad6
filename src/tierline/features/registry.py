"""The registry: every feature of the model, in the order of the model's columns.

Belongs here: the combined list, the hash of the set, and the contract of the table that holds it. Does not belong here:
SQL of a family.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from tierline.features.account import ACCOUNT_FEATURES, WITH_TOTALS
from tierline.features.account_sql import (
    IRREGULAR,
    IRREGULAR_NOW,
    LAST_BALANCE,
    UNSEEN,
    VISIBLE,
)
from tierline.features.account_sql import PREPARE as PREPARE_TRANSACTIONS
from tierline.features.contacts import CONTACT_FEATURES, seen_sql
from tierline.features.environment import CUSTOMER_FEATURES, ECONOMY_FEATURES, PREFIXES, SERIES
from tierline.features.feature import Feature
from tierline.features.income import EARNED, INCOME_MONTH_FEATURES, MONTHLY
from tierline.features.loans import BURDEN_FEATURES, LOAN_FEATURES
from tierline.features.measures import Window, windows_in
from tierline.features.repayments import REPAYMENT_FEATURES
from tierline.features.schedule_sql import SCHEDULE_SQL
from tierline.features.spans import states_sql
from tierline.schemas import Column, Kind, Table

FEATURES: tuple[Feature, ...] = (
    *ACCOUNT_FEATURES,
    *INCOME_MONTH_FEATURES,
    *CONTACT_FEATURES,
    *REPAYMENT_FEATURES,
    *LOAN_FEATURES,
    *BURDEN_FEATURES,
    *CUSTOMER_FEATURES,
    *ECONOMY_FEATURES,
)

ACCOUNT_WINDOWS: tuple[Window, ...] = windows_in(feature.sql for feature in (*ACCOUNT_FEATURES, *CUSTOMER_FEATURES))
"""Every window of a measure that some feature names: the columns of the account state."""

FEATURE_TABLE = Table(
    name="customer_features",
    description="Point-in-time features of every customer; `docs/data-dictionary.md` says what each is.",
    key=("customer_key", "as_of"),
    columns=(
        Column("customer_key", Kind.STRING, "pseudonym of the customer"),
        Column("as_of", Kind.DATE, "observation date; nothing known later is in the row"),
        Column("latest_event_on", Kind.DATE, "business day of the latest event used, at most as_of", nullable=True),
        Column("latest_known_on", Kind.DATE, "latest business day on which a row used became known, at most as_of"),
        *(Column(f.name, Kind.RATE, f"{f.family}, {f.unit}; null: {f.null_means}", nullable=True) for f in FEATURES),
    ),
)


def feature_set_hash() -> str:
    """First 12 digits of the SHA-256 over the registry and the SQL behind it; part of every model bundle.

    A model may only score features made as those it learned from.
    """
    passes = [
        PREPARE_TRANSACTIONS,
        UNSEEN,
        IRREGULAR,
        IRREGULAR_NOW,
        VISIBLE,
        states_sql(ACCOUNT_WINDOWS, "tx"),
        WITH_TOTALS,
        LAST_BALANCE,
        MONTHLY,
        EARNED,
        seen_sql("tx"),
        *SCHEDULE_SQL,
        SERIES,
        *PREFIXES.values(),
    ]
    listed = json.dumps([[asdict(feature) for feature in FEATURES], passes], sort_keys=True)
    return hashlib.sha256(listed.encode()).hexdigest()[:12]
