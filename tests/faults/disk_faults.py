"""Faults for the publisher: the N-th operating-system call fails, kills the process, or is followed by a power cut.

``Interceptor`` stands before every call that changes the disk. A simulated kill is sticky: no later call of the dying
run reaches the disk either, as after a real SIGKILL.

``PowerCut`` keeps what is durable: a file's bytes as of its last fsync, a directory's entries as of its last fsync. Its
images are the worst cases: nothing but what was made durable; all directory entries, but only fsynced bytes; and a
pointer that reached the disk before the other changes of its directory.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Entries = dict[int, dict[str, tuple[int, bool]]]  # directory inode -> name -> (inode, is a directory)
IMAGES = ("fsynced", "all_entries", "pointer_first")
CHANGING_CALLS = ("open", "write", "fsync", "fchmod", "chmod", "mkdir", "rename", "replace", "unlink", "rmdir")


class KilledError(BaseException):
    """The process died here."""


class Interceptor:
    """Counts the changing calls below ``os``; at call number ``fail_at`` does what ``mode`` says.

    Modes: ``error`` (OSError once, call not made), ``kill`` (dead from here, call not made), ``half`` (a write is made
    by half, then dead), ``after`` (the call is made, then dead), ``short`` (every write takes half: legal, no fault).
    """

    def __init__(self, mode: str = "count", fail_at: int = -1, watch: PowerCut | None = None) -> None:
        self.mode, self.fail_at, self.watch = mode, fail_at, watch
        self.calls = 0
        self.dead = False
        self.names: list[str] = []

    def install(self, patch: pytest.MonkeyPatch) -> None:
        for name in CHANGING_CALLS:
            patch.setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.dead:
                raise KilledError
            self.calls += 1
            self.names.append(name)
            if self.calls == self.fail_at and self.mode != "after":
                self._fail(name, real, args)
            if name == "write" and self.mode == "short":
                args = (args[0], bytes(args[1])[: max(1, len(args[1]) // 2)])
            result = real(*args, **kwargs)
            if self.watch and name == "fsync":
                self.watch.fsynced(args[0])
            if self.calls == self.fail_at:
                self.dead = True
                raise KilledError
            return result

        return call

    def _fail(self, name: str, real: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if self.mode == "error":
            raise OSError(5, "Input/output error")
        if self.mode == "half" and name == "write":
            real(args[0], bytes(args[1])[: len(args[1]) // 2])
        self.dead = True
        raise KilledError


class PowerCut:
    """The durable state of everything below ``root``, by inode."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bytes: dict[int, bytes] = {}
        self.entries: Entries = {}
        for path in (root, *root.rglob("*")):
            self._keep(path)

    def fsynced(self, descriptor: int) -> None:
        self._keep(Path(f"/proc/self/fd/{descriptor}").readlink())

    def _keep(self, path: Path) -> None:
        inode = path.stat().st_ino
        if path.is_dir():
            self.entries[inode] = _entries(path)
        else:
            self.bytes[inode] = path.read_bytes()

    def image(self, target: Path, kept: str) -> Path:
        """Rebuild the disk as it may be found after the cut; ``kept`` is one of ``IMAGES``."""
        now = {path.stat().st_ino: _entries(path) for path in (self.root, *self.root.rglob("*")) if path.is_dir()}
        entries = {"fsynced": self.entries, "all_entries": now, "pointer_first": self._pointer_first(now)}[kept]
        self._rebuild(target, self.root.stat().st_ino, entries)
        return target

    def _pointer_first(self, now: Entries) -> Entries:
        pointers = {inode: {name: found[name] for name in found if name == "CURRENT"} for inode, found in now.items()}
        return {inode: found | pointers.get(inode, {}) for inode, found in self.entries.items()}

    def _rebuild(self, target: Path, inode: int, entries: Entries) -> None:
        target.mkdir(parents=True)
        for name, (child, is_directory) in sorted(entries.get(inode, {}).items()):
            if is_directory:
                self._rebuild(target / name, child, entries)
            else:
                (target / name).write_bytes(self.bytes.get(child, b""))


def _entries(path: Path) -> dict[str, tuple[int, bool]]:
    with os.scandir(path) as found:
        return {entry.name: (entry.inode(), stat.S_ISDIR(entry.stat().st_mode)) for entry in found}
