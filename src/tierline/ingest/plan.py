"""Which loads must be made: landing days that are not in the lake, and loads whose files have changed.

Belongs here: comparing the landing zone with the load manifests. Does not belong here: making a load
(``ingest.load``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from tierline.ingest.landing import DayFile, days_between
from tierline.lake import LoadManifest, landing_day


@dataclass(frozen=True)
class PlannedLoad:
    """Landing days ``first_day`` … ``last_day`` to be ingested as one load, and why."""

    first_day: date
    last_day: date
    reason: str

    @property
    def name(self) -> str:
        """As ``LoadManifest.name``."""
        return f"{self.first_day.isoformat()}_{self.last_day.isoformat()}"

    def holds(self, day: date) -> bool:
        """True if ``day`` is one of the load's."""
        return self.first_day <= day <= self.last_day


def plan_loads(manifests: list[LoadManifest], files: list[DayFile], first_day: date, as_of: date) -> list[PlannedLoad]:
    """Loads to make, oldest first.

    Days not in the lake, from the first feed day or the oldest file up to ``as_of``: each unbroken stretch is one load.
    Loads of changed files are made again; so are later loads with quarantined rows, since what they lacked may have
    come. ``files`` are those up to ``as_of``; what a load holds beyond is not compared.
    """
    planned: list[PlannedLoad] = []
    for manifest in manifests:
        reason = _changes(manifest, files, as_of)
        if not reason and planned and any(total.rows_quarantined for total in manifest.totals.values()):
            reason = f"it has quarantined rows and load {planned[0].name} changed"
        if reason:
            planned.append(PlannedLoad(manifest.first_day, manifest.last_day, reason))
    start = min([first_day, *(file.day for file in files)])
    held = {day for item in manifests for day in days_between(item.first_day, item.last_day)}
    fresh = [day for day in days_between(start, as_of) if day not in held]
    return sorted(planned + _stretches(fresh), key=lambda load: load.first_day)


def _changes(manifest: LoadManifest, files: list[DayFile], as_of: date) -> str:
    then = {file.path: file.sha256 for file in manifest.files if landing_day(file) <= as_of}
    now = {file.name: file.sha256 for file in files if manifest.first_day <= file.day <= manifest.last_day}
    differing = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    if not differing:
        return ""
    first = differing[0]
    what = "is new" if first not in then else "is gone" if first not in now else "has changed"
    more = f" (and {len(differing) - 1} more files)" if len(differing) > 1 else ""
    return f"{first} {what}{more}"


def _stretches(days: list[date]) -> list[PlannedLoad]:
    loads: list[PlannedLoad] = []
    for day in days:
        if loads and loads[-1].last_day + timedelta(days=1) == day:
            loads[-1] = PlannedLoad(loads[-1].first_day, day, "new")
        else:
            loads.append(PlannedLoad(day, day, "new"))
    return loads
