"""The register as a file: ``models/model_inventory.json`` holds the bundles and the log of what was decided of them.

Belongs here: the file's content, what follows from the log, and changing it atomically. Does not belong here: who may
change it (``registry``).

Bundles and log stand in one file, because one replaced file is always consistent: with two, a crash between the writes
would leave a champion nobody decided on, or a decision without effect. Roles are written for those who read the file,
but follow from the log; a file where they do not is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tierline.config import one_line
from tierline.errors import ConfigurationError, IntegrityError
from tierline.home import fsync_directory, make_directory, replace_file
from tierline.locks import locked

INVENTORY = "model_inventory.json"
UNKNOWN = "unknown"  # author of a bundle trained without a name
SCHEDULE = "schedule"  # author of a champion trained by a night
ONE_NIGHT = timedelta(days=1)
LOCK_WAIT_SECONDS = 60.0
_HOLDER = "another change of the register of models is under way"
Role = Literal["champion", "challenger", "retired"]


class RegistryEntry(BaseModel):
    """One bundle in the register, with the hashes that say what it is.

    ``role`` is what the whole log leaves it as: the champion is the one of the newest nights, a former champion is a
    challenger again. ``champion_from`` is the first night of its last reign. Registers of before the log have no
    ``trained_by`` (read as ``schedule`` for champions, else ``unknown``) and no hashes (read as None: not compared).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_id: str
    role: Role
    trained_as_of: date
    trained_by: str = UNKNOWN
    champion_from: date | None = None
    bundle_sha256: str | None = None
    feature_set: str | None = None
    label_hash: str | None = None


class RegistryEvent(BaseModel):
    """One line of the log: what was done to which bundle, on which business day, by whom and why.

    ``champion_from``: the first night the bundle scores as champion by this event; None if it changes no champion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: Literal["registered", "promoted", "rolled_back", "retired"]
    model_id: str
    on: date
    who: str
    why: str
    champion_from: date | None = None


class Inventory(BaseModel):
    """Bundles in the order they were added, and the log, which only grows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entries: tuple[RegistryEntry, ...] = ()
    log: tuple[RegistryEvent, ...] = ()

    def entry(self, model_id: str) -> RegistryEntry | None:
        """The entry of a bundle; None if it is not registered."""
        return next((entry for entry in self.entries if entry.model_id == model_id), None)

    def reigns(self) -> list[RegistryEvent]:
        """Events that made a champion, in the order of their first night; of one night, the later logged last."""
        return sorted((e for e in self.log if e.champion_from), key=lambda event: event.champion_from or date.min)

    def champion(self, as_of: date) -> RegistryEntry | None:
        """The champion that scores the night of ``as_of``; None if no bundle was champion by then."""
        begun = [event for event in self.reigns() if event.champion_from and event.champion_from <= as_of]
        return self.entry(begun[-1].model_id) if begun else None

    def champions_after(self, on: date) -> set[str]:
        """Every bundle that is champion of some night after ``on``."""
        tomorrow = on + ONE_NIGHT
        nights = {tomorrow, *(event.champion_from for event in self.reigns() if event.champion_from)}
        found = [self.champion(night) for night in nights if night >= tomorrow]
        return {entry.model_id for entry in found if entry}

    def standing(self) -> list[str]:
        """Champions a rollback can return to, the reigning one last: a rollback takes back what came after."""
        stack: list[str] = []
        for event in self.reigns():
            if event.event == "rolled_back" and event.model_id in stack:
                while stack[-1] != event.model_id:
                    stack.pop()
            elif stack[-1:] != [event.model_id]:
                stack.append(event.model_id)
        return stack

    def authors(self, model_id: str) -> set[str]:
        """Everyone who registered the bundle: the same training by two people gives the same bundle."""
        return {event.who for event in self.log if event.event == "registered" and event.model_id == model_id}

    def retired_on(self, model_id: str) -> date | None:
        """The day after whose night the bundle may no longer score; None if it may."""
        days = [event.on for event in self.log if event.event == "retired" and event.model_id == model_id]
        return min(days, default=None)

    def with_event(self, event: RegistryEvent, entry: RegistryEntry | None = None) -> Inventory:
        """The inventory after an event, which may add a bundle; roles are those that follow."""
        entries = self.entries if entry is None else (*self.entries, entry)
        return Inventory(entries=entries, log=(*self.log, event)).derived()

    def derived(self) -> Inventory:
        """The same with role and ``champion_from`` of every entry as the log says."""
        reigns = self.reigns()
        last = {event.model_id: event.champion_from for event in reigns}
        reigning = reigns[-1].model_id if reigns else None
        entries = []
        for entry in self.entries:
            role: Role = "champion" if entry.model_id == reigning else "challenger"
            if self.retired_on(entry.model_id) is not None:
                role = "retired"
            entries.append(entry.model_copy(update={"role": role, "champion_from": last.get(entry.model_id)}))
        return Inventory(entries=tuple(entries), log=self.log)


class _BeforeTheLog(BaseModel):
    """The register as it was before it had a log."""

    model_config = ConfigDict(extra="forbid")

    entries: list[RegistryEntry]

    def upgraded(self) -> Inventory:
        entries = [e.model_copy(update={"trained_by": SCHEDULE}) if e.champion_from else e for e in self.entries]
        log = [
            RegistryEvent(
                event="registered",
                model_id=entry.model_id,
                on=entry.champion_from or entry.trained_as_of,
                who=entry.trained_by,
                why="taken over from a register without a log",
                champion_from=entry.champion_from,
            )
            for entry in entries
        ]
        return Inventory(entries=tuple(entries), log=tuple(log)).derived()


def read_inventory(models: Path) -> Inventory:
    """Read the register; an absent one is empty.

    Raises ``ConfigurationError`` for content that is not a register, ``IntegrityError`` for entries that do not follow
    from the log.
    """
    path = models / INVENTORY
    if not path.exists():
        return Inventory()
    content = path.read_bytes()
    try:
        inventory = Inventory.model_validate_json(content)
        if inventory.entries and not inventory.log and not any(entry.bundle_sha256 for entry in inventory.entries):
            return _BeforeTheLog.model_validate_json(content).upgraded()
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {one_line(error)}") from error
    known = {entry.model_id for entry in inventory.entries}
    if inventory.derived() != inventory or len(known) != len(inventory.entries) or known != _named(inventory):
        raise IntegrityError(f"{path}: its entries do not follow from its log: restore the file, it is never edited")
    return inventory


def change_inventory(models: Path, change: Callable[[Inventory], Inventory]) -> Inventory:
    """Replace the register by ``change`` of it, one process at a time; durable when it returns.

    ``change`` may refuse by raising; the register then stays as it was.
    """
    make_directory(models)
    with locked(models, LOCK_WAIT_SECONDS, _HOLDER):
        before = read_inventory(models)
        after = change(before)
        if after != before:
            replace_file(models / INVENTORY, after.model_dump_json(indent=2).encode())
            fsync_directory(models)
    return after


def _named(inventory: Inventory) -> set[str]:
    return {event.model_id for event in inventory.log}
