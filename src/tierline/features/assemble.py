"""From the tables of one date to feature rows: the one assembly behind the night, its increments and the panel.

Belongs here: the features' own expressions over what the passes left, one row per customer, with the proof of what it
used. Does not belong here: how the tables ``account``, ``monthly``, ``contacts``, ``delays``, ``borrowed``, ``region``
and ``industry`` came to be: each way of making them must give the same rows.

Account features are computed where the account stands and brought to the customers by position: a join of a hundred
columns would cost more than computing them.
"""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tierline.errors import IntegrityError
from tierline.features.account import ACCOUNT_FEATURES, WITH_TOTALS
from tierline.features.calendar import day_number, last_whole_month
from tierline.features.contacts import CONTACT_FEATURES
from tierline.features.environment import CUSTOMER_FEATURES, ECONOMY_FEATURES
from tierline.features.feature import Feature
from tierline.features.income import EARNED, INCOME_MONTH_FEATURES
from tierline.features.loans import BURDEN_FEATURES, LOAN_FEATURES, loans_sql
from tierline.features.measures import HORIZON, KNOWN_BASE
from tierline.features.registry import FEATURE_TABLE, FEATURES
from tierline.features.repayments import REPAYMENT_FEATURES, repayments_sql
from tierline.months import month_end

PROOF = ("latest_event_on", "latest_known_on")


def _listed(features: tuple[Feature, ...]) -> str:
    return ", ".join(f"({feature.sql})::DOUBLE AS {feature.name}" for feature in features)


def _account_sql() -> str:
    contacts = ", ".join(f"coalesce({feature.name}, 0)::DOUBLE AS {feature.name}" for feature in CONTACT_FEATURES)
    return (
        f"SELECT no, {_listed(ACCOUNT_FEATURES)}, {_listed(INCOME_MONTH_FEATURES)}, {contacts},"
        " DATE '1970-01-01' + event_day::INTEGER AS latest_event_on,"
        f" DATE '1970-01-01' + (known_row // {KNOWN_BASE})::INTEGER AS latest_known_on"
        f" FROM {WITH_TOTALS} LEFT JOIN earned USING (no) LEFT JOIN contacts USING (no) WHERE rows_{HORIZON}d > 0"
    )


def _others_sql() -> str:
    computed = _listed((*BURDEN_FEATURES, *CUSTOMER_FEATURES, *ECONOMY_FEATURES))
    plain = ", ".join(f"{feature.name}::DOUBLE AS {feature.name}" for feature in (*REPAYMENT_FEATURES, *LOAN_FEATURES))
    return f"""
SELECT no, customer_key, {plain}, {computed},
       greatest(paid_event, loan_event, region.newest_period, industry.newest_period) AS latest_event_on,
       greatest(customer.known_on, paid_known, loan_known, region.used_on, industry.used_on) AS latest_known_on
FROM asked JOIN customer USING (no)
LEFT JOIN (SELECT no, recurring / 100.0 AS income_recurring_monthly FROM earned) USING (no)
LEFT JOIN ({repayments_sql()}) USING (no)
LEFT JOIN ({loans_sql()}) USING (no)
LEFT JOIN region ON region.code = customer.region_code
LEFT JOIN industry ON industry.code = customer.industry_code"""


ACCOUNT_SQL = _account_sql()
OTHERS_SQL = _others_sql()


def feature_rows(connection: duckdb.DuckDBPyConnection, day: date) -> pa.Table:
    """One row per customer in ``asked``, sorted by key; raises ``IntegrityError`` if a row used what came later."""
    numbers = {"today": day_number(day), "whole": last_whole_month(day), "partial": 0 if day == month_end(day) else 1}
    connection.execute(f"CREATE OR REPLACE TEMP TABLE earned AS {EARNED.format(**numbers)}")
    others = _in_order(connection.sql(OTHERS_SQL.format(today=f"DATE '{day.isoformat()}'")).to_arrow_table())
    rows = _beside(others, connection.sql(ACCOUNT_SQL.format(**numbers)).to_arrow_table(), day)
    check_proof(rows, day)
    return rows


def _in_order(rows: pa.Table) -> pa.Table:
    """Sorted by key. They mostly are, as the lake's files are, and to see that is cheaper than to sort them."""
    key = rows.column("customer_key").combine_chunks()
    if pc.all(pc.less(key[:-1], key[1:])).as_py():
        return rows
    return rows.take(pc.sort_indices(key))


def _beside(others: pa.Table, account: pa.Table, day: date) -> pa.Table:
    """Columns of ``account`` brought to the rows of ``others`` by customer number; null where there is no account."""
    wanted, found = others.column("no").to_numpy(), account.column("no").to_numpy()
    position = np.full(int(max(wanted.max(initial=0), found.max(initial=0))) + 1, -1)
    position[found] = np.arange(len(found))
    index = position[wanted]
    account = account.combine_chunks()  # under the same name, so that what is done with is let go: it is 25 MB
    account = account.take(pa.array(index, mask=index < 0))
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "customer_key": others.column("customer_key"),
        "as_of": pa.array([day] * len(index), pa.date32()),
    }
    for name in PROOF:
        columns[name] = pc.max_element_wise(others.column(name), account.column(name))
    for feature in FEATURES:
        source = account if feature.name in account.column_names else others
        columns[feature.name] = source.column(feature.name)
    return pa.table(columns).cast(FEATURE_TABLE.arrow_schema)


def check_proof(rows: pa.Table, day: date) -> None:
    """Raise ``IntegrityError`` unless every row used only events of, and knowledge from, days up to ``day``."""
    for name in PROOF:
        later = pc.sum(pc.greater(rows.column(name), pa.scalar(day))).as_py()
        if later:
            raise IntegrityError(
                f"customer_features.{name}: {later} rows of {day} used what came after it: nothing is written"
            )
