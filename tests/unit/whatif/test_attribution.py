"""Attribution: the parts add up, and are the means over all orders in which the factors could have changed."""

from itertools import permutations

import pytest

from tierline.whatif import attribute


def figures(new: frozenset[str]) -> dict[str, float]:
    """Profit with an interaction of data and model; volume that only the policy moves."""
    data, model, policy = ("data" in new), ("model" in new), ("policy" in new)
    return {"profit": 10 + 5 * data + 3 * model - 2 * policy + 4 * (data and model), "volume": 100 + 7 * policy}


def test_parts_are_means_over_all_orders() -> None:
    factors = ("data", "model", "policy")
    parts = attribute(factors, figures)
    for name in ("profit", "volume"):
        for factor in factors:
            effects = []
            for order in permutations(factors):
                before = frozenset(order[: order.index(factor)])
                effects.append(figures(before | {factor})[name] - figures(before)[name])
            assert parts[name][factor] == pytest.approx(sum(effects) / 6)


def test_by_hand() -> None:
    """The interaction of 4 is split evenly between the two that make it."""
    parts = attribute(("data", "model", "policy"), figures)
    assert parts["profit"] == pytest.approx({"data": 7, "model": 5, "policy": -2})
    assert parts["volume"] == pytest.approx({"data": 0, "model": 0, "policy": 7})
