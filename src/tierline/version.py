"""Which code this is.

Belongs here: the code version that manifests and bundles carry. Does not belong here: versions of data or policy.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path


@cache
def code_version() -> str:
    """Package version and the first 12 digits of a SHA-256 over every source file of the domain library."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix in {".py", ".yaml"}:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{version('tierline')}+{digest.hexdigest()[:12]}"
