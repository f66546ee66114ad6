"""Which bundle is champion on which day, and who may change that.

Belongs here: the rules of registering, promoting, rolling back and retiring. Does not belong here: the bundles' content
(``bundle``), the file (``inventory``), what a home has published (``challengers``).

Every change is decided ``on`` a business day and holds for the nights after it, so that a night run again is scored by
the champion it had.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Literal

from tierline.errors import BlockedError, ConfigurationError, IntegrityError, TierlineError
from tierline.models.bundle import SUMS, ModelBundle, load_bundle, save_bundle
from tierline.models.inventory import (
    ONE_NIGHT,
    SCHEDULE,
    UNKNOWN,
    Inventory,
    RegistryEntry,
    RegistryEvent,
    change_inventory,
    read_inventory,
)

Decide = Callable[[Inventory], RegistryEvent]


class Registry:
    """The register in ``models/model_inventory.json``; every change replaces the file whole."""

    def __init__(self, models: Path) -> None:
        self._models = models

    def entries(self) -> list[RegistryEntry]:
        """All entries in the order they were added."""
        return list(read_inventory(self._models).entries)

    def log(self) -> list[RegistryEvent]:
        """Everything that was decided, oldest first."""
        return list(read_inventory(self._models).log)

    def champion(self, as_of: date) -> RegistryEntry | None:
        """The champion that scores the night of ``as_of``; None if no bundle was champion by then.

        Of two from the same day the one decided on later has taken over.
        """
        return read_inventory(self._models).champion(as_of)

    def previous_champion(self) -> RegistryEntry | None:
        """The champion a rollback returns to; None where there is none."""
        inventory = read_inventory(self._models)
        standing = inventory.standing()
        return inventory.entry(standing[-2]) if len(standing) > 1 else None

    def challengers(self, as_of: date) -> list[RegistryEntry]:
        """Bundles trained by the night of ``as_of`` that are neither its champion nor retired, sorted by id."""
        inventory = read_inventory(self._models)
        champion = inventory.champion(as_of)
        return sorted(
            (
                entry
                for entry in inventory.entries
                if entry != champion and entry.trained_as_of <= as_of and not _is_retired(inventory, entry, as_of)
            ),
            key=lambda entry: entry.model_id,
        )

    def load_champion(self, as_of: date) -> ModelBundle:
        """Load the champion of a night; an error says what to do if there is none."""
        entry = self.champion(as_of)
        if entry is None:
            raise TierlineError(f"models: no champion for {as_of}: run the training job, or the first night")
        return self.load(entry.model_id, as_of)

    def load(self, model_id: str, as_of: date) -> ModelBundle:
        """Load a bundle to score the night of ``as_of``, after checking that it is the one that was registered.

        Raises ``BlockedError`` if it was retired before that night, ``IntegrityError`` if a file is not what was
        registered.
        """
        inventory = read_inventory(self._models)
        entry = _known(inventory, model_id)
        if _is_retired(inventory, entry, as_of):
            raise BlockedError(f"{model_id}: retired on {inventory.retired_on(model_id)}: it scores no later night")
        return self._verified(entry)

    def add(
        self, bundle: ModelBundle, role: Literal["champion", "challenger"], author: str, why: str = ""
    ) -> RegistryEntry:
        """Save a bundle and register it, trained by ``author``; a champion reigns from its own training day on.

        The same bundle again changes nothing, unless someone else trained it too or a challenger becomes champion.
        Raises ``BlockedError`` if it is retired.
        """
        name = _name(author, "author")
        save_bundle(self._models, bundle)
        fresh = self._entry(bundle, name)
        first_night = fresh.trained_as_of if role == "champion" else None
        event = RegistryEvent(
            event="registered",
            model_id=fresh.model_id,
            on=fresh.trained_as_of,
            who=fresh.trained_by,
            why=why,
            champion_from=first_night,
        )

        def change(inventory: Inventory) -> Inventory:
            if inventory.retired_on(fresh.model_id) is not None:
                raise BlockedError(f"{fresh.model_id}: this very model is retired: train with other parameters")
            known = inventory.entry(fresh.model_id)
            if known is None:
                return inventory.with_event(event, fresh)
            reigning = inventory.champion(fresh.trained_as_of)
            crowned = first_night is not None and (reigning is None or reigning.model_id != fresh.model_id)
            return inventory.with_event(event) if crowned or _new_author(inventory, event) else inventory

        return _known(change_inventory(self._models, change), fresh.model_id)

    def promote(self, model_id: str, approver: str, why: str, on: date) -> RegistryEvent:
        """Make a challenger the champion of the nights after ``on``.

        Raises ``BlockedError`` unless ``approver`` is someone other than every author of the model, and for a model
        that is retired, reigns already, was trained later than ``on``, or would change nights a later champion has;
        ``ConfigurationError`` for an unknown model or an empty name or reason; ``IntegrityError`` for a damaged bundle.
        """

        return self._decide(lambda inventory: self._promotion(inventory, model_id, (approver, why, on)))

    def require_promotable(self, model_id: str, approver: str, why: str, on: date) -> None:
        """Raise what ``promote`` would raise now; changes nothing."""
        self._promotion(read_inventory(self._models), model_id, (approver, why, on))

    def rollback(self, approver: str, why: str, on: date) -> RegistryEvent:
        """Return to the champion before the reigning one, for the nights after ``on``; the log keeps both.

        Errors as ``promote``; also ``BlockedError`` where there is none to return to.
        """

        def decide(inventory: Inventory) -> RegistryEvent:
            standing = inventory.standing()
            if len(standing) < 2:
                raise BlockedError("rollback: there is no champion before the reigning one: promote a challenger")
            return self._reign(inventory, _known(inventory, standing[-2]), "rolled_back", (approver, why, on))

        return self._decide(decide)

    def retire(self, model_id: str, who: str, why: str, on: date) -> RegistryEvent:
        """Refuse a model to every night after ``on`` and to promotion, for good.

        Raises ``BlockedError`` for the champion of any night after ``on`` and for a model that is retired.
        """
        given = {"who": _name(who, "who"), "why": _name(why, "why"), "on": on}

        def decide(inventory: Inventory) -> RegistryEvent:
            entry = _known(inventory, model_id)
            _require_not_retired(inventory, model_id)
            if model_id in inventory.champions_after(on):
                raise BlockedError(f"{model_id}: champion of nights after {on}: promote another or roll back first")
            _require_trained_by(entry, on)
            return RegistryEvent(event="retired", model_id=model_id, **given)

        return self._decide(decide)

    def _decide(self, decide: Decide) -> RegistryEvent:
        return change_inventory(self._models, lambda before: before.with_event(decide(before))).log[-1]

    def _promotion(self, inventory: Inventory, model_id: str, given: tuple[str, str, date]) -> RegistryEvent:
        entry = _known(inventory, model_id)
        if entry.role == "champion":
            raise BlockedError(f"{model_id}: it is the champion already")
        return self._reign(inventory, entry, "promoted", given)

    def _reign(
        self,
        inventory: Inventory,
        entry: RegistryEntry,
        event: Literal["promoted", "rolled_back"],
        given: tuple[str, str, date],
    ) -> RegistryEvent:
        """The event that makes ``entry`` champion, if everything that guards the choice of champion agrees."""
        approver, why, on = _name(given[0], "approver"), _name(given[1], "why"), given[2]
        _require_not_retired(inventory, entry.model_id)
        _require_other_person(inventory, entry.model_id, approver)
        _require_trained_by(entry, on)
        first_night = on + ONE_NIGHT
        latest = max((reign.champion_from or date.min for reign in inventory.reigns()), default=date.min)
        if first_night < latest:
            raise BlockedError(
                f"{entry.model_id}: another champion reigns from {latest}: give a day not before {latest - ONE_NIGHT}"
            )
        self._verified(entry)
        return RegistryEvent(
            event=event, model_id=entry.model_id, on=on, who=approver, why=why, champion_from=first_night
        )

    def _entry(self, bundle: ModelBundle, author: str) -> RegistryEntry:
        return RegistryEntry(
            model_id=bundle.model_id,
            role="challenger",  # until the log says otherwise
            trained_as_of=bundle.trained_on,
            trained_by=author,
            bundle_sha256=self._sums_hash(bundle.model_id),
            feature_set=bundle.card.feature_set,
            label_hash=bundle.card.label_hash,
        )

    def _verified(self, entry: RegistryEntry) -> ModelBundle:
        """The bundle, if its files are those of its list of hashes, and the list that of the register."""
        bundle = load_bundle(self._models / entry.model_id)
        if entry.bundle_sha256 not in (None, self._sums_hash(entry.model_id)):
            raise IntegrityError(f"{entry.model_id}: not the bundle that was registered: restore its directory")
        return bundle

    def _sums_hash(self, model_id: str) -> str:
        return hashlib.sha256((self._models / model_id / SUMS).read_bytes()).hexdigest()


def same_person(one: str, other: str) -> bool:
    """Whether two names are the same but for case, spaces and the width of letters."""
    return _plain(one) == _plain(other)


def require_author(name: str) -> None:
    """Refuse an author's name that is empty or stands for the schedule; ``unknown`` is allowed, but never promoted."""
    if same_person(_name(name, "author"), SCHEDULE):
        raise ConfigurationError(f"author {name}: this name stands for the nightly schedule: give a person's")


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _name(given: str, what: str) -> str:
    """A name or reason with its spaces in order; an empty one is refused."""
    name = " ".join(given.split())
    if not _plain(name):
        raise ConfigurationError(f"{what}: must not be empty: it goes into the log")
    return name


