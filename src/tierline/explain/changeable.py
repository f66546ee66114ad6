"""What a customer can change, read from ``changeable.yaml``.

Belongs here: the form of that list and which feature falls under what. Does not belong here: how far a change goes
(``options``) or which is chosen (``search``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tierline.config import one_line
from tierline.errors import ConfigurationError

Share = Annotated[float, Field(ge=0, le=1)]
Patterns = tuple[Annotated[str, Field(min_length=1)], ...]
UP, DOWN = 1, -1


class _Listed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Behaviour(_Listed):
    """One thing a customer can do: the features it moves, how far, and whether only with time."""

    down: Patterns = ()
    up: Patterns = ()
    best: Share
    within: Share
    with_time: bool
    en: Annotated[str, Field(min_length=1)]
    zh: Annotated[str, Field(min_length=1)]

    def direction(self, feature: str) -> int:
        """``UP``, ``DOWN``, or 0 for a feature it does not move."""
        if any(fnmatchcase(feature, pattern) for pattern in self.up):
            return UP
        return DOWN if any(fnmatchcase(feature, pattern) for pattern in self.down) else 0


class Fixed(_Listed):
    """Features that no change may touch, and why."""

    features: Patterns
    why: Annotated[str, Field(min_length=1)]


class Changeable(_Listed):
    """The whole list. A feature is moved only by the one behaviour that names it; all others are fixed."""

    behaviours: dict[str, Behaviour]
    fixed: tuple[Fixed, ...] = ()

    def why_fixed(self, feature: str) -> str | None:
        """Why a feature is fixed; None where it is not listed so."""
        return next(
            (entry.why for entry in self.fixed for pattern in entry.features if fnmatchcase(feature, pattern)), None
        )

    def directions(self, features: Iterable[str]) -> dict[str, dict[str, int]]:
        """Per behaviour, in its order, the direction of each of ``features`` that it moves.

        Raises ``ConfigurationError`` for a feature that is both fixed and changeable, or moved by two behaviours.
        """
        found: dict[str, dict[str, int]] = {name: {} for name in self.behaviours}
        for feature in features:
            moved = {name: way for name, one in self.behaviours.items() if (way := one.direction(feature))}
            listed = [*moved, *(["fixed"] if self.why_fixed(feature) is not None else [])]
            if len(listed) > 1:
                raise ConfigurationError(f"changeable.yaml: {feature} is listed under {' and '.join(listed)}: give one")
            for name, way in moved.items():
                found[name][feature] = way
        return found


def load_changeable(path: Path | None = None) -> Changeable:
    """The list in ``path`` (default: the package's). Raises ``ConfigurationError`` naming what is wrong with it."""
    name = path.name if path else "changeable.yaml"
    try:
        text = (path or resources.files("tierline.explain") / "changeable.yaml").read_text(encoding="utf-8")
        loaded: Mapping[str, object] = yaml.safe_load(text)
        return Changeable.model_validate(loaded)
    except ValidationError as error:
        raise ConfigurationError(f"{name}: {one_line(error)}") from error
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{name}: cannot be read as YAML ({type(error).__name__}): mend it") from error
