"""Rules that look at other rows: duplicates, conflicts, unknown customers and loans, rows that change their owner.

Belongs here: the verdict on every staged row of a table, as the temporary tables ``rejected`` (row, failed_rules) and
``duplicates`` (row). Does not belong here: rules of a row by itself (``ingest.rules``) or writing (``ingest.write``).

A row that repeats another load's (key, knowledge time) needs no rule: the knowledge time fixes the partition date, a
row in another partition is ``wrong_partition``, and each date belongs to one load.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from tierline.ingest.pseudonyms import pseudonymise
from tierline.lake import Lake, scan
from tierline.schemas import Table
from tierline.schemas.lake import CUSTOMER_TABLES, PSEUDONYMISED, VIA_LOAN

CHANGEABLE_OWNER = ("transactions", "loans", "repayments")
"""Tables whose key does not fix the customer. Versions of a key must stay in one bucket, or none replaces another."""


@dataclass(frozen=True)
class Surroundings:
    """What a load is judged against: the lake without that load, and how customers become keys and buckets."""

    lake: Lake
    load: str
    key: bytes
    buckets: int

    def files(self, table: str) -> list[Path]:
        """Lake files of ``table`` in the other loads."""
        return [path for path in self.lake.files(table) if path.parent.name != f"load={self.load}"]


def make_references(connection: duckdb.DuckDBPyConnection, around: Surroundings) -> None:
    """Make ``known_customers`` and ``loan_owner`` from the other loads; accepted rows of this load are added later."""
    connection.execute("CREATE OR REPLACE TEMP TABLE known_customers (customer_key VARCHAR)")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE loan_owner (loan_id VARCHAR, customer_key VARCHAR, bucket INTEGER)"
    )
    customers, loans = around.files("customers"), around.files("loans")
    if customers:
        connection.execute(f"INSERT INTO known_customers SELECT DISTINCT customer_key FROM {scan(customers)}")
    if loans:
        connection.execute(
            f"INSERT INTO loan_owner SELECT loan_id, any_value(customer_key),"
            f" {bucket_sql('any_value(customer_key)', around.buckets)} FROM {scan(loans)} GROUP BY loan_id"
        )


def bucket_sql(customer_key: str, buckets: int) -> str:
    """SQL of the bucket: the first 8 hex digits of the key, as a number, modulo the number of buckets."""
    return f"(('0x' || left({customer_key}, 8))::BIGINT % {buckets})::INTEGER"


def owner_join(contract: Table) -> str:
    """SQL that joins ``staged`` to ``owner`` (customer_key, bucket); empty for tables without a customer."""
    if contract.name in VIA_LOAN:
        return "LEFT JOIN loan_owner AS owner ON owner.loan_id = staged.loan_id"
    if contract.name in CUSTOMER_TABLES:
        return "LEFT JOIN pseudonyms AS owner ON owner.id = staged.customer_id"
    return ""


def judge_table(connection: duckdb.DuckDBPyConnection, contract: Table, around: Surroundings) -> None:
    """Judge ``staged``: make ``pseudonyms``, ``rejected`` and ``duplicates``."""
    _make_pseudonyms(connection, contract, around)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE faulty AS SELECT rowid AS row, unnest(rules) AS rule FROM staged"
        " WHERE rules IS NOT NULL"
    )
    _reject_unknown(connection, contract)
    _collect_versions(connection, contract)
    _reject_conflicts(connection, contract)
    if contract.name in CHANGEABLE_OWNER:
        _reject_changed_owner(connection, contract, around)
    key = ", ".join((*contract.key, contract.knowledge_time))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE duplicates AS SELECT row FROM (SELECT row,"
        f" row_number() OVER (PARTITION BY {key} ORDER BY row) AS nth"
        f" FROM versions ANTI JOIN faulty USING (row)) WHERE nth > 1"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE rejected AS"
        " SELECT row, list_sort(list(DISTINCT rule)) AS failed_rules FROM faulty GROUP BY row"
    )


def add_references(connection: duckdb.DuckDBPyConnection, contract: Table) -> None:
    """Let the accepted customers and loans of this load be known to the tables judged after them."""
    accepted = f"staged {owner_join(contract)} ANTI JOIN rejected ON rejected.row = staged.rowid"
    if contract.name == "customers":
        connection.execute(f"INSERT INTO known_customers SELECT DISTINCT owner.customer_key FROM {accepted}")
    elif contract.name == "loans":
        connection.execute(
            "INSERT INTO loan_owner SELECT fresh.* FROM (SELECT staged.loan_id,"
            " any_value(owner.customer_key) AS customer_key, any_value(owner.bucket) AS bucket"
            f" FROM {accepted} GROUP BY staged.loan_id) AS fresh ANTI JOIN loan_owner USING (loan_id)"
        )


def _make_pseudonyms(connection: duckdb.DuckDBPyConnection, contract: Table, around: Surroundings) -> None:
    """Hash each distinct identifier once, in Python: many rows share few persons."""
    names = [column for column in ("customer_id", *PSEUDONYMISED) if column in contract.column_names]
    distinct = " UNION ".join(f"SELECT DISTINCT {name} AS id FROM staged WHERE {name} IS NOT NULL" for name in names)
    ids = connection.sql(distinct).to_arrow_table().column("id").to_pylist() if names else []
    hashed = pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "customer_key": pa.array([pseudonymise(value, around.key) for value in ids], pa.string()),
        }
    )
    connection.register("hashed", hashed)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE pseudonyms AS"
        f" SELECT id, customer_key, {bucket_sql('customer_key', around.buckets)} AS bucket FROM hashed"
    )
    connection.unregister("hashed")


def _reject_unknown(connection: duckdb.DuckDBPyConnection, contract: Table) -> None:
    if contract.name in VIA_LOAN:
        connection.execute(
            "INSERT INTO faulty SELECT staged.rowid, 'unknown_loan' FROM staged ANTI JOIN loan_owner USING (loan_id)"
            " WHERE staged.loan_id IS NOT NULL"
        )
    elif contract.name in CUSTOMER_TABLES and contract.name != "customers":
        connection.execute(
            "INSERT INTO faulty SELECT staged.rowid, 'unknown_customer' FROM staged"
            " JOIN (SELECT id FROM pseudonyms ANTI JOIN known_customers USING (customer_key)) AS unknown"
            " ON unknown.id = staged.customer_id"
        )


def _collect_versions(connection: duckdb.DuckDBPyConnection, contract: Table) -> None:
    """Gather the rows of keys that occur more than once: few, so that all further rules are cheap."""
    key = ", ".join(contract.key)
    columns = ", ".join(f"staged.{name}" for name in contract.column_names)
    owner = owner_join(contract)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE versions AS"
        f" SELECT staged.rowid AS row, {columns}, {'owner.customer_key' if owner else 'NULL'} AS owner_key"
        f" FROM staged SEMI JOIN (SELECT {key} FROM staged GROUP BY ALL HAVING count(*) > 1) AS repeated"
        f" USING ({key}) {owner}"
    )


def _reject_conflicts(connection: duckdb.DuckDBPyConnection, contract: Table) -> None:
    key = ", ".join((*contract.key, contract.knowledge_time))
    columns = ", ".join(contract.column_names)
    connection.execute(
        f"INSERT INTO faulty SELECT row, 'conflicting_duplicate' FROM versions SEMI JOIN"
        f" (SELECT {key} FROM versions GROUP BY {key} HAVING count(DISTINCT row({columns})) > 1) AS conflict"
        f" USING ({key})"
    )


def _reject_changed_owner(connection: duckdb.DuckDBPyConnection, contract: Table, around: Surroundings) -> None:
    """A later version may correct anything but the customer: the first version known, lake before load, decides."""
    key = ", ".join(contract.key)
    connection.execute(
        f"INSERT INTO faulty SELECT row, 'changed_customer' FROM (SELECT row, owner_key,"
        f" first_value(owner_key) OVER (PARTITION BY {key} ORDER BY {contract.knowledge_time}, row) AS first_key"
        f" FROM versions ANTI JOIN faulty USING (row)) WHERE owner_key <> first_key"
    )
    files = around.files(contract.name)
    if files:
        connection.execute(
            f"INSERT INTO faulty SELECT staged.rowid, 'changed_customer' FROM staged {owner_join(contract)}"
            f" JOIN (SELECT {key}, any_value(customer_key) AS lake_key FROM {scan(files)} SEMI JOIN"
            f" (SELECT DISTINCT {key} FROM staged) AS fresh USING ({key}) GROUP BY ALL) AS earlier"
            f" USING ({key}) WHERE owner.customer_key <> earlier.lake_key"
        )
