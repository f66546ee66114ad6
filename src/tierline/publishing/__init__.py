"""Atomic publication of a night: snapshots, manifest, pointer, reader.

Belongs here: putting finished tables where downstream reads them, all at once or not at all, and reading them back.
Does not belong here: computing or judging a table (the decisions, ``audit``).
"""

from tierline.publishing.manifest import Manifest, SnapshotFacts, TableEntry
from tierline.publishing.publisher import PublishResult, publish
from tierline.publishing.reader import Snapshot, open_snapshot, previous_snapshot
from tierline.publishing.retention import prune

__all__ = [
    "Manifest",
    "PublishResult",
    "Snapshot",
    "SnapshotFacts",
    "TableEntry",
    "open_snapshot",
    "previous_snapshot",
    "prune",
    "publish",
]
