"""The lock between processes that change the same directory.

Belongs here: taking and dropping it. Does not belong here: what is done under it (``publishing``, ``models``).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tierline.errors import BlockedError
from tierline.home import FILE_MODE

LOCK_FILE = ".lock"
_POLL_SECONDS = 0.1


@contextmanager
def locked(directory: Path, wait_seconds: float, holder: str) -> Iterator[None]:
    """Hold the lock of ``directory``, which must exist; the kernel drops it when the process dies.

    ``holder`` says what another process is doing that has it. Raises ``BlockedError`` if it still holds it after
    ``wait_seconds``.
    """
    descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        _acquire(descriptor, directory, wait_seconds, holder)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, directory: Path, wait_seconds: float, holder: str) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise BlockedError(
                    f"{directory}: {holder} (waited {wait_seconds:g} s): run again when it has ended"
                ) from error
            time.sleep(_POLL_SECONDS)
        else:
            return
