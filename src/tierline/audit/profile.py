"""The numbers of a policy profile on one date, read from the YAML itself.

Belongs here: picking the entries in force, exactly. Does not belong here: any import of ``tierline.policy``: a fault in
its reading of a profile must not hide itself from the checker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from tierline.errors import ConfigurationError

_SECTIONS = ("scale", "pricing", "limits", "funding")


@dataclass(frozen=True)
class Profile:
    """Values in force on ``day`` by ``section.key``."""

    name: str
    day: date
    values: Mapping[str, Any]

    def exact(self, key: str) -> Fraction:
        """A number as it is written in the file: 0.3 is 3/10."""
        return _exact(key, self._value(key))

    def optional(self, key: str) -> Any:
        """A value as it stands in the file; None where the profile says that no rule has it."""
        return self._value(key)

    def number(self, key: str) -> float:
        """A number as float."""
        return float(self.exact(key))

    def cents(self, key: str) -> int:
        """An amount of yuan in cents, rounded down."""
        return int(self.exact(key) * 100)

    def by_tier(self, key: str) -> dict[str, Fraction]:
        """A number for each tier, in the order of the file: the best tier first."""
        return {str(tier): _exact(f"{key}.{tier}", value) for tier, value in self._mapping(key).items()}

    def word(self, key: str, among: Sequence[str]) -> str:
        """A word, which must be one of ``among``."""
        word = str(self._value(key))
        if word not in among:
            raise ConfigurationError(f"policy {self.name}: {key}: {word} is not one of {', '.join(among)}")
        return word

    def terms(self) -> list[int]:
        """Terms on offer, months."""
        terms = self._value("pricing.terms")
        if not isinstance(terms, list):
            raise ConfigurationError(f"policy {self.name}: pricing.terms: give a list of months")
        return [int(_exact("pricing.terms", term)) for term in terms]

    def _mapping(self, key: str) -> dict[Any, Any]:
        value = self._value(key)
        if not isinstance(value, dict):
            raise ConfigurationError(f"policy {self.name}: {key}: give one number for each tier")
        return value

    def _value(self, key: str) -> Any:
        if key not in self.values:
            raise ConfigurationError(f"policy {self.name}: {key}: missing, and the audit needs it: add an entry")
        return self.values[key]


def read_profile(name_or_path: str, day: date) -> Profile:
    """The values of a packaged profile or a YAML file that are in force on ``day``.

    An entry is in force from ``effective_from`` to ``effective_to``, both included, unless it is a draft. Raises
    ``ConfigurationError`` if the file is not there or a number has no value, or several, on the day.
    """
    try:
        content = yaml.safe_load(_text(name_or_path))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"policy {name_or_path}: not valid YAML: {' '.join(str(error).split())}") from error
    try:
        values = {
            f"{section}.{key}": _in_force(entries, day, f"{name_or_path}: {section}.{key}")
            for section in _SECTIONS
            for key, entries in content[section].items()
        }
        return Profile(str(content["name"]), day, values)
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"policy {name_or_path}: not of the form of a profile: {error}") from error


def _in_force(entries: list[dict[str, Any]], day: date, where: str) -> Any:
    found = [
        entry["value"]
        for entry in entries
        if entry["status"] != "draft" and entry["effective_from"] <= day <= (entry.get("effective_to") or date.max)
    ]
    if len(found) != 1:
        raise ConfigurationError(f"policy {where}: {len(found)} values in force on {day}: give exactly one")
    return found[0]


def _text(name_or_path: str) -> str:
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        packaged = files("tierline").joinpath("policy", "profiles", f"{name_or_path}.yaml")
        if packaged.is_file():
            return packaged.read_text(encoding="utf-8")
    elif path.is_file():
        return path.read_text(encoding="utf-8")
    raise ConfigurationError(f"policy {name_or_path}: neither a packaged profile nor a YAML file that is there")


def _exact(key: str, value: object) -> Fraction:
    try:
        return Fraction(str(value))
    except ValueError as error:
        raise ConfigurationError(f"policy: {key}: {value!r} is not a number") from error
