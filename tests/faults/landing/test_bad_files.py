"""Files that cannot be used: one clear line with file, column and rule, and a lake that did not change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unit.ingest.world import (
    DAYS,
    SETTINGS,
    arrow,
    day_rows,
    path_of,
    put,
)

from tierline.errors import InputError
from tierline.home import Home
from tierline.ingest import ingest_through

DAY = DAYS[1]
FILE = f"transactions/date={DAY}/part.parquet"


def change(home: Home, edit: Callable[[pa.Table], pa.Table], table: str = "transactions") -> None:
    path = path_of(home, table, DAY)
    pq.write_table(edit(pq.read_table(path, partitioning=None)), path)


def retype(column: str, to: pa.DataType) -> Callable[[Home], None]:
    def edit(data: pa.Table) -> pa.Table:
        index = data.schema.get_field_index(column)
        return data.set_column(index, column, data.column(column).cast(to, safe=False))

    return lambda home: change(home, edit)


def truncate(home: Home) -> None:
    path = path_of(home, "transactions", DAY)
    path.write_bytes(path.read_bytes()[:-20])


def damage_pages(home: Home) -> None:
    """The footer stays whole, so that only reading the rows can find it."""
    path = path_of(home, "transactions", DAY)
    content = bytearray(path.read_bytes())
    content[4:600] = b"\xff" * 596
    path.write_bytes(bytes(content))


def csv_instead(text: bytes) -> Callable[[Home], None]:
    def act(home: Home) -> None:
        path_of(home, "transactions", DAY).unlink()
        path_of(home, "transactions", DAY, "part.csv").write_bytes(text)

    return act


def naive_csv(home: Home) -> None:
    path_of(home, "transactions", DAY).unlink()
    path = put(home, "transactions", DAY, day_rows(DAY)["transactions"], "part.csv")
    path.write_text(path.read_text().replace("09:00:00+00:00", "09:00:00", 1))


def mistyped_name(home: Home) -> None:
    change(home, lambda data: data.rename_columns([name.replace("amount", "Amount") for name in data.column_names]))


HEADER = ",".join(arrow("transactions", []).column_names).encode()
FILE_FAULTS: dict[str, tuple[Callable[[Home], Any], str, str, str]] = {
    "missing day": (
        lambda home: shutil.rmtree(path_of(home, "loans", DAY).parent),
        f"loans/date={DAY}",
        "",
        "missing_day",
    ),
    "day without a file": (lambda home: path_of(home, "loans", DAY).unlink(), f"loans/date={DAY}", "", "missing_day"),
    "missing table": (lambda home: shutil.rmtree(home.landing / "macro"), "macro", "", "missing_table"),
    "zero bytes": (lambda home: path_of(home, "transactions", DAY).write_bytes(b""), FILE, "", "empty_file"),
    "no rows": (lambda home: put(home, "transactions", DAY, []), f"transactions/date={DAY}", "", "empty_day"),
    "missing column": (
        lambda home: change(home, lambda data: data.drop_columns(["channel"])),
        FILE,
        "channel",
        "missing_column",
    ),
    "extra column": (
        lambda home: change(home, lambda data: data.append_column("note", pa.array(["x"] * data.num_rows))),
        FILE,
        "note",
        "extra_column",
    ),
    "column in capitals": (mistyped_name, FILE, "amount", "missing_column"),
    "money as float": (retype("amount", pa.float64()), FILE, "amount", "wrong_type"),
    "money with mills": (retype("amount", pa.decimal128(18, 3)), FILE, "amount", "wrong_type"),
    "text as number": (
        lambda home: change(home, lambda data: data.set_column(0, "transaction_id", pa.array(range(data.num_rows)))),
        FILE,
        "transaction_id",
        "wrong_type",
    ),
    "nested": (
        lambda home: change(home, lambda data: data.set_column(0, "transaction_id", pa.array([["a"]] * data.num_rows))),
        FILE,
        "transaction_id",
        "wrong_type",
    ),
    "naive timestamp": (retype("occurred_at", pa.timestamp("us")), FILE, "occurred_at", "naive_timestamp"),
    "naive timestamp in CSV": (naive_csv, f"transactions/date={DAY}/part.csv", "occurred_at", "naive_timestamp"),
    "corrupt footer": (truncate, FILE, "", "corrupt_parquet"),
    "corrupt pages": (damage_pages, FILE, "", "corrupt_parquet"),
    "not Parquet": (
        lambda home: path_of(home, "transactions", DAY).write_bytes(b"hello" * 9),
        FILE,
        "",
        "corrupt_parquet",
    ),
    "empty CSV": (csv_instead(b""), f"transactions/date={DAY}/part.csv", "", "empty_file"),
    "CSV short of fields": (
        csv_instead(HEADER + b"\na,b\n"),
        f"transactions/date={DAY}/part.csv",
        "",
        "unreadable_csv",
    ),
    "CSV open quote": (csv_instead(HEADER + b'\n"a,b\n'), f"transactions/date={DAY}/part.csv", "", "unreadable_csv"),
    "CSV not UTF-8": (
        csv_instead(HEADER.decode().encode("utf-16")),
        f"transactions/date={DAY}/part.csv",
        "",
        "unreadable_csv",
    ),
    "another format": (
        lambda home: path_of(home, "loans", DAY, "part.xlsx").write_bytes(b"x"),
        f"loans/date={DAY}/part.xlsx",
        "",
        "unknown_format",
    ),
    "a pattern for a name": (
        lambda home: put(home, "loans", DAY, [], "part*.parquet"),
        f"loans/date={DAY}/part*.parquet",
        "",
        "bad_name",
    ),
    "no partition": (
        lambda home: (home.landing / "loans" / "date=2026-13-01").mkdir(),
        "loans/date=2026-13-01",
        "",
        "bad_partition",
    ),
}


@pytest.mark.parametrize("name", FILE_FAULTS)
def test_a_file_fault_is_named_and_changes_nothing(home: Home, name: str) -> None:
    act, file, column, rule = FILE_FAULTS[name]
    act(home)
    before = everything(home)
    with pytest.raises(InputError) as caught:
        ingest_through(home, SETTINGS, DAY)
    assert (file, column, rule) in {(fault.file, fault.column, fault.rule) for fault in caught.value.faults}
    line = str(caught.value)
    assert "\n" not in line
    assert str(home.root) not in line
    assert caught.value.exit_code == 3
    assert everything(home) == before


def test_all_file_faults_are_reported_at_once(home: Home) -> None:
    for name in ("missing table", "money as float", "another format"):
        FILE_FAULTS[name][0](home)
    with pytest.raises(InputError) as caught:
        ingest_through(home, SETTINGS, DAY)
    assert {fault.rule for fault in caught.value.faults} == {"missing_table", "wrong_type", "unknown_format"}


def test_ignored_columns_and_waived_days(home: Home) -> None:
    FILE_FAULTS["extra column"][0](home)
    FILE_FAULTS["missing day"][0](home)
    settings = SETTINGS.model_copy(
        update={"ignored_columns": {"transactions": ["note"]}, "waived_days": {"loans": [DAY]}}
    )
    assert ingest_through(home, settings, DAY).new == [f"{DAY}_{DAY}"]


def everything(home: Home) -> dict[str, bytes]:
    """Every file of the lake; the lock has no content."""
    return {path.as_posix(): path.read_bytes() for path in sorted(home.lake.rglob("*")) if path.is_file()}
