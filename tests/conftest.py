"""Nights that several tests look at: simulated and run once per session, then copied by whoever changes something."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_lender import FIRST, NEXT, SPEC, copy_home, run_night

from tierline.sources.simulated import simulate


@pytest.fixture(scope="session")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a landing zone and nothing else. Do not change it."""
    home = tmp_path_factory.mktemp("landed")
    simulate(SPEC, home / "landing", home / "truth")
    return home


@pytest.fixture(scope="session")
def first_night(landed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home after its first night, which trained the champion. Do not change it."""
    home = copy_home(landed, tmp_path_factory.mktemp("first_night"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tierline.training.booster.THREADS", 1)  # two threads wait for each other on so few rows
        run_night(home, FIRST)
    return home


@pytest.fixture(scope="session")
def second_night(first_night: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home after two nights. Do not change it."""
    home = copy_home(first_night, tmp_path_factory.mktemp("second_night"))
    run_night(home, NEXT)
    return home


@pytest.fixture
def after_first(first_night: Path, tmp_path: Path) -> Path:
    """A copy of the home after its first night, to be changed; the second is about to come."""
    return copy_home(first_night, tmp_path / "home")


@pytest.fixture
def after_second(second_night: Path, tmp_path: Path) -> Path:
    """A copy of the home after two nights, to be changed."""
    return copy_home(second_night, tmp_path / "home")
