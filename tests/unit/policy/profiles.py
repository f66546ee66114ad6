"""The packaged profile as a plain document, and copies of it with single numbers changed."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import tierline
from tierline.policy import Policy, load_policy

NAME = "cn-online-micro-lender"
PACKAGED = Path(tierline.__file__).parent / "policy" / "profiles" / f"{NAME}.yaml"
SECTIONS = ("scale", "pricing", "limits", "funding")
Document = dict[str, Any]


def document() -> Document:
    """The packaged profile as read by a plain YAML reader."""
    return deepcopy(_parsed())


@cache
def _parsed() -> Document:
    content: Document = yaml.safe_load(PACKAGED.read_text(encoding="utf-8"))
    return content


def entry(value: Any, **other: Any) -> Document:
    """An entry that always holds."""
    fixed = {"effective_from": date(2010, 1, 1), "status": "in_force", "confidence": "own_choice", "source": "test"}
    return {"value": value} | fixed | other


def write(folder: Path, content: Any) -> str:
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return str(path)


def changed(numbers: Mapping[str, Any]) -> Document:
    """The packaged profile with the numbers of ``section.key`` replaced on every date."""
    content = document()
    for name, value in numbers.items():
        section, key = name.split(".")
        assert key in content[section], name
        content[section][key] = [entry(value)]
    return content


def policy_with(folder: Path, day: date, numbers: Mapping[str, Any]) -> Policy:
    """The policy of ``day`` with some numbers replaced."""
    return load_policy(write(folder, changed(numbers)), day)


@cache
def packaged_policy(day: date) -> Policy:
    """The packaged policy of ``day``."""
    return load_policy(NAME, day)
