"""The comparison of models: known worlds, and verdicts that a hand can check."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.rivals import OURS
from benchmarks.verdicts import Round, compared, drawn, resplit
from benchmarks.worlds import WORLDS, draw


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_a_world_defaults_at_its_rate(world) -> None:
    rows = 40_000
    bads = draw(world, rows, 5)["bad"].sum()
    spread = np.sqrt(rows * world.rate * (1 - world.rate))
    assert abs(bads - rows * world.rate) < 4 * spread + 0.02 * rows * world.rate  # the rate itself is of 200,000 draws


def test_a_draw_is_the_same_again_and_another_seed_is_not() -> None:
    first, again, other = (draw(WORLDS[2], 500, seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first["age"].equals(other["age"])
    assert first["reading_00"].isna().any()
    assert list(first.columns) == list(other.columns)


def rounds_of(ours: float, peer: float, number: int = 4) -> list[Round]:
    """A tenth of the rows is bad; each model says the same of all rows, the peers' worse one says a half."""
    y = np.arange(1_000) % 10 == 0
    flat = {OURS: ours, "peer": peer, "coin": 0.5}
    return [Round(y, {name: np.full(len(y), p) for name, p in flat.items()}, 3_000) for _ in range(number)]


def test_the_difference_is_that_of_the_entropies() -> None:
    ours, peer = 0.2, 0.1
    rounds = rounds_of(ours, peer)
    expected = (0.1 * np.log(peer / ours) + 0.9 * np.log((1 - peer) / (1 - ours))).round(5)
    line = compared("flat", rounds, drawn)[-3]
    assert line.startswith(f"- log-loss, ours − best peer (peer): {expected:+.5f} [")
    assert line.endswith("**worse**")


def test_the_same_predictions_are_no_worse() -> None:
    lines = compared("same", rounds_of(0.1, 0.1), resplit)
    assert [line.rsplit(": ", 1)[1] for line in lines[-3:-1]] == ["no worse", "no worse"]
    assert "+0.00000 [+0.00000, +0.00000]" in lines[-3]


def test_splits_of_the_same_rows_have_the_variance_of_nadeau_and_bengio() -> None:
    rounds = rounds_of(0.1, 0.1)
    means = np.array([0.01, 0.03, -0.02, 0.02])
    middle, low, high = resplit([np.full(10, mean) for mean in means], rounds)
    error = np.sqrt((1 / 4 + 1_000 / 3_000) * means.var(ddof=1))
    assert middle == pytest.approx(0.01)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=1e-4)


def test_an_interval_by_draws_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(3).normal(0.5, 2.0, size=4_000)
    middle, low, high = drawn([values], rounds_of(0.1, 0.1, 1))
    assert middle == pytest.approx(values.mean())
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / np.sqrt(len(values)), rel=0.15)
