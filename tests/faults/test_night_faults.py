"""A night that fails anywhere leaves yesterday's release live, byte for byte, and can simply be run again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_lender import (
    FIRST,
    NEXT,
    command,
    current,
    landing_file,
    release_bytes,
    run_night,
    run_steps,
)

Capture = pytest.CaptureFixture[str]
FILE = f"transactions/date={NEXT}/"


def replace(path: Path, table: pa.Table) -> None:
    """Write anew beside the shared file, never into it."""
    path.unlink()
    pq.write_table(table, path)


def edit(table: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    def act(home: Path) -> None:
        path = landing_file(home, table, NEXT)
        replace(path, change(pq.read_table(path, partitioning=None)))

    return act


def naive(rows: pa.Table) -> pa.Table:
    index = rows.schema.get_field_index("occurred_at")
    return rows.set_column(index, "occurred_at", rows.column("occurred_at").cast(pa.timestamp("us")))


def corrupt(home: Path) -> None:
    path = landing_file(home, "transactions", NEXT)
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])


def without_table(home: Path) -> None:
    for path in sorted((home / "landing" / "macro").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def negative(rows: pa.Table) -> pa.Table:
    """Every tenth amount below zero: far above the share that may be quarantined."""
    amounts = rows.column("amount").to_pylist()
    amounts = [-amount if index % 10 == 0 else amount for index, amount in enumerate(amounts)]
    changed = pa.array(amounts, pa.decimal128(18, 2))
    return rows.set_column(rows.schema.get_field_index("amount"), rows.schema.field("amount"), changed)


BAD_INPUT: dict[str, tuple[Callable[[Path], None], int, tuple[str, ...]]] = {
    "missing day": (
        lambda home: landing_file(home, "transactions", NEXT).unlink(),
        3,
        (f"transactions/date={NEXT}", "missing_day"),
    ),
    "missing table": (without_table, 3, ("macro", "missing_table")),
    "corrupt Parquet": (corrupt, 3, (FILE, "corrupt")),
    "naive timestamp": (edit("transactions", naive), 3, (FILE, "occurred_at", "naive_timestamp")),
    "extra column": (
        edit("transactions", lambda rows: rows.append_column("note", pa.nulls(len(rows), pa.string()))),
        3,
        (FILE, "note", "extra_column"),
    ),
    "missing column": (
        edit("repayments", lambda rows: rows.drop_columns(["amount"])),
        3,
        (f"repayments/date={NEXT}/", "amount", "missing_column"),
    ),
    "quarantine share": (edit("transactions", negative), 4, ("transactions", "quarantine")),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_gets_one_line_and_yesterday_stays(after_first: Path, capsys: Capture, case: str) -> None:
    act, code, words = BAD_INPUT[case]
    act(after_first)
    before, lake = release_bytes(after_first), sorted((after_first / "lake" / "loads").iterdir())
    ended = command(capsys, "nightly", "--as-of", NEXT.isoformat(), "--home", after_first)
    assert ended.code == code, ended
    for word in words:
        assert word in ended.error_line
    assert release_bytes(after_first) == before
    assert sorted((after_first / "lake" / "loads").iterdir()) == lake


def test_a_night_beyond_the_landing_zone(after_first: Path, capsys: Capture) -> None:
    before = release_bytes(after_first)
    ended = command(capsys, "nightly", "--as-of", "2026-07-20", "--home", after_first)
    assert ended.code == 3
    assert "date=2026-07-08: missing_day" in ended.error_line
    assert release_bytes(after_first) == before


def test_a_lake_that_breaks_its_contract_stops_before_anything_is_decided(after_first: Path, capsys: Capture) -> None:
    """A row lost between ingest and validation; the loads count as not yet judged."""
    for record in (after_first / "lake" / "validated").glob("*_*"):
        record.unlink()
    victim = next((after_first / "lake" / "loans").rglob("*.parquet"))
    rows = pq.read_table(victim, partitioning=None)
    pq.write_table(rows.slice(1), victim)
    before = release_bytes(after_first)
    ended = command(capsys, "nightly", "--as-of", NEXT.isoformat(), "--home", after_first)
    assert ended.code == 4, ended
    assert "loans_keeps_its_contract" in ended.error_line
    assert f"expect the {pq_rows(after_first)} rows" in ended.out
    assert release_bytes(after_first) == before
    assert not (after_first / "work" / f"as_of={NEXT}").exists()


def pq_rows(home: Path) -> int:
    """Loans the first load should hold: those landed."""
    days = (day for day in (home / "landing" / "loans").iterdir() if day.name <= f"date={FIRST}")
    return sum(pq.read_metadata(path).num_rows for day in days for path in day.iterdir())


def decide_again(home: Path, first: str) -> dg.ExecuteInProcessResult:
    """The steps from ``first`` to the release, over what the night has staged."""
    steps = [
        "wanted_limits",
        "credit_limits",
        "funding_allocation",
        "portfolio_constraints",
        "release_candidate",
        "release",
    ]
    return run_steps(home, NEXT, steps[steps.index(first) :])


def failed_checks(result: dg.ExecuteInProcessResult) -> set[str]:
    return {check.check_name for check in result.get_asset_check_evaluations() if not check.passed}


def failures(result: dg.ExecuteInProcessResult) -> list[str]:
    return [str(event.step_failure_data.error) for event in result.all_events if event.is_step_failure]


def with_first(table: pa.Table, column: str, value: Any) -> pa.Table:
    """The table with another value in the first row of a column."""
    index = table.schema.get_field_index(column)
    values = [value, *table.column(column).to_pylist()[1:]]
    return table.set_column(index, table.schema.field(index), pa.array(values, table.schema.field(index).type))


def test_a_decision_over_the_cap_is_found_by_the_audit(after_second: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tierline import decide as decisions

    true_decision = decisions.decide_limits

    def generous(*given: Any) -> pa.Table:
        limits = true_decision(*given)
        limits = limits.sort_by([("credit_limit", "descending")])
        return with_first(limits, "credit_limit", Decimal("200000.01")).sort_by("customer_key")

    monkeypatch.setattr(decisions, "decide_limits", generous)
    before = release_bytes(after_second)
    result = decide_again(after_second, "wanted_limits")
    assert not result.success
    assert failed_checks(result) == {"independent_audit"}, failures(result)
    assert release_bytes(after_second) == before


TAMPERED = {
    "a share of the funding is missing": ("funding_allocation", "amount", Decimal("0.01"), {"independent_audit"}),
    "a tier that its score does not have": ("scores", "tier", "A", {"independent_audit"}),
    "a PD above one": ("scores", "pd_12m", 1.5, {"scores_keeps_its_contract", "independent_audit"}),
    "an action nobody knows": (
        "credit_limits",
        "action",
        "gift",
        {"credit_limits_keeps_its_contract", "independent_audit"},
    ),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_a_tampered_table_blocks_the_release(after_second: Path, case: str) -> None:
    name, column, value, checks = TAMPERED[case]
    path = after_second / "work" / f"as_of={NEXT}" / f"{name}.parquet"
    table = pq.read_table(path, partitioning=None)
    if column == "tier":  # one that is not A
        table = table.sort_by([("pd_12m", "descending")])
    pq.write_table(with_first(table, column, value).sort_by("customer_key"), path)
    before = release_bytes(after_second)
    result = decide_again(after_second, "release_candidate")
    assert not result.success
    assert failed_checks(result) == checks
    assert release_bytes(after_second) == before
    alone = decide_again(after_second, "release")  # by hand, in the UI: round the checks
    assert not alone.success
    assert release_bytes(after_second) == before


def test_what_changed_after_the_checks_is_not_released(after_second: Path) -> None:
    path = after_second / "work" / f"as_of={NEXT}" / "scores.parquet"
    table = pq.read_table(path, partitioning=None)
    pq.write_table(with_first(table, "score", 1.0), path)
    before = release_bytes(after_second)
    result = decide_again(after_second, "release")
    assert not result.success
    (failure,) = failures(result)
    assert "scores has not passed the checks as it stands" in failure
    assert release_bytes(after_second) == before


KILLED = """
import os, sys
from pathlib import Path
from tierline.night import Night
from dagster_project.commands import nightly

