"""A small simulated lender and the ways to run its nights, for tests that need a whole night.

Belongs here: the world's size, running a night or a command in this process, and what a release looked like in bytes.
Does not belong here: expectations.

The world is as small as the default training configuration allows: two performance windows, three months before the
first observation, two to tune, three to calibrate, and ``min_defaults`` in every slice.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from tierline.home import Home
from tierline.sources.simulated import SimulationSpec

FIRST, NEXT = date(2026, 6, 30), date(2026, 7, 1)
SPEC = SimulationSpec(customers=1_000, months=35, as_of=FIRST, seed=3)
_VARIABLES = ("DAGSTER_HOME", "TIERLINE_HOME")


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def error_line(self) -> str:
        """The only line of standard error."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


@contextmanager
def unchanged_process() -> Iterator[None]:
    """Undo what a command does to this process: environment, arguments, log handlers."""
    kept = {name: os.environ.get(name) for name in _VARIABLES}
    arguments, logger = sys.argv, logging.getLogger("tierline")
    handlers, level = list(logger.handlers), logger.level
    try:
        yield
    finally:
        sys.argv = arguments
        logger.handlers[:] = handlers
        logger.setLevel(level)
        for name, value in kept.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def run_night(home: Path, day: date) -> None:
    """The night of a day, as the shell runs it; errors as the command raises them."""
    from dagster_project.commands import nightly

    with unchanged_process():
        nightly(as_of=day.isoformat(), home=home)


def run_steps(home: Path, day: date, steps: Sequence[str]) -> dg.ExecuteInProcessResult:
    """Some steps of a night, by the names of their assets, over what stands in the home; failures are in the result."""
    from dagster_project.commands import home_config, prepare_instance
    from dagster_project.definitions import defs

    with unchanged_process():
        prepare_instance(home)
        with dg.DagsterInstance.get() as instance:
            return defs.resolve_job_def("nightly").execute_in_process(
                instance=instance,
                partition_key=day.isoformat(),
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}, **home_config(home)},
                asset_selection=[dg.AssetKey(name) for name in steps],
            )


def command(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Ended:
    """Run ``tierline`` with arguments in this process."""
    from tierline.cli import main

    capsys.readouterr()
    with unchanged_process():
        sys.argv = ["tierline", *map(str, arguments)]
        with pytest.raises(SystemExit) as ended:
            main()
    seen = capsys.readouterr()
    code = ended.value.code
    assert code is None or isinstance(code, int)
    return Ended(code or 0, seen.out, seen.err)


def copy_home(source: Path, target: Path, without: Sequence[str] = ()) -> Path:
    """A home of its own with the same content. Landing files are shared: replace one, never write into it."""
    for part in source.iterdir():
        if part.name == "dagster" or part.name in without:
            continue
        link = os.link if part.name == "landing" else shutil.copy2
        shutil.copytree(part, target / part.name, copy_function=link)
    return target


def landing_file(home: Path, table: str, day: date) -> Path:
    """The one file of a landing day."""
    (path,) = (home / "landing" / table / f"date={day}").iterdir()
    return path


def current(home: Path) -> str:
    """Name of the live snapshot."""
    return (home / "published" / "CURRENT").read_text().strip()


def release_bytes(home: Path) -> dict[str, bytes]:
    """Every file a reader may see: ``CURRENT`` and all snapshots."""
    published = Home(home).published
    files = (path for path in sorted(published.rglob("*")) if path.is_file() and path.name != ".lock")
    return {path.relative_to(published).as_posix(): path.read_bytes() for path in files}
