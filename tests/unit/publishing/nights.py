"""Small staged nights: every published table with a few rows of invented values."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from tierline.home import Home
from tierline.parquet import write_contract
from tierline.publishing import PublishResult, SnapshotFacts, previous_snapshot, publish
from tierline.schemas import PUBLISHED, Kind
from tierline.schemas.contract import Column, Table

FIRST = date(2025, 3, 1)


def day(number: int) -> date:
    """Day ``number`` of the tests, 0 for the first."""
    return FIRST + timedelta(days=number)


def rows_of(contract: Table, as_of: date, mark: int, count: int = 2) -> pa.Table:
    """``count`` rows; every money value is ``mark`` yuan and 25 cents, every rate ``mark``."""
    columns = {column.name: [_value(column, as_of, mark, i) for i in range(count)] for column in contract.columns}
    return pa.table(columns, schema=contract.arrow_schema)


def _value(column: Column, as_of: date, mark: int, row: int) -> object:
    if column.kind is Kind.STRING:
        return column.allowed[0] if column.allowed else f"{column.name}-{row}"
    values: dict[Kind, object] = {
        Kind.DATE: as_of,
        Kind.MONEY: Decimal(f"{mark}.25"),
        Kind.RATE: float(mark),
        Kind.COUNT: row + 1,
        Kind.BOOLEAN: True,
    }
    return values[column.kind]


def stage(directory: Path, as_of: date, mark: int, count: int = 2) -> dict[str, Path]:
    """Write one staged file per published table below ``directory``."""
    paths = {}
    for name, contract in PUBLISHED.items():
        paths[name] = directory / f"{name}.parquet"
        write_contract(paths[name], rows_of(contract, as_of, mark, count), contract)
    return paths


def facts(as_of: date, previous: str | None = None, **changes: object) -> SnapshotFacts:
    """Facts of a night of the source ``test``."""
    values: dict[str, object] = {
        "as_of": as_of,
        "source": "test",
        "model": {"model_id": "m1", "features": 60},
        "policy_id": "p1",
        "feature_set": "f1",
        "code_version": "c1",
        "input_hashes": {"loans": "00ff"},
        "control_totals": {"loans": {"rows_in": 2}},
        "previous_snapshot": previous,
    }
    return SnapshotFacts.model_validate(values | changes)


def run_night(home: Home, number: int, mark: int) -> PublishResult:
    """Stage and publish day ``number`` with values ``mark`` on top of what is live before it."""
    before = previous_snapshot(home, day(number))
    paths = stage(home.work(day(number)) / str(mark), day(number), mark)
    return publish(home, paths, facts(day(number), before.name if before else None))
