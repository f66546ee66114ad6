"""From the tables of one date to feature rows: the one SELECT behind the night, its increments and the panel.

Belongs here: joining what the passes left into one row per customer, with the proof of what it used. Does not belong
here: how the tables ``account``, ``monthly``, ``seen``, ``delays``, ``borrowed``, ``region`` and ``industry`` came to
be: each way of making them must give the same rows.
"""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from tierline.errors import IntegrityError
from tierline.features.account import ACCOUNT_FEATURES
from tierline.features.calendar import day_number, last_whole_month
from tierline.features.contacts import CONTACT_FEATURES, contacts_sql
from tierline.features.environment import CUSTOMER_FEATURES, ECONOMY_FEATURES
from tierline.features.feature import Feature
from tierline.features.income import EARNED, INCOME_MONTH_FEATURES
from tierline.features.loans import BURDEN_FEATURES, loans_sql
from tierline.features.measures import HORIZON
from tierline.features.registry import FEATURE_TABLE, FEATURES
from tierline.features.repayments import repayments_sql
from tierline.months import month_end


def _listed(features: tuple[Feature, ...]) -> str:
    return ", ".join(f"{feature.sql} AS {feature.name}" for feature in features)


def _account_sql() -> str:
    contacts = ", ".join(f"coalesce({feature.name}, 0) AS {feature.name}" for feature in CONTACT_FEATURES)
    return (
        f"SELECT no, {_listed(ACCOUNT_FEATURES)}, {_listed(INCOME_MONTH_FEATURES)}, {contacts},"
        f" DATE '1970-01-01' + event_day::INTEGER AS account_event,"
        f" DATE '1970-01-01' + known_day_{HORIZON}d::INTEGER AS account_known"
        f" FROM account LEFT JOIN ({EARNED}) USING (no) LEFT JOIN ({contacts_sql(CONTACT_FEATURES)}) USING (no)"
        f" WHERE rows_{HORIZON}d > 0"
    )


def _rows_sql() -> str:
    computed = {f.name: f.sql for f in (*BURDEN_FEATURES, *CUSTOMER_FEATURES, *ECONOMY_FEATURES)}
    columns = ", ".join(f"({computed.get(f.name, f.name)})::DOUBLE AS {f.name}" for f in FEATURES)
    return f"""
SELECT customer_key, {{today}} AS as_of,
       greatest(account_event, paid_event, loan_event, region.newest_period, industry.newest_period) AS latest_event_on,
       greatest(customer.known_on, account_known, paid_known, loan_known, region.used_on, industry.used_on)
           AS latest_known_on,
       {columns}
FROM asked JOIN customer USING (no)
LEFT JOIN account_features USING (no)
LEFT JOIN ({repayments_sql()}) USING (no)
LEFT JOIN ({loans_sql()}) USING (no)
LEFT JOIN region ON region.code = customer.region_code
LEFT JOIN industry ON industry.code = customer.industry_code
ORDER BY customer_key"""


ACCOUNT_SQL = _account_sql()
ROWS_SQL = _rows_sql()


def feature_rows(connection: duckdb.DuckDBPyConnection, day: date) -> pa.Table:
    """One row per customer in ``asked``, sorted by key; raises ``IntegrityError`` if a row used what came later."""
    today = f"DATE '{day.isoformat()}'"
    whole = last_whole_month(day)
    numbers = {"today": day_number(day), "whole": whole, "partial": 0 if day == month_end(day) else 1}
    connection.execute(f"CREATE OR REPLACE TEMP TABLE account_features AS {ACCOUNT_SQL.format(**numbers)}")
    rows = connection.sql(ROWS_SQL.format(today=today)).to_arrow_table()
    check_proof(rows, day)
    return rows.cast(FEATURE_TABLE.arrow_schema)


def check_proof(rows: pa.Table, day: date) -> None:
    """Raise ``IntegrityError`` unless every row used only events of, and knowledge from, days up to ``day``."""
    for name in ("latest_event_on", "latest_known_on"):
        later = pc.sum(pc.greater(rows.column(name), pa.scalar(day))).as_py()
        if later:
            raise IntegrityError(
                f"customer_features.{name}: {later} rows of {day} used what came after it: nothing is written"
            )
