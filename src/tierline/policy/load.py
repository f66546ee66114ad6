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
from tierline.policy.cap import CapGlide, glide_in_force
from tierline.policy.model import Currency, Policy

DERIVED = ("flat_cap", "cap_rule")  # of pricing: worked out here, so a profile that states them is refused
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

    def spans(self, day: date) -> bool:
        """True if ``day`` is between the dates of the entry, be it a draft or not."""
        return self.effective_from <= day <= (self.effective_to or date.max)

    def holds(self, day: date) -> bool:
        """True if the entry is in force on ``day``; a draft never is."""
        return self.status != "draft" and self.spans(day)

    def meets(self, other: Entry) -> date | None:
        """The first day on which both are in force; None if there is none."""
        day = max(self.effective_from, other.effective_from)
        return day if self.holds(day) and other.holds(day) else None


class Profile(BaseModel):
    """A profile file: sections of numbers, each a list of dated entries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    description: str
    currency: Currency
    scale: dict[str, list[Entry]]
    pricing: dict[str, list[Entry]]
    limits: dict[str, list[Entry]]
    funding: dict[str, list[Entry]]

    @property
    def policy_id(self) -> str:
        """Name and the first digits of the hash of everything the profile says, whatever its form as a file."""
        return f"{self.name}-{hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]}"


def load_policy(name_or_path: str, as_of: date, drafts: bool = False) -> Policy:
    """The policy in force on ``as_of`` from a packaged profile name or a YAML file.

    With ``drafts``, for what-if only, a draft that spans the date replaces what is in force; ``Policy.drafts`` names
    it, and the policy_id says so. Raises ``ConfigurationError`` naming path and reason for an unknown profile or key,
    a number that is missing on the date (or has a draft only, without ``drafts``), in force twice or out of range on
    any date, or at odds with another on the date.
    """
    text, origin = _read(name_or_path)
    try:
        profile = Profile.model_validate(yaml.load(text, Loader=_UniqueKeys))
        picked = {section: _pick(getattr(profile, section), section, as_of, drafts) for section in SECTIONS}
        policy = Policy.model_validate(_numbers(profile, picked, as_of))
        _check_other_dates(profile)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{origin}: not valid YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{origin}: {one_line(error)}") from error
    except (_NotInForceError, _OtherDateError) as error:
        raise ConfigurationError(f"{origin}: {error}") from error
    return policy


def require_in_force(policy: Policy) -> Policy:
    """The policy, if all of it is in force: what a night publishes must not rest on a draft."""
    if policy.drafts:
        raise ConfigurationError(
            f"policy {policy.name}: {', '.join(policy.drafts)}: a draft, which what-if may use and a published night"
            " may not: load the policy without drafts"
        )
    return policy


def _numbers(profile: Profile, picked: dict[str, dict[str, Entry]], day: date) -> dict[str, Any]:
    """What ``Policy`` is made of: the values picked, and the cap worked out from them."""
    values = {section: {key: entry.value for key, entry in found.items()} for section, found in picked.items()}
    sources = {f"{s}.{key}": entry.source for s, found in picked.items() for key, entry in found.items()}
    drafts = tuple(f"{s}.{k}" for s, found in picked.items() for k, e in found.items() if e.status == "draft")
    return {
        "name": profile.name,
        "policy_id": f"{profile.policy_id}-drafts" if drafts else profile.policy_id,
        "as_of": day,
        "currency": profile.currency,
        "drafts": drafts,
        "sources": sources,
        **values,
        "pricing": values["pricing"] | _cap(values["pricing"], sources, day),
    }


def _cap(pricing: dict[str, Any], sources: dict[str, str], day: date) -> dict[str, Any]:
    """``price_cap`` in force, ``flat_cap`` as the profile states it, and the rule that binds.

    What is missing or of a wrong type is left to the validation of ``Policy``, which says it with its path.
    """
    stated = [f"pricing.{key}" for key in DERIVED if key in pricing]
    if stated:
        raise _NotInForceError(f"{stated[0]}: Extra inputs are not permitted: it follows from price_cap and cap_glide")
    flat, lpr = pricing.get("price_cap"), pricing.get("lpr_1y")
    rule = sources.get("pricing.price_cap", "")
    glide = None if pricing.get("cap_glide") is None else CapGlide.model_validate(pricing["cap_glide"])
    if not isinstance(flat, float) or not isinstance(lpr, float | None):
        return {"flat_cap": flat, "cap_rule": rule}
    try:
        limit = glide_in_force(glide, lpr, day)
    except ValueError as error:
        raise _NotInForceError(error) from error
    if limit is None or flat <= limit:
        return {"flat_cap": flat, "cap_rule": rule}
    return {"flat_cap": flat, "price_cap": limit, "cap_rule": sources["pricing.cap_glide"]}


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


def _pick(section: dict[str, list[Entry]], name: str, day: date, drafts: bool) -> dict[str, Entry]:
    return {key: _entry_on(entries, f"{name}.{key}", day, drafts) for key, entries in section.items()}


def _entry_on(entries: list[Entry], path: str, day: date, drafts: bool) -> Entry:
    holding = [entry for entry in entries if entry.holds(day)]
    proposed = [entry for entry in entries if entry.status == "draft" and entry.spans(day)]
    if drafts and proposed:
        if len(proposed) > 1:
            raise _NotInForceError(f"{path}: {len(proposed)} drafts for {day}: give at most one")
        return proposed[0]
    if len(holding) != 1:
        found = "no value" if not holding else f"{len(holding)} values"
        only = ": there is only a draft, for what-if" if proposed and not holding else ""
        raise _NotInForceError(f"{path}: {found} in force on {day}: give exactly one (drafts do not count){only}")
    return holding[0]


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
