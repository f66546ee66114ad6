"""Which bundle is champion on which day.

Belongs here: the register of bundles and their roles. Does not belong here: the bundles' content.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tierline.config import one_line
from tierline.errors import ConfigurationError, TierlineError
from tierline.home import replace_file
from tierline.models.bundle import ModelBundle, load_bundle, save_bundle

INVENTORY = "model_inventory.json"


class RegistryEntry(BaseModel):
    """One bundle in the register. A champion scores nights from ``champion_from`` until a later one takes over."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_id: str
    role: Literal["champion", "challenger"]
    trained_as_of: date
    champion_from: date | None = None


class _Inventory(BaseModel):
    model_config = ConfigDict(extra="forbid")

    entries: list[RegistryEntry] = []


class Registry:
    """The register in ``models/model_inventory.json``; every change replaces the file whole."""

    def __init__(self, models: Path) -> None:
        self._models = models

    def entries(self) -> list[RegistryEntry]:
        """All entries in the order they were added."""
        path = self._models / INVENTORY
        if not path.exists():
            return []
        try:
            return _Inventory.model_validate_json(path.read_bytes()).entries
        except ValidationError as error:
            raise ConfigurationError(f"{path}: {one_line(error)}") from error

    def champion(self, as_of: date) -> RegistryEntry | None:
        """The champion that scores the night of ``as_of``; None if no bundle was champion by then.

        Of two from the same day the one added later has taken over.
        """
        eligible = [e for e in self.entries() if e.champion_from is not None and e.champion_from <= as_of]
        return max(reversed(eligible), key=lambda entry: entry.champion_from or date.min, default=None)

    def load_champion(self, as_of: date) -> ModelBundle:
        """Load the champion of a night; an error says what to do if there is none."""
        entry = self.champion(as_of)
        if entry is None:
            raise TierlineError(f"models: no champion for {as_of}: run the training job, or the first night")
        return load_bundle(self._models / entry.model_id)

    def add(self, bundle: ModelBundle, role: Literal["champion", "challenger"]) -> RegistryEntry:
        """Save a bundle and register it; registering the same bundle again changes nothing but a challenger's role."""
        save_bundle(self._models, bundle)
        trained = bundle.card.trained_as_of
        entry = RegistryEntry(
            model_id=bundle.model_id,
            role=role,
            trained_as_of=trained,
            champion_from=trained if role == "champion" else None,
        )
        kept = self.entries()
        if any(e.model_id == entry.model_id and e.role in ("champion", role) for e in kept):
            return next(e for e in kept if e.model_id == entry.model_id)
        kept = [e for e in kept if e.model_id != entry.model_id]
        content = _Inventory(entries=[*kept, entry]).model_dump_json(indent=2)
        replace_file(self._models / INVENTORY, content.encode())
        return entry
