"""Reading a profile and picking what is in force on a date.

Belongs here: the form of a profile file and its resolution. Does not belong here: the meaning of a number.
"""

from __future__ import annotations

import hashlib
from datetime import date
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from tierline.config import one_line
from tierline.errors import ConfigurationError
from tierline.policy.model import Policy

SECTIONS = ("scale", "pricing", "limits", "funding")


class Entry(BaseModel):
    """One value of a number with where it comes from and when it holds (both dates included)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Any
    source: Annotated[str, Field(min_length=1)]
    effective_from: date
    effective_to: date | None = None
    status: Literal["in_force", "draft", "superseded"]
    confidence: Literal["text_seen", "secondary", "unverified", "own_choice"]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError("effective_to is before effective_from")
        if self.status == "superseded" and self.effective_to is None:
            raise ValueError("a superseded entry needs effective_to")
        return self

    def holds(self, day: date) -> bool:
        """True if the entry is in force on ``day``; a draft never is."""
        ends = self.effective_to or date.max
        return self.status != "draft" and self.effective_from <= day <= ends

    def meets(self, other: Entry) -> date | None:
        """The first day on which both are in force; None if there is none."""
        day = max(self.effective_from, other.effective_from)
        return day if self.holds(day) and other.holds(day) else None


class Profile(BaseModel):
    """A profile file: sections of numbers, each a list of dated entries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    description: str
    scale: dict[str, list[Entry]]
    pricing: dict[str, list[Entry]]
    limits: dict[str, list[Entry]]
    funding: dict[str, list[Entry]]

    @property
    def policy_id(self) -> str:
        """Name and the first digits of the hash of everything the profile says, whatever its form as a file."""
        return f"{self.name}-{hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]}"


def load_policy(name_or_path: str, as_of: date) -> Policy:
    """The policy in force on ``as_of`` from a packaged profile name or a YAML file.

    Raises ``ConfigurationError`` naming path and reason for an unknown profile or key, a number that is missing on the
    date, in force twice or out of range on any date, or at odds with another on the date.
    """
    text, origin = _read(name_or_path)
    try:
        profile = Profile.model_validate(yaml.load(text, Loader=_UniqueKeys))
        picked = {section: _pick(getattr(profile, section), section, as_of) for section in SECTIONS}
        policy = Policy.model_validate(
            {
                "name": profile.name,
                "policy_id": profile.policy_id,
                "as_of": as_of,
                "sources": {f"{s}.{key}": entry.source for s, found in picked.items() for key, entry in found.items()},
                **{section: {key: entry.value for key, entry in found.items()} for section, found in picked.items()},
            }
        )
        _check_other_dates(profile)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{origin}: not valid YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{origin}: {one_line(error)}") from error
    except (_NotInForceError, _OtherDateError) as error:
        raise ConfigurationError(f"{origin}: {error}") from error
    return policy


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a mapping that names a key twice, where YAML readers keep the last and say nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value} stands twice", key.start_mark)
        return super().construct_mapping(node, deep)


class _NotInForceError(ValueError):
    """A number without exactly one value on the date."""


def _pick(section: dict[str, list[Entry]], name: str, day: date) -> dict[str, Entry]:
    picked = {}
    for key, entries in section.items():
        holding = [entry for entry in entries if entry.holds(day)]
        if len(holding) != 1:
            found = "no value" if not holding else f"{len(holding)} values"
            raise _NotInForceError(f"{name}.{key}: {found} in force on {day}: give exactly one (drafts do not count)")
        picked[key] = holding[0]
    return picked


class _OtherDateError(ValueError):
    """An entry that could not be used on the day it is in force."""


def _check_other_dates(profile: Profile) -> None:
    """Refuse today what would stop the night of another date: entries that overlap, values of a wrong type or range.

    Drafts are checked too. Whether numbers agree with each other is checked on the date asked for only.
    """
    for section in SECTIONS:
        model = Policy.model_fields[section].annotation
        for key, entries in getattr(profile, section).items():
            _check_overlap(f"{section}.{key}", entries)
            field = getattr(model, "model_fields", {}).get(key)
            if field is not None:  # an unknown key is refused with the section
                _check_values(f"{section}.{key}", entries, field.rebuild_annotation())


def _check_overlap(path: str, entries: list[Entry]) -> None:
    for one, other in combinations(entries, 2):
        day = one.meets(other)
        if day is not None:
            raise _OtherDateError(f"{path}: 2 values in force on {day}: give exactly one (drafts do not count)")


def _check_values(path: str, entries: list[Entry], kind: Any) -> None:
    adapter = TypeAdapter(kind, config=ConfigDict(strict=True, allow_inf_nan=False))
    for index, entry in enumerate(entries):
        try:
            adapter.validate_python(entry.value)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise _OtherDateError(f"{path}.{index} (from {entry.effective_from}): {reason}") from error


def _read(name_or_path: str) -> tuple[str, str]:
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise ConfigurationError(f"{path}: no such policy file")
        return _utf8(path), str(path)
    packaged = files("tierline.policy").joinpath("profiles", f"{name_or_path}.yaml")
    if not packaged.is_file():
        raise ConfigurationError(f"policy {name_or_path}: not a packaged profile: name one, or give a .yaml file")
    return packaged.read_text(encoding="utf-8"), name_or_path


def _utf8(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 text: save it as UTF-8") from error
