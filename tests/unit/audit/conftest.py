from __future__ import annotations

import pytest
from unit.audit.night_by_hand import NightByHand, night_by_hand


@pytest.fixture
def night() -> NightByHand:
    return night_by_hand()
