"""Invented credit tables whose truth is known: what models are compared on.

Belongs here: worlds and draws from them. Does not belong here: fitting or judging.

A customer has two hidden traits, strain and wealth. Columns are noisy readings of them (amounts, counts, shares, some
of them missing, more often so under strain), categories that lean on them, and columns that say nothing. The log-odds
of default hold the traits, a bend, a threshold that only one group has, and the categories' own effects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit

READINGS, NOISE = 14, 6
CALIBRATING_ROWS = 200_000
LEVELS = {"job": 5, "region": 12, "channel": 3}
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """One lender: its seed draws the weights, ``rate`` is its default rate, ``bends`` weighs what is not linear."""

    seed: int
    rate: float
    bends: float = 1.0

    @property
    def name(self) -> str:
        return f"world {self.seed}, {self.rate:.1%} defaults"


WORLDS = (World(1, 0.005), World(2, 0.02, 0.3), World(3, 0.04), World(4, 0.10, 1.5), World(5, 0.20))


def draw(world: World, rows: int, seed: int) -> pd.DataFrame:
    """``rows`` customers with their columns and ``bad`` (0 or 1); another ``seed`` draws others of the same world."""
    table, margin = _customers(world, rows, seed)
    start = _intercept(world)
    rng = np.random.default_rng([world.seed, seed, 2])
    table["bad"] = (rng.random(rows) < expit(margin + start)).astype(np.int64)
    return table


def _intercept(world: World) -> float:
    margin = _customers(world, CALIBRATING_ROWS, 0)[1]
    return float(brentq(lambda start: expit(margin + start).mean() - world.rate, -20, 20))


def _customers(world: World, rows: int, seed: int) -> tuple[pd.DataFrame, Floats]:
    """Columns, and log-odds of default up to a constant."""
    fixed, rng = np.random.default_rng([world.seed, 0]), np.random.default_rng([world.seed, seed, 1])
    strain, wealth = rng.normal(size=(2, rows))
    columns: dict[str, object] = {}
    for index in range(READINGS):
        loads, noise = fixed.normal(size=2), fixed.uniform(0.5, 2.0)
        value = loads[0] * strain + loads[1] * wealth + noise * rng.normal(size=rows)
        columns[f"reading_{index:02d}"] = _missing(_shaped(value, index), strain, index, rng)
    for index in range(NOISE):
        columns[f"noise_{index}"] = rng.lognormal(size=rows)
    age = rng.uniform(18, 75, size=rows)
    use = expit(strain + rng.normal(size=rows))
    margin = fixed.uniform(0.5, 1.0) * strain - fixed.uniform(0.2, 0.6) * wealth
    margin += world.bends * (0.0006 * (age - 50) ** 2 + 0.8 * (use > 0.7) * (age < 35) - 0.3 * strain * (wealth > 0.5))
    columns |= {"age": np.floor(age), "use_of_limit": use}
    for name, levels in LEVELS.items():
        effect = 0.4 * fixed.normal(size=levels)
        leaning = rng.gumbel(size=(rows, levels)) + np.outer(strain, 0.5 * fixed.normal(size=levels))
        level = leaning.argmax(axis=1)
        margin += effect[level]
        columns[name] = pd.Categorical.from_codes(level, [f"{name}-{number}" for number in range(levels)])
    return pd.DataFrame(columns), margin


def _shaped(value: Floats, index: int) -> Floats:
    """An amount, a count, a share, or the number as it is."""
    kinds = (np.exp, lambda v: np.floor(np.exp(v / 2)), expit, lambda v: v)
    shaped: Floats = np.asarray(kinds[index % len(kinds)](value))
    return shaped


def _missing(value: Floats, strain: Floats, index: int, rng: np.random.Generator) -> Floats:
    """Every third reading is missing for some, more often for the strained."""
    if index % 3 == 0:
        value = np.where(rng.random(len(value)) < 0.2 * expit(strain), np.nan, value)
    return value
