"""Challengers for homes that stand already: the champion cut short, so that nothing has to be trained.

Belongs here: making one and damaging one. Does not belong here: expectations.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import lightgbm as lgb

from tierline.models import ModelBundle, Registry

AUTHOR, APPROVER = "Ada Author", "Bo Approver"


def cut_short(bundle: ModelBundle, trees: int) -> ModelBundle:
    """The same model with its first trees only; another id, other PDs."""
    return replace(bundle, booster=lgb.Booster(model_str=bundle.booster.model_to_string(num_iteration=trees)))


def add_challenger(home: Path, day: date, trees: int = 8, **card: object) -> str:
    """Register a cut-short champion as challenger, with other values on its card if given; returns its id."""
    registry = Registry(home / "models")
    bundle = cut_short(registry.load_champion(day), trees)
    bundle = replace(bundle, card=bundle.card.model_copy(update=card))
    return registry.add(bundle, "challenger", AUTHOR, "for the test").model_id
