"""Ray for tests, with all its files in one place, so that what it leaves behind can be seen.

Belongs here: starting and ending. Does not belong here: what is tested.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="the extra ray is not installed ('make ray' does it): no cluster"
)


@contextmanager
def own_ray() -> Iterator[None]:
    """Whatever is started inside belongs to the test; none of its processes may outlive it."""
    home = Path(tempfile.mkdtemp(prefix="tl-"))  # short: the names of sockets have a limit
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_TMPDIR", str(home))
        patched.setenv("PYTHONPATH", str(TESTS))  # workers import the functions of tests
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patched.delenv("RAY_ADDRESS", raising=False)
        try:
            yield
        finally:
            left = _left(home, seconds=15)
            for process in left:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            shutil.rmtree(home, ignore_errors=True)
    assert not left, f"processes of Ray outlived the test: {left}"


def _left(home: Path, seconds: float) -> dict[int, str]:
    """Processes with files open below ``home``, after ``seconds`` in which to end."""
    deadline = time.monotonic() + seconds
    while (found := _users(home)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def _users(home: Path) -> dict[int, str]:
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) != os.getpid():
            with suppress(OSError):
                if any(str(link.readlink()).startswith(f"{home}/") for link in (process / "fd").iterdir()):
                    found[int(process.name)] = (process / "comm").read_text(encoding="utf-8").strip()
    return found
