"""A small synthetic book with a cause of default in it, and a model trained on it in seconds.

Belongs here: the lake and the bundle that the tests of training, bundle, scoring and properties share. Does not belong
here: the simulated lender, which is a product of its own.

Each customer has a hidden weakness: the weak gamble more, earn less regularly, pay late and sometimes stop paying.
"""

from __future__ import annotations

import atexit
import tempfile
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from unittest.mock import patch

import lakes
import numpy as np
from lakes import Row, at

from tierline.features import FeatureContext
from tierline.lake import Lake
from tierline.models import ModelBundle
from tierline.months import month_end
from tierline.training import TrainingConfig, TrainingRequest, train_bundle

FIRST_DAY = date(2023, 1, 1)
AS_OF = date(2024, 3, 31)
CUSTOMERS = 300
CONTEXT = FeatureContext("UTC", {"salary": "income", "bets": "gambling", "food": "essential"})
CONFIG = TrainingConfig(
    dpd_threshold=30,
    window_months=3,
    min_history_months=2,
    tune_months=1,
    calibration_months=2,
    stability_limit=0.0,  # the book is young: sums over a year still grow, and say little of its customers
    folds=3,
    leaves=[4],
    max_trees=30,
    learning_rate=0.05,
    lambda_l2=1.0,
    min_data_in_leaf=20,
    min_defaults=5,
)


@cache
def tiny_lake() -> Lake:
    """The book's lake, written once per test run."""
    directory = tempfile.TemporaryDirectory()
    atexit.register(directory.cleanup)
    return lakes.write_lake(Path(directory.name), tiny_world(), buckets=2)


def tiny_request(lake: Lake | None = None) -> TrainingRequest:
    return TrainingRequest(lake or tiny_lake(), "tiny", FIRST_DAY, AS_OF, "month_end", CONTEXT)


@cache
def tiny_bundle() -> ModelBundle:
    """The model of the book, refitted after its test; trained once per test run."""
    return train(tiny_request(), CONFIG)


@cache
def bundle_as_tested() -> ModelBundle:
    """The model that was tested, kept as it was then; trained once per test run."""
    return train(tiny_request(), CONFIG.model_copy(update={"refit": False}))


def train(request: TrainingRequest, config: TrainingConfig) -> ModelBundle:
    """Train on one thread: on data this small a second one only waits, and on a busy machine for long."""
    with patch("tierline.training.booster.THREADS", 1):
        return train_bundle(request, config)


@cache
def tiny_world(seed: int = 11) -> dict[str, list[Row]]:
    rng = np.random.default_rng(seed)
    world: dict[str, list[Row]] = {
        name: [] for name in ("customers", "transactions", "loans", "instalments", "repayments")
    }
    for number in range(CUSTOMERS):
        weakness = float(rng.beta(1, 4))
        key = lakes.key(number)
        world["customers"].append(lakes.customer(key, FIRST_DAY, region_code=f"R{number % 3}"))
        for month in range(15):
            first = month_end(FIRST_DAY + timedelta(days=31 * month)).replace(day=1)
            if first <= AS_OF:
                _spend(rng, world, f"{number}-{month}", key, first, weakness)
                if month % 4 == number % 4:
                    _borrow(rng, world, f"{number}-{month}", key, first, weakness)
    return world


def _spend(
    rng: np.random.Generator, world: dict[str, list[Row]], stem: str, key: str, first: date, weakness: float
) -> None:
    kinds = [("salary", "credit", 3_000 * (1.2 - weakness))] if rng.random() > weakness / 2 else []
    kinds += [("food", "debit", 80.0)] * 2 + [("bets", "debit", 150.0)] * int(rng.binomial(3, weakness))
    for index, (category, direction, amount) in enumerate(kinds):
        world["transactions"].append(
            lakes.transaction(
                f"T{stem}-{index}",
                key,
                at(first + timedelta(days=int(rng.integers(0, 28))), int(rng.integers(24))),
                round(amount * float(rng.uniform(0.8, 1.2)), 2),
                direction=direction,
                category=category,
                balance_after=lakes.money(round(float(rng.uniform(0, 2_000 * (1.1 - weakness))), 2)),
            )
        )


def _borrow(
    rng: np.random.Generator, world: dict[str, list[Row]], stem: str, key: str, first: date, weakness: float
) -> None:
    """A loan of three instalments; the weak pay late, and some stop for good."""
    drawn = first + timedelta(days=int(rng.integers(0, 20)))
    principal = float(rng.integers(300, 3_000))
    world["loans"].append(lakes.loan(f"L{stem}", key, drawn, principal, annual_rate=0.12 + 0.1 * weakness))
    stopped = False
    for number in (1, 2, 3):
        due = drawn + timedelta(days=30 * number)
        world["instalments"].append(lakes.instalment(f"L{stem}", number, due, round(principal / 3, 2), at(drawn)))
        stopped = stopped or rng.random() < 0.35 * weakness
        delay = int(rng.geometric(1 / (1 + 12 * weakness))) - 1 if rng.random() < 0.2 + weakness else 0
        paid = due + timedelta(days=delay)
        if not stopped and paid <= AS_OF:
            world["repayments"].append(
                lakes.repayment(f"P{stem}-{number}", f"L{stem}", number, at(paid), round(principal / 3, 2))
            )
