"""Writing and reading Parquet files that keep a contract.

Belongs here: the one way a contract table becomes a file. Does not belong here: where the file goes or who may read it.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tierline.home import FILE_MODE, make_directory
from tierline.schemas import Table

ROWS_PER_GROUP = 32_768
"""Rows of a Parquet row group: who looks for a few keys in a sorted file reads the groups that can hold them."""


def described_schema(contract: Table) -> pa.Schema:
    """The contract's Arrow schema with each column's description as field metadata."""
    fields = [
        column.arrow_field.with_metadata({"description": column.description, "kind": column.kind.value})
        for column in contract.columns
    ]
    return pa.schema(fields, metadata={"table": contract.name, "schema_hash": contract.schema_hash})


def conform(data: pa.Table, contract: Table) -> pa.Table:
    """Select the contract's columns in its order and cast them safely, sorted by key; optional ones may be missing.

    Raises ``KeyError`` for a missing column and ``pa.ArrowInvalid`` for a value that does not fit or a null in a
    required column.
    """
    schema = described_schema(contract)
    for column in contract.optional_columns:
        if column.name not in data.column_names:
            data = data.append_column(column.arrow_field, pa.nulls(data.num_rows, column.arrow_field.type))
    ordered = data.select(list(contract.column_names)).cast(schema)
    for column in contract.columns:
        if not column.nullable and ordered.column(column.name).null_count:
            raise pa.ArrowInvalid(f"{contract.name}.{column.name} holds nulls but is required")
    return ordered.sort_by([(name, "ascending") for name in contract.key])


def write_contract(path: Path, data: pa.Table, contract: Table) -> None:
    """Write ``data`` as one Parquet file that keeps ``contract``; same data, same bytes. Replaces atomically."""
    write_arrow(path, conform(data, contract))


def write_arrow(path: Path, data: pa.Table, *, quickly: bool = False) -> None:
    """Write any Arrow table with the project's Parquet settings; replaces atomically.

    ``quickly``: for wide tables of numbers that only the next stage reads: no dictionaries, light compression, no
    statistics.
    """
    make_directory(path.parent)
    partial = path.with_name(f".{path.name}.partial")
    how = (
        {"compression": "lz4", "use_dictionary": False, "write_statistics": False}
        if quickly
        else {"compression": "zstd", "row_group_size": ROWS_PER_GROUP}
    )
    pq.write_table(data, partial, write_page_checksum=True, coerce_timestamps="us", **how)
    partial.chmod(FILE_MODE)
    partial.replace(path)


def read_arrow(path: Path) -> pa.Table:
    """Read one Parquet file whole, without guessing partition columns from the path."""
    return pq.read_table(path, partitioning=None)
