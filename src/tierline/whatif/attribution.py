"""Which part of a change is due to data, model and policy.

Belongs here: the exact split of a change between factors. Does not belong here: deciding a night.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import factorial

State = frozenset[str]
Figures = Mapping[str, float]


def attribute(factors: Sequence[str], figures: Callable[[State], Figures]) -> dict[str, dict[str, float]]:
    """Split the change of every figure between ``factors`` by Shapley values; the parts add up to the change.

    ``figures`` gives the figures with the named factors new and the others old: 2^n calls. With three factors the part
    of one is its mean effect over the six orders in which they could have changed, so that no order is preferred.
    Returns figure → factor → part. Source: Shapley (1953), A value for n-person games.
    """
    states = {state: figures(state) for state in _subsets(factors)}
    names = list(states[frozenset()])
    return {
        name: {
            factor: _part(factor, factors, {state: values[name] for state, values in states.items()})
            for factor in factors
        }
        for name in names
    }


def _part(factor: str, factors: Sequence[str], value: Mapping[State, float]) -> float:
    others = [other for other in factors if other != factor]
    n = len(factors)
    total = 0.0
    for before in _subsets(others):
        weight = factorial(len(before)) * factorial(n - len(before) - 1) / factorial(n)
        total += weight * (value[before | {factor}] - value[before])
    return total


def _subsets(factors: Sequence[str]) -> list[State]:
    return [frozenset(chosen) for size in range(len(factors) + 1) for chosen in combinations(factors, size)]
