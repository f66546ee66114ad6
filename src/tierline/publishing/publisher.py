"""Publishing a night: all tables at once or not at all.

Belongs here: the order of the steps. Does not belong here: the single durable write (``disk``), what a table must be
(``admission``).

Stage directory -> write and fsync each file -> manifest -> fsync directories -> rename to the content name -> fsync
parent -> new ``CURRENT`` beside, fsync, replace, fsync parent. A crash at any point leaves the old release live or the
new one, whole; what it leaves lying about is removed by the next publication.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tierline.errors import BlockedError, TierlineError
from tierline.home import Home, fsync_directory, make_directory
from tierline.locks import locked
from tierline.publishing import disk
from tierline.publishing.admission import TableFigures, admit
from tierline.publishing.manifest import MANIFEST_FILE, PART_FILE, Manifest, SnapshotFacts, TableEntry
from tierline.publishing.pointer import CURRENT, current_name, read_manifest, releases

LOCK_WAIT_SECONDS = 60.0
HOLDER = "another run is publishing"
STAGE = ".stage"
_NEXT_POINTER = ".CURRENT.next"

logger = logging.getLogger("tierline")


@dataclass(frozen=True)
class PublishResult:
    """What was published: name and directory of the snapshot, and whether ``CURRENT`` names it now."""

    name: str
    path: Path
    became_current: bool


def publish(
    home: Home, tables: Mapping[str, Path], facts: SnapshotFacts, *, lock_wait: float = LOCK_WAIT_SECONDS
) -> PublishResult:
    """Publish one night from staged Parquet files, one per published contract table.

    The same content gives the same name; publishing it again verifies (and if need be mends) what is there.
    ``CURRENT`` never moves to an older night: that night is stored only. ``lock_wait`` is in seconds.

    Raises ``BlockedError`` for a table that is missing or breaks its contract, for a previous release that is not the
    one live before the night, and while another run is publishing; ``IntegrityError`` for a damaged pointer chain;
    ``TierlineError`` if the disk refuses. In each case readers see the old release or the new one, whole.
    """
    figures = admit(tables, facts.as_of)
    published = home.published
    try:
        if not published.exists():
            make_directory(published)
            fsync_directory(published.parent)
        with locked(published, lock_wait, HOLDER):
            return _publish_locked(published, tables, facts, figures)
    except OSError as error:
        raise TierlineError(
            f"{published}: could not publish {facts.as_of}: {error}: "
            "the live release is whole; mend the disk and run the night again"
        ) from error


def _publish_locked(
    published: Path, tables: Mapping[str, Path], facts: SnapshotFacts, figures: Mapping[str, TableFigures]
) -> PublishResult:
    _refuse_strangers(published, facts)
    stage = published / STAGE
    disk.remove(stage)
    manifest = _stage(stage, tables, facts, figures)
    target = published / manifest.name
    if target.is_dir():
        _settle_existing(stage, target, manifest)
    else:
        os.rename(stage, target)  # noqa: PTH104 - intercepted by the fault tests
    fsync_directory(published)
    return PublishResult(manifest.name, target, _point(published, manifest))


def _refuse_strangers(published: Path, facts: SnapshotFacts) -> None:
    """Block a night that builds on another release than the one live before it, or comes from another source."""
    expected: str | None = None
    for name, manifest in releases(published):
        if manifest.source != facts.source:
            raise BlockedError(
                f"{published}: holds releases of source {manifest.source}, not {facts.source}: "
                "give each source its own data directory"
            )
        if manifest.as_of < facts.as_of:
            expected = name
            break
    if facts.previous_snapshot != expected:
        raise BlockedError(
            f"{published}: the release live before {facts.as_of} is {expected}, but the night was computed from "
            f"{facts.previous_snapshot}: run the night again"
        )


def _stage(
    stage: Path, tables: Mapping[str, Path], facts: SnapshotFacts, figures: Mapping[str, TableFigures]
) -> Manifest:
    disk.create_directory(stage)
    entries = {}
    for name in sorted(figures):
        disk.create_directory(stage / name)
        digest, size = disk.copy_durable(tables[name], stage / name / PART_FILE)
        fsync_directory(stage / name)
        if digest != figures[name].sha256:
            raise BlockedError(f"{tables[name]}: changed while it was being published: run the night again")
        entries[name] = figures[name].entry(f"{name}/{PART_FILE}", size)
    manifest = Manifest(**dict(facts), tables=entries)
    disk.write_durable(stage / MANIFEST_FILE, manifest.to_bytes())
    fsync_directory(stage)
    return manifest


def _settle_existing(stage: Path, target: Path, manifest: Manifest) -> None:
    """The snapshot is there already: put right whatever differs from what its name promises, drop the stage.

    Each bad file is replaced by the good one of the same content hash, so a reader never meets a missing directory or
    two different versions of a night.
    """
    wanted: dict[str, TableEntry] = {entry.file: entry for entry in manifest.tables.values()}
    mended = []
    for file, content in [(MANIFEST_FILE, None), *sorted(wanted.items())]:
        if _is_whole(target / file, manifest, content):
            continue
        if not (target / file).parent.is_dir():
            disk.create_directory((target / file).parent)
        os.replace(stage / file, target / file)  # noqa: PTH105 - intercepted by the fault tests
        fsync_directory((target / file).parent)
        mended.append(file)
    for stranger in _strangers(target, {MANIFEST_FILE, *wanted}):
        disk.remove(stranger)
        mended.append(stranger.name)
    fsync_directory(target)
    disk.remove(stage)
    if mended:
        logger.warning("%s was damaged; mended %s", target.name, ", ".join(mended))


def _is_whole(path: Path, manifest: Manifest, entry: TableEntry | None) -> bool:
    if not path.is_file():
        return False
    if entry is None:
        return path.read_bytes() == manifest.to_bytes()
    return disk.sha256_file(path) == entry.sha256


def _strangers(target: Path, wanted: set[str]) -> list[Path]:
    """Files in a snapshot that its manifest does not name; a reader's ``part-*.parquet`` would pick them up."""
    files = (path for path in target.rglob("*") if not path.is_dir())
    return sorted(path for path in files if path.relative_to(target).as_posix() not in wanted)


def _point(published: Path, manifest: Manifest) -> bool:
    """Make the snapshot live unless a later night is; return whether it is live."""
    live = current_name(published)
    if live == manifest.name:
        return True
    if live is not None and read_manifest(published, live).as_of > manifest.as_of:
        logger.info("%s is stored; CURRENT stays at the later night %s", manifest.name, live)
        return False
    beside = published / _NEXT_POINTER
    disk.write_durable(beside, f"{manifest.name}\n".encode())
    os.replace(beside, published / CURRENT)  # noqa: PTH105 - intercepted by the fault tests
    fsync_directory(published)
    logger.info("published %s", manifest.name)
    return True
