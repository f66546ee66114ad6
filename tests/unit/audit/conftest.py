from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import yaml
from unit.audit.night_by_hand import NightByHand, night_by_hand


@pytest.fixture
def night() -> NightByHand:
    return night_by_hand()


@pytest.fixture(autouse=True, scope="package")
def _each_text_parsed_once() -> Iterator[None]:
    """The same profile is read by nearly every test here, and parsing it would take half of their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "safe_load", cache(yaml.safe_load))
        yield
