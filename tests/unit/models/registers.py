"""Registers to test decisions on: a few bundles of the tiny world, each trained by a person or the schedule."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from unit.training.tiny_world import AS_OF, tiny_bundle

from tierline.models import ModelBundle, Registry

FIRST_NIGHT = AS_OF
SCHEDULE, AUTHOR, APPROVER = "schedule", "Ada Author", "Bo Approver"


def variant(source: str, trained_as_of: date = AS_OF) -> ModelBundle:
    """A bundle of its own id: the same trees, another card."""
    bundle = tiny_bundle()
    return replace(bundle, card=bundle.card.model_copy(update={"source": source, "trained_as_of": trained_as_of}))


def with_challenger(models: Path) -> tuple[Registry, str, str]:
    """A register with a champion of the schedule and a challenger; returns it and both ids."""
    registry = Registry(models)
    champion = registry.add(variant("one"), "champion", SCHEDULE)
    challenger = registry.add(variant("two"), "challenger", AUTHOR)
    return registry, champion.model_id, challenger.model_id
