"""Which loads still need a verdict: a load is judged once, and one that failed is judged again until it passes.

Belongs here: the record of loads that passed. Does not belong here: the judging.
"""

from __future__ import annotations

import hashlib

from tierline.config import Settings
from tierline.home import Home, replace_file
from tierline.lake import LoadManifest
from tierline.validation import TableVerdict, validate_lake


def validate_pending(home: Home, settings: Settings, loads: list[LoadManifest]) -> list[TableVerdict]:
    """Judge every load without a passing verdict; returns the verdicts of those judged now.

    The record is keyed by the load's content, so that a load ingested again is judged again.
    """
    verdicts: list[TableVerdict] = []
    for load in loads:
        record = home.lake / "validated" / f"{load.name}-{_content(load)}"
        if record.exists():
            continue
        judged = validate_lake(home, settings, load)
        verdicts += judged
        if all(verdict.success for verdict in judged):
            lines = [f"{verdict.table}: {verdict.rows} rows, {verdict.expectations} expectations" for verdict in judged]
            replace_file(record, ("\n".join(lines) + "\n").encode())
    return verdicts


def _content(load: LoadManifest) -> str:
    return hashlib.sha256(load.model_dump_json().encode()).hexdigest()[:16]
