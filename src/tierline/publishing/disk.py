"""Writes that survive a power cut.

Belongs here: the few operating-system calls publication is made of, each durable when it returns. Does not belong
here: their order (``publisher``). Every call goes through ``os``, where the fault tests intercept it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from tierline.home import DIRECTORY_MODE, FILE_MODE

CHUNK = 1 << 20


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def create_directory(path: Path) -> None:
    """Create one directory with the project's mode; its parent must exist."""
    os.mkdir(path, DIRECTORY_MODE)  # noqa: PTH102 - intercepted by the fault tests
    os.chmod(path, DIRECTORY_MODE)  # noqa: PTH101 - the mode of mkdir is cut by the umask


def write_durable(path: Path, content: bytes) -> None:
    """Write and fsync a file; the entry in its directory is not durable yet."""
    descriptor = _create(path)
    try:
        _write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_durable(source: Path, target: Path) -> tuple[str, int]:
    """Copy a file, fsync it, and return SHA-256 and bytes of what was written."""
    digest = hashlib.sha256()
    size = 0
    descriptor = _create(target)
    try:
        with source.open("rb") as handle:
            while chunk := handle.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                _write_all(descriptor, chunk)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return digest.hexdigest(), size


def _create(path: Path) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    try:
        os.fchmod(descriptor, FILE_MODE)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def remove(path: Path) -> None:
    """Remove a file or a whole directory; nothing to do if it is not there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.is_symlink() or path.exists():
        os.unlink(path)  # noqa: PTH108 - intercepted by the fault tests
