"""A lender whose first day is in the lake and whose second is about to come, damaged in one way or another."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.ingest.world import copy_of, template

from tierline.home import Home


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def home(first_night: Home, tmp_path: Path) -> Home:
    """The first day is in the lake already; the second is about to come."""
    return copy_of(first_night, tmp_path)