stage = Night.stage_contract

def die(self, contract, table):
    if contract.name == "{table}":
        os._exit(9)
    return stage(self, contract, table)

Night.stage_contract = die
nightly(as_of="{day}", home=Path(sys.argv[1]))
"""


def test_a_killed_night_changes_nothing_and_runs_again_to_the_same_name(after_first: Path, second_night: Path) -> None:
    before = release_bytes(after_first)
    done = night_in_a_process(after_first, KILLED.format(table="funding_allocation", day=NEXT))
    assert done.returncode == 9, done.stderr
    assert (after_first / "work" / f"as_of={NEXT}" / "scores.parquet").exists()  # it was well on its way
    assert release_bytes(after_first) == before
    run_night(after_first, NEXT)
    assert current(after_first) == current(second_night)
    assert release_bytes(after_first) == release_bytes(second_night)


def test_interrupted_by_hand(after_first: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from dagster_project.assets import features

    def interrupted(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(features, "nightly_features", interrupted)
    before = release_bytes(after_first)
    ended = command(capsys, "nightly", "--as-of", NEXT.isoformat(), "--home", after_first)
    assert ended.code == 130
    assert release_bytes(after_first) == before


def night_in_a_process(home: Path, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, str(home)],
        env={**os.environ, "TIERLINE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_bug_is_not_hidden(after_second: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is not ours ends the night as it is, with its own type: no check turns it into a message."""
    from dagster_project.assets import ingest

    def broken(*given: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(ingest, "ingest_through", broken)
    before = release_bytes(after_second)
    with pytest.raises(ZeroDivisionError):
        run_night(after_second, NEXT)
    assert release_bytes(after_second) == before
