"""``CURRENT``: which snapshot is live, and the chain of releases behind it.

Belongs here: reading and checking the pointer and a snapshot's manifest. Does not belong here: moving the pointer
(``publisher``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from tierline.errors import IntegrityError
from tierline.publishing.manifest import MANIFEST_FILE, SNAPSHOT_NAME, Manifest, snapshot_name

CURRENT = "CURRENT"
_LONGEST_POINTER = 256  # bytes; a real one has 28
_RESTORE = "write the name of a whole snapshot into CURRENT and run the nights after it again"


def current_name(published: Path) -> str | None:
    """Name in ``CURRENT``; None where nothing was ever published.

    Raises ``IntegrityError`` if the file holds anything but the name of a snapshot directory that exists.
    """
    path = published / CURRENT
    try:
        with path.open("rb") as handle:
            content = handle.read(_LONGEST_POINTER)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IntegrityError(f"{path}: cannot be read ({error.strerror}): {_RESTORE}") from error
    name = content.decode("utf-8", errors="replace").strip()
    if not SNAPSHOT_NAME.fullmatch(name):
        raise IntegrityError(f"{path}: holds {name[:60]!r}, which is no snapshot name: {_RESTORE}")
    if not (published / name).is_dir():
        raise IntegrityError(f"{path}: names {name}, which is not there: {_RESTORE}")
    return name


def read_manifest(published: Path, name: str) -> Manifest:
    """The manifest of a snapshot, checked against the hash in the snapshot's name.

    Raises ``IntegrityError`` if it is missing, damaged, or not the one the name promises.
    """
    path = published / name / MANIFEST_FILE
    match = SNAPSHOT_NAME.fullmatch(name)
    if match is None:
        raise IntegrityError(f"{published}: {name[:60]!r} is no snapshot name")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise IntegrityError(f"{path}: cannot be read ({error.strerror}): restore it, or {_RESTORE}") from error
    if snapshot_name(date.fromisoformat(match[1]), content) != name:
        raise IntegrityError(f"{path}: content does not match the hash in {name}: restore it, or {_RESTORE}")
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        raise IntegrityError(f"{path}: not a manifest this version can read") from error


def releases(published: Path) -> Iterator[tuple[str, Manifest]]:
    """The live release and its predecessors, newest first; each was live before the one ahead of it.

    Raises ``IntegrityError`` where a release names a predecessor that is gone (pruned) or not older than itself.
    """
    name = current_name(published)
    while name is not None:
        manifest = read_manifest(published, name)
        yield name, manifest
        before = manifest.previous_snapshot
        if before is not None and not (published / before).is_dir():
            raise IntegrityError(f"{published}: {name} follows {before}, which is not there (pruned?): restore it")
        if before is not None and before >= name[:10]:  # the date leads the name
            raise IntegrityError(f"{published}: {name} names {before}, which is not older, as its predecessor")
        name = before
