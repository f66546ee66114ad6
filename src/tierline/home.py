"""Where things stand below the data directory.

Belongs here: directory names and file modes. Does not belong here: what is inside a file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

FILE_MODE = 0o640
DIRECTORY_MODE = 0o750


@dataclass(frozen=True)
class Home:
    """The data directory of one source: landing zone, lake, models and published snapshots.

    ``root`` is absolute. One source has one home: two lenders never share a lake or a release.
    """

    root: Path

    @property
    def landing(self) -> Path:
        """Input, as delivered: ``<table>/date=YYYY-MM-DD/*``."""
        return self.root / "landing"

    @property
    def lake(self) -> Path:
        """Typed and pseudonymised tables."""
        return self.root / "lake"

    @property
    def models(self) -> Path:
        """Model bundles and the registry."""
        return self.root / "models"

    @property
    def cards(self) -> Path:
        """Model cards, ``<model_id>.html`` and ``.md``; derived from the bundles, may be written anew at any time."""
        return self.models / "cards"

    @property
    def published(self) -> Path:
        """Snapshots and the pointer ``CURRENT``."""
        return self.root / "published"

    @property
    def dagster(self) -> Path:
        """The local Dagster instance."""
        return self.root / "dagster"

    @property
    def state(self) -> Path:
        """What the features of one night carry on to the next; derived, may be removed at any time."""
        return self.root / "state"

    def work(self, as_of: date) -> Path:
        """Unpublished tables of one night; downstream never reads here."""
        return self.root / "work" / f"as_of={as_of.isoformat()}"


def make_directory(path: Path) -> Path:
    """Create ``path`` and its parents with the project's mode; return it."""
    path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    return path


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that a reader sees the old file or the new one, never a part."""
    make_directory(path.parent)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as handle:
        os.fchmod(handle.fileno(), FILE_MODE)
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    partial.replace(path)


def fsync_directory(path: Path) -> None:
    """Make the entries of a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
