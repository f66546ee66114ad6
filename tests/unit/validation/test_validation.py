"""Suites against tables with a known fault each, counted in plain Python."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unit.ingest.world import LAST, SETTINGS, build

from tierline.home import Home
from tierline.ingest import ingest_through
from tierline.lake import LoadManifest
from tierline.parquet import read_arrow, write_arrow
from tierline.schemas import PUBLISHED
from tierline.validation import TableVerdict, validate_lake, validate_published
from tierline.validation.suite import Expected, judge

SCORES = PUBLISHED["scores"]
INFINITE, NAN = float("inf"), float("nan")


def scores(**changes: list[Any]) -> pa.Table:
    keys = [f"{number:032x}" for number in range(3)]
    columns: dict[str, list[Any]] = {
        "customer_key": keys,
        "as_of": [LAST] * 3,
        "pd_12m": [0.0, 0.5, 1.0],
        "score": [600.0, 500.0, -20.0],
        "tier": ["A", "B", "X"],
        **{f"reason_{rank}": [None] * 3 for rank in range(1, 5)},
        "thin_file": [True, False, False],
        "model_id": ["m1"] * 3,
    }
    fields = [field.with_nullable(True) for field in SCORES.arrow_schema]
    return pa.table(columns | changes, schema=pa.schema(fields))


def test_a_good_table_passes_every_expectation() -> None:
    verdict = validate_published(scores(), SCORES)
    assert verdict.success
    assert (verdict.table, verdict.rows, verdict.failed) == ("scores", 3, ())
    assert verdict.expectations >= len(SCORES.columns)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"pd_12m": [-0.1, 1.1, 2.0]}, "scores.pd_12m: expect values between 0 and 1: 3 rows"),
        ({"pd_12m": [NAN, 0.5, 0.5]}, "scores.pd_12m: expect a finite number: 1 rows"),
        ({"score": [INFINITE, -INFINITE, 1.0]}, "scores.score: expect a finite number: 2 rows"),
        ({"pd_12m": [INFINITE, 0.5, 0.5]}, "scores.pd_12m: expect a finite number: 1 rows"),
        ({"tier": [None, None, "A"]}, "scores.tier: expect a value: 2 rows"),
        ({"customer_key": ["0" * 32] * 3}, "scores: expect unique (customer_key, as_of): 2 rows repeat one"),
        (
            {"customer_key": ["0" * 32, "C001", "1" * 31]},
            "scores.customer_key: expect a pseudonym of 32 hex digits: 2 rows",
        ),
    ],
)
def test_each_fault_is_one_line_with_its_count(changes: dict[str, list[Any]], line: str) -> None:
    verdict = validate_published(scores(**changes), SCORES)
    assert not verdict.success
    assert verdict.failed == (line,)


def test_a_word_outside_the_vocabulary() -> None:
    contract = PUBLISHED["watch_list"]
    row = {
        "as_of": [LAST],
        "entity_type": ["loan"],
        "entity_id": ["L1"],
        "trigger": ["dpd"],
        "severity": ["dire"],
        "lead_indicator": [1.0],
        "exposure": [Decimal("-1.00")],
    }
    assert validate_published(pa.table(row, schema=contract.arrow_schema), contract).failed == (
        "watch_list.severity: expect one of low, medium, high: 1 rows",
        "watch_list.exposure: expect values of at least 0: 1 rows",
    )


@pytest.mark.parametrize(("table", "success"), [("scores", False), ("watch_list", True), ("funding_allocation", True)])
def test_an_empty_table_fails_unless_it_may_be_empty(table: str, success: bool) -> None:
    contract = PUBLISHED[table]
    verdict = validate_published(contract.arrow_schema.empty_table(), contract)
    assert verdict.success is success
    assert verdict.rows == 0


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (lambda data: data.drop_columns(["score"]), "scores.score: expect the column: it is missing"),
        (
            lambda data: data.append_column("full_name", pa.array(["x"] * 3)),
            "scores.full_name: expect only the contract's",
        ),
        (
            lambda data: data.set_column(3, "score", data.column("score").cast(pa.float32())),
            "scores.score: expect double: it is float",
        ),
        (lambda data: data.drop_columns(["customer_key"]), "scores.customer_key: expect the column: it is missing"),
    ],
)
def test_columns_and_types_are_those_of_the_contract(edit: Callable[[pa.Table], pa.Table], line: str) -> None:
    verdict = validate_published(edit(scores()), SCORES)
    assert not verdict.success
    assert verdict.failed[0].startswith(line)


def test_files_are_judged_together_and_each_by_its_own_schema(tmp_path: Path) -> None:
    write_arrow(tmp_path / "part-0.parquet", scores())
    assert validate_published(tmp_path, SCORES).rows == 3
    assert validate_published(tmp_path / "part-0.parquet", SCORES).success
    write_arrow(tmp_path / "part-1.parquet", scores())
    assert validate_published(tmp_path, SCORES).failed == (
        "scores: expect unique (customer_key, as_of): 3 rows repeat one",
    )
    write_arrow(tmp_path / "part-1.parquet", scores().drop_columns(["score"]))
    assert validate_published(tmp_path, SCORES).failed[0] == "scores.score: expect the column: it is missing"
    assert not validate_published(tmp_path / "nothing", SCORES).success


def test_no_value_of_a_table_enters_a_verdict() -> None:
    verdict = validate_published(scores(customer_key=["SECRET-1"] * 3, tier=[None] * 3), SCORES)
    assert not verdict.success
    assert "SECRET" not in repr(verdict)


def test_an_expectation_that_cannot_be_evaluated_fails() -> None:
    failed = judge("t", {"rows": 1}, [Expected("rows", 1, 1, "rows: {n}"), Expected("absent", 0, 0, "absent: {n}")])
    assert failed.failed == ("absent: ? (the expectation could not be evaluated)",)


@pytest.fixture
def ingested(tmp_path: Path) -> tuple[Home, LoadManifest]:
    home = Home(tmp_path)
    build(home)
    return home, ingest_through(home, SETTINGS, LAST).loads[0]


def verdicts(ingested: tuple[Home, LoadManifest]) -> dict[str, TableVerdict]:
    home, load = ingested
    return {verdict.table: verdict for verdict in validate_lake(home, SETTINGS, load)}


def test_an_honest_load_passes(ingested: tuple[Home, LoadManifest]) -> None:
    found = verdicts(ingested)
    assert set(found) == set(ingested[1].totals)
    assert [verdict.failed for verdict in found.values()] == [()] * len(found)
    assert found["transactions"].rows == 19


def lake_file(ingested: tuple[Home, LoadManifest], table: str) -> Path:
    home, load = ingested
    return sorted((home.lake / table / f"load={load.name}").glob("*.parquet"))[0]


def test_a_load_that_was_changed_afterwards_fails(ingested: tuple[Home, LoadManifest]) -> None:
    path = lake_file(ingested, "transactions")
    data = read_arrow(path)
    lost = data.num_rows - 1
    pq.write_table(data.slice(1), path)
    failed = verdicts(ingested)["transactions"].failed
    assert failed[0] == f"transactions: expect the 19 rows of the manifest: {19 - 1} rows"
    assert any(line.startswith("transactions: expect the cents of the manifest: off by -") for line in failed)
    assert lost == read_arrow(path).num_rows


@pytest.mark.parametrize(
    ("table", "column", "value", "line"),
    [
        ("transactions", "known_on", date(2020, 1, 1), "transactions.known_on: expect days of load"),
        ("transactions", "customer_key", "f" * 32, "transactions.customer_key: expect the bucket of its file"),
        ("loans", "annual_rate", NAN, "loans.annual_rate: expect a finite number"),
        ("loans", "annual_rate", 11.0, "loans.annual_rate: expect values between 0 and 10"),
        ("macro", "known_on", date(2026, 1, 2), "macro.known_on: expect the business day of published_at"),
    ],
)
def test_a_lake_fault_is_found(
    ingested: tuple[Home, LoadManifest], table: str, column: str, value: object, line: str
) -> None:
    path = lake_file(ingested, table)
    data = read_arrow(path)
    index = data.schema.get_field_index(column)
    values = pa.array([value] * data.num_rows, data.schema.field(index).type)
    pq.write_table(data.set_column(index, data.schema.field(index), values), path)
    assert any(found.startswith(line) for found in verdicts(ingested)[table].failed)


def test_importing_validation_does_not_import_great_expectations() -> None:
    code = "import sys, tierline.validation; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
