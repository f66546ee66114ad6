"""Keeping the last releases and removing older ones.

Belongs here: which snapshots may go, and removing them safely. Does not belong here: when to do it (the schedule).

Kept: the live release, its predecessors down to ``keep`` in all, and every other snapshot as young as the oldest of
them (a release replaced by a run of the same date may still be being read). Everything of an older date goes. A night
can be run again only while the release before it is kept: with ``keep=30``, the last 29 nights.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from tierline.errors import ConfigurationError, TierlineError
from tierline.home import Home, fsync_directory
from tierline.locks import locked
from tierline.publishing import disk
from tierline.publishing.manifest import SNAPSHOT_NAME
from tierline.publishing.pointer import current_name, read_manifest
from tierline.publishing.publisher import HOLDER, LOCK_WAIT_SECONDS, STAGE

logger = logging.getLogger("tierline")


def prune(home: Home, keep: int = 30, *, lock_wait: float = LOCK_WAIT_SECONDS) -> list[str]:
    """Remove snapshots older than the last ``keep`` releases; return their names, oldest first.

    Nothing goes while there are ``keep`` releases or fewer, and the live one never does. A reader that still holds a
    removed snapshot open gets ``IntegrityError`` at its next read. A crash leaves every snapshot whole or gone.
    """
    if keep < 1:
        raise ConfigurationError(f"keep: {keep}: at least 1: the live release is never removed")
    published = home.published
    if not published.is_dir():
        return []
    try:
        with locked(published, lock_wait, HOLDER):
            return _remove_older(published, _oldest_kept(home, keep))
    except OSError as error:
        raise TierlineError(
            f"{published}: could not remove old snapshots: {error}: mend the disk and try again"
        ) from error


def _remove_older(published: Path, oldest: str | None) -> list[str]:
    if oldest is None:
        return []
    names = sorted(path.name for path in published.iterdir() if SNAPSHOT_NAME.fullmatch(path.name))
    gone = [name for name in names if name[:10] < oldest[:10]]  # the date leads the name
    disk.remove(published / STAGE)
    for name in gone:
        os.rename(published / name, published / STAGE)  # noqa: PTH104 - so that a crash leaves no half snapshot
        fsync_directory(published)
        disk.remove(published / STAGE)
        logger.info("removed %s", name)
    return gone


def _oldest_kept(home: Home, keep: int) -> str | None:
    """The last of ``keep`` releases, live one first; None if there are fewer (or an earlier pruning cut the chain)."""
    name = current_name(home.published)
    for _ in range(keep - 1):
        if name is None or not (home.published / name).is_dir():
            return None
        name = read_manifest(home.published, name).previous_snapshot
    return name if name is not None and (home.published / name).is_dir() else None