def _known(inventory: Inventory, model_id: str) -> RegistryEntry:
    entry = inventory.entry(model_id)
    if entry is None:
        raise ConfigurationError(f"{model_id}: no such model: `tierline models` lists them")
    return entry


def _is_retired(inventory: Inventory, entry: RegistryEntry, as_of: date) -> bool:
    retired = inventory.retired_on(entry.model_id)
    return retired is not None and retired < as_of


def _new_author(inventory: Inventory, event: RegistryEvent) -> bool:
    return not any(same_person(event.who, author) for author in (*inventory.authors(event.model_id), UNKNOWN))


def _require_not_retired(inventory: Inventory, model_id: str) -> None:
    retired = inventory.retired_on(model_id)
    if retired is not None:
        raise BlockedError(f"{model_id}: retired on {retired}: train or choose another model")


def _require_other_person(inventory: Inventory, model_id: str, approver: str) -> None:
    authors = inventory.authors(model_id)
    if authors <= {UNKNOWN}:
        raise BlockedError(f"{model_id}: its author is not on record: train it again with --author NAME")
    if any(same_person(approver, author) for author in (*authors, SCHEDULE, UNKNOWN)):
        raise BlockedError(f"{model_id}: {approver} cannot approve it: the approver must be a person, not its author")


def _require_trained_by(entry: RegistryEntry, on: date) -> None:
    if on < entry.trained_as_of:
        raise BlockedError(f"{entry.model_id}: trained as of {entry.trained_as_of}, after {on}: give a later day")
