"""The same table gives the same bundle: whatever the threads, the order of rows, and the time zone of the machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache

import pytest
from unit.training.credit_tables import QUICK, credit_table

from tierline.training import fit

ROWS = 600


@pytest.fixture
def own_clock() -> Iterator[None]:
    """The process's time zone is put back after the test."""
    with pytest.MonkeyPatch.context():
        yield
    time.tzset()


def trained(shuffled: int | None = None) -> tuple[str, str, bytes]:
    """Id, data hash and card of a model with time, customers, search of the shape and refit."""
    table = credit_table(ROWS)
    if shuffled is not None:
        table = table.sample(frac=1, random_state=shuffled)
    config = QUICK.model_copy(update={"leaves": [2, 4], "bagging_fraction": 0.7, "feature_fraction": 0.7})
    bundle = fit(table, target="bad", time="day", customer="who", config=config)
    return bundle.model_id, bundle.card.data_hash, bundle.card.model_dump_json().encode()


@cache
def reference() -> tuple[str, str, bytes]:
    return trained()


@pytest.mark.parametrize(
    ("threads", "shuffled", "zone"),
    [
        (1, 1, "UTC"),
        (2, None, "UTC"),
        (2, 2, "America/St_Johns"),
        (1, 3, "Pacific/Kiritimati"),
        (2, None, "Asia/Kathmandu"),
    ],
)
def test_the_same_bundle(
    threads: int, shuffled: int | None, zone: str, monkeypatch: pytest.MonkeyPatch, own_clock: None
) -> None:
    expected = reference()
    monkeypatch.setattr("tierline.training.booster.THREADS", threads)
    monkeypatch.setenv("TIERLINE_WORKERS", str(threads))
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    assert trained(shuffled) == expected


def test_other_rows_or_another_seed_give_another_bundle() -> None:
    """What the test above compares would notice a difference."""
    table = credit_table(ROWS)
    ids = {
        fit(table, target="bad", time="day", customer="who", config=QUICK).model_id,
        fit(table, target="bad", time="day", customer="who", config=QUICK.model_copy(update={"seed": 8})).model_id,
        fit(table.iloc[1:], target="bad", time="day", customer="who", config=QUICK).model_id,
    }
    assert len(ids) == 3
