"""One thread for LightGBM: on data this small a second one only waits, and on a busy machine for long."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tierline.training.booster.THREADS", 1)
