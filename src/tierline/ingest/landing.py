"""What lies in the landing zone: files by table and day, with their hashes.

Belongs here: names of directories and files, and the faults that can be seen without opening a file. Does not belong
here: what is inside a file (``ingest.files``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from tierline.config import Settings
from tierline.errors import Fault
from tierline.schemas import LANDING, Feed
from tierline.sources.info import SourceInfo

SUFFIXES = (".parquet", ".csv")
_PATTERN = re.compile(r"[*?\[\]]")
_PARTITION = re.compile(r"date=(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True)
class DayFile:
    """One file of one table and day; ``name`` is its path relative to the landing zone."""

    table: str
    day: date
    path: Path
    name: str
    sha256: str


def find_files(landing: Path, tables: list[str], through: date) -> tuple[list[DayFile], list[Fault]]:
    """Every file of ``tables`` with a date up to ``through``, by table, day and name; faults of names.

    Later files are not opened. Names that begin with ``.`` or ``_`` are not input (``_SUCCESS``, partial copies).
    """
    files: list[DayFile] = []
    faults: list[Fault] = []
    for table in tables:
        for entry in _visible(landing / table):
            day = _partition_day(entry)
            if day is None:
                faults.append(_fault(landing, entry, "bad_partition", "put files into date=YYYY-MM-DD directories"))
                continue
            for path in _visible(entry) if day <= through else []:
                fault = _name_fault(landing, path)
                if fault is None:
                    files.append(_day_file(landing, table, day, path))
                else:
                    faults.append(fault)
    return files, faults


def undeclared(landing: Path, tables: list[str]) -> list[str]:
    """Directories of the landing zone that the source does not declare; they are not read."""
    return [path.name for path in _visible(landing) if path.is_dir() and path.name not in tables]


def missing_days(info: SourceInfo, settings: Settings, files: list[DayFile], as_of: date) -> list[Fault]:
    """Faults for tables without any file and for daily tables without a file on a day that is not waived."""
    present: dict[str, set[date]] = {table: set() for table in info.tables}
    for file in files:
        present[file.table].add(file.day)
    faults: list[Fault] = []
    for table, days in present.items():
        if not days:
            action = f"deliver {table}/date=.../ up to {as_of.isoformat()}, or take it off the source's table list"
            faults.append(Fault(table, "", "missing_table", action))
        elif LANDING[table].feed is Feed.DAILY:
            waived = set(settings.waived_days.get(table, []))
            gaps = [day for day in days_between(info.first_day, as_of) if day not in days and day not in waived]
            action = f"deliver the day (a file with zero rows if nothing happened), or name it in waived_days.{table}"
            faults += [Fault(f"{table}/date={day.isoformat()}", "", "missing_day", action) for day in gaps]
    return faults


def days_between(first: date, last: date) -> Iterator[date]:
    """Calendar days ``first`` … ``last``, both included."""
    return (first + timedelta(days=offset) for offset in range((last - first).days + 1))


def _name_fault(landing: Path, path: Path) -> Fault | None:
    if path.suffix not in SUFFIXES or not path.is_file():
        return _fault(landing, path, "unknown_format", "write .parquet or .csv")
    if _PATTERN.search(path.name):
        return _fault(landing, path, "bad_name", "rename it without the characters * ? [ ]")
    return None


def _visible(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if not path.name.startswith((".", "_")))


def _partition_day(path: Path) -> date | None:
    match = _PARTITION.fullmatch(path.name)
    if match is None or not path.is_dir():
        return None
    try:
        return date.fromisoformat(match.group(1))
    except ValueError:
        return None


def _day_file(landing: Path, table: str, day: date, path: Path) -> DayFile:
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return DayFile(table, day, path, path.relative_to(landing).as_posix(), digest)


def _fault(landing: Path, path: Path, rule: str, action: str) -> Fault:
    return Fault(path.relative_to(landing).as_posix(), "", rule, action)
