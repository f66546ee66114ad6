"""Features for a spine of (customer, observation date): the one code for month-end panels, applications and the night.

Belongs here: running the families' SQL bucket by bucket and date by date. Does not belong here: what a feature is.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from tierline.engine import session
from tierline.features import repayments, transactions
from tierline.features.registry import CROSS_FEATURES, FEATURES
from tierline.lake import Lake

LOGGER = logging.getLogger("tierline.features")


@dataclass(frozen=True)
class FeatureContext:
    """What features need besides rows: the zone of the business day and the vocabulary (category → role)."""

    timezone: str = "UTC"
    vocabulary: Mapping[str, str] = field(default_factory=dict)


def customer_spine(lake: Lake, as_of: date) -> pa.Table:
    """Every customer known at the end of ``as_of``: columns customer_key, as_of."""
    with session() as connection:
        sql = f"SELECT customer_key, DATE '{as_of.isoformat()}' AS as_of FROM ({lake.known_sql('customers', as_of)})"
        return connection.sql(f"{sql} ORDER BY customer_key").to_arrow_table()


def build_features(lake: Lake, spine: pa.Table, context: FeatureContext) -> pa.Table:
    """Compute every registered feature for each row of the spine, as known at the end of its ``as_of``.

    ``spine``: customer_key string, as_of date; further columns are ignored. Returns customer_key, as_of and one double
    per feature, sorted by as_of and customer_key; a customer unknown at ``as_of`` has no row.
    """
    parts = []
    for bucket in range(lake.buckets):
        LOGGER.debug("features: bucket %d of %d", bucket + 1, lake.buckets)
        parts.append(_bucket_features(lake, bucket, spine.select(["customer_key", "as_of"]), context))
    return pa.concat_tables(parts).sort_by([("as_of", "ascending"), ("customer_key", "ascending")])


def _bucket_features(lake: Lake, bucket: int, spine: pa.Table, context: FeatureContext) -> pa.Table:
    with session() as connection:
        connection.register("spine_rows", spine)
        _prepare(connection, lake, bucket, context)
        dates = sorted(pc.unique(spine.column("as_of")).to_pylist())
        return pa.concat_tables([_date_features(connection, day) for day in dates])


def _prepare(connection: duckdb.DuckDBPyConnection, lake: Lake, bucket: int, context: FeatureContext) -> None:
    connection.execute("CREATE TEMP TABLE vocabulary (category VARCHAR PRIMARY KEY, role VARCHAR)")
    if context.vocabulary:
        connection.executemany("INSERT INTO vocabulary VALUES (?, ?)", sorted(context.vocabulary.items()))
    versions = {
        name: lake.versions_sql(name, bucket)
        for name in ("customers", "transactions", "loans", "instalments", "repayments")
    }
    connection.execute(f"CREATE TEMP TABLE customer AS {versions['customers']}")
    connection.execute(transactions.PREPARE.format(versions=versions["transactions"], timezone=context.timezone))
    for statement in repayments.PREPARE:
        connection.execute(statement.format(**versions))


def _date_features(connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
    for statement in (*transactions.transaction_sql(as_of), *repayments.repayment_sql(as_of)):
        connection.execute(statement)
    day = f"DATE '{as_of.isoformat()}'"
    crossed = {feature.name: feature.sql.format(day=day) for feature in CROSS_FEATURES}
    columns = ", ".join(f"{crossed[f.name]} AS {f.name}" if f.name in crossed else f.name for f in FEATURES)
    sql = f"""
        SELECT customer_key, {day} AS as_of, {columns}
        FROM (SELECT DISTINCT customer_key FROM spine_rows WHERE as_of = {day})
        JOIN (SELECT customer_key, registered_on, segment FROM customer
              WHERE known_on <= {day} AND {day} < known_until) USING (customer_key)
        LEFT JOIN transaction_features USING (customer_key)
        LEFT JOIN repayment_features USING (customer_key)
        LEFT JOIN loan_features USING (customer_key)
        ORDER BY customer_key"""
    return connection.sql(sql).to_arrow_table()
