"""From Parquet to rows that can be judged.

Belongs here: reading, types, money to cents, repeated keys. Does not belong here: rules about values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tierline.audit.finding import Finding, Rows, finding
from tierline.schemas import DECISION_INPUTS, PUBLISHED, Table

# what the rules read of the release before: a column the contract has always had, then those it got later
_LOOKED_BACK: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "scores": (("customer_key", "pd_12m", "tier", "model_id"), ()),
    "credit_limits": (("customer_key", "credit_limit", "action_reason"), ("last_change_on",)),
    "funding_allocation": (("customer_key", "funder_id", "amount"), ()),
}
_HUNDRED = pa.scalar(Decimal(100), pa.decimal128(3, 0))


def read_published(name: str, path: Path, as_of: date) -> tuple[Rows | None, list[Finding]]:
    """Rows of a published table without ``as_of``, which is checked here; no rows if the file cannot be judged.

    A file that cannot be read, a missing column and a wrong type are findings, and so are rows of another day and
    repeated keys; of a repeated key the first row stays.
    """
    contract = PUBLISHED[name]
    try:
        data = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error).splitlines()[0]
        return None, [finding("unreadable", name, 1, f"the file must be readable Parquet; it is not: {reason}")]
    wrong = _wrong_columns(data, contract)
    if wrong:
        return None, wrong
    key = tuple(column for column in contract.key if column != "as_of") or ("as_of",)
    rows = Rows(name, _frame(data, contract), key)
    today = pc.fill_null(pc.equal(data.column("as_of"), pa.scalar(as_of, pa.date32())), False)
    found = rows.judge("as_of", pd.Series(today.to_numpy()), f"as_of must be {as_of} in every row", ["as_of"])
    unique, repeated = _unique(rows)
    return unique, [*found, *repeated]


def read_previous(tables: Mapping[str, Path | pa.Table]) -> tuple[dict[str, Rows], list[Finding]]:
    """Readable tables of the release before, with the columns that rules use and no rule on their day.

    A fault of their form is a finding. A column that the contract got later may be missing: the rules that need it do
    not bind then.
    """
    readable: dict[str, Rows] = {}
    found: list[Finding] = []
    for name, (needed, later) in _LOOKED_BACK.items():
        if name not in tables:
            continue
        data, contract = _columns(tables[name], (*needed, *later)), PUBLISHED[name]
        present = [column for column in (*needed, *later) if column in needed or column in data.column_names]
        wrong = _wrong_columns(data, contract, present)
        if wrong:
            found += [finding(f"previous_{one.rule}", name, one.count, one.line) for one in wrong]
            continue
        key = tuple(column for column in contract.key if column != "as_of")
        readable[name], repeated = _unique(Rows(name, _frame(data, contract), key))
        found += [finding("previous_duplicate_key", name, one.count, one.line) for one in repeated]
    return readable, found


def _columns(source: Path | pa.Table, wanted: Sequence[str]) -> pa.Table:
    """Those of the wanted columns that are there."""
    there = pq.read_schema(source).names if isinstance(source, Path) else source.column_names
    present = [name for name in wanted if name in there]
    if isinstance(source, Path):
        return pq.read_table(source, columns=present, partitioning=None)
    return source.select(present)


def read_inputs(source: Path | pa.Table) -> tuple[Rows | None, list[Finding]]:
    """The decision inputs as rows; a fault of their form is a finding too."""
    data = pq.read_table(source, partitioning=None) if isinstance(source, Path) else source
    wrong = _wrong_columns(data, DECISION_INPUTS)
    if wrong:
        return None, wrong
    return _unique(Rows(DECISION_INPUTS.name, _frame(data, DECISION_INPUTS), DECISION_INPUTS.key))


def cents(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Money, decimal(18,2) in yuan, as whole cents."""
    return pc.multiply(column, _HUNDRED).cast(pa.int64())


def _frame(data: pa.Table, contract: Table) -> pd.DataFrame:
    for name in (name for name in contract.money_columns if name in data.column_names):
        data = data.set_column(data.column_names.index(name), name, cents(data.column(name)))
    frame: pd.DataFrame = data.to_pandas()
    return frame


def _wrong_columns(data: pa.Table, contract: Table, among: Sequence[str] | None = None) -> list[Finding]:
    """Columns of the contract, all or those ``among`` them, that are missing or of another type."""
    found = []
    for field in (field for field in contract.arrow_schema if among is None or field.name in among):
        if field.name not in data.column_names and contract[field.name].optional:
            continue
        if field.name not in data.column_names:
            found.append(finding("missing_column", contract.name, 1, f"column {field.name} must be there; it is not"))
        elif data.schema.field(field.name).type != field.type:
            actual = data.schema.field(field.name).type
            text = f"column {field.name} must be {field.type}; it is {actual}"
            found.append(finding("wrong_type", contract.name, data.num_rows, text))
    return found


def _unique(rows: Rows) -> tuple[Rows, list[Finding]]:
    if _ascending(rows):
        return rows, []
    repeated = rows.frame.duplicated(list(rows.key))
    found = rows.judge("duplicate_key", ~repeated, f"{', '.join(rows.key)} must be unique")
    return (rows.with_frame(rows.frame[~repeated]) if found else rows), found


def _ascending(rows: Rows) -> bool:
    """Whether each key is above the one before, as in all files written by the publisher: then none repeats."""
    above = np.zeros(max(len(rows.frame) - 1, 0), dtype=bool)
    for name in reversed(rows.key):
        keys = pa.chunked_array(pa.array(rows.frame[name])).combine_chunks()
        one, next_one = keys.slice(0, len(above)), keys.slice(1)
        more, same = (pc.fill_null(compare(next_one, one), False) for compare in (pc.greater, pc.equal))
        above = more.to_numpy(zero_copy_only=False) | (same.to_numpy(zero_copy_only=False) & above)
    return bool(above.all())
