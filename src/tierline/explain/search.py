"""The smallest change of behaviours that brings the PD down to a target.

Belongs here: the search over steps. Does not belong here: which steps there are (``options``), or reading a customer.

Fewest behaviours first; of those with equally many, the ones that need no time, then the nearest in the book. One
behaviour is tried at every step; pairs at every combination of coarser steps; three and four greedily. What is found is
then drawn back as far as it still suffices. All rows of a stage go through the model at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

from tierline.explain.options import Option

Floats = npt.NDArray[np.float64]
Predict = Callable[[Floats], Floats]
MOST = 4
"""Nobody changes more than this at once."""
COARSE = 10
"""Steps per behaviour where several are tried together."""
Plan = tuple[Option, ...]
Steps = Mapping[str, Sequence[Option]]


@dataclass(frozen=True)
class Found:
    """The change that suffices (None where none does), and the lowest PD that any change tried would give."""

    plan: Plan | None
    pd_12m: float
    lowest_pd: float


def smallest_change(row: Floats, steps: Steps, target: float, predict: Predict) -> Found:
    """The smallest change by the steps of each behaviour with PD ≤ ``target``; ``row`` has one entry per column."""
    search = _Search(row, target, predict)
    plan = search.best_of([(option,) for name in sorted(steps) for option in steps[name]])
    if plan is None:
        plan = search.drawn_back(search.best_of(_pairs(_coarser(steps))), steps)
    if plan is None:
        plan = search.drawn_back(search.greedy(_coarser(steps)), steps)
    pd_12m = float(search.predicted([plan or ()])[0])
    return Found(plan, pd_12m, min(search.lowest, pd_12m))


def applied(row: Floats, plan: Plan) -> Floats:
    """A copy of the row with the plan's values in it."""
    changed = row.copy()
    for option in plan:
        changed[option.columns] = option.values
    return changed


def _coarser(steps: Steps) -> dict[str, list[Option]]:
    """At most ``COARSE`` steps of each behaviour, evenly spread, the furthest among them."""
    coarse = {}
    for name in sorted(steps):
        places = np.unique(np.linspace(0, len(steps[name]) - 1, COARSE).round().astype(int))
        coarse[name] = [steps[name][place] for place in places]
    return coarse


def _pairs(steps: dict[str, list[Option]]) -> list[Plan]:
    return [plan for one, other in combinations(steps, 2) for plan in product(steps[one], steps[other])]


class _Search:
    """One customer's search: predictions in batches, and the lowest PD seen."""

    def __init__(self, row: Floats, target: float, predict: Predict) -> None:
        self._row, self._target, self._predict = row, target, predict
        self.lowest = float("inf")

    def predicted(self, plans: Sequence[Plan]) -> Floats:
        """PD under each plan."""
        found = self._predict(np.stack([applied(self._row, plan) for plan in plans]))
        self.lowest = min(self.lowest, float(found.min()))
        return found

    def best_of(self, plans: Sequence[Plan]) -> Plan | None:
        """The smallest plan that suffices."""
        if not plans:
            return None
        pd_12m = self.predicted(plans)
        enough = [(_size(plans[at]), float(pd_12m[at]), at) for at in np.flatnonzero(pd_12m <= self._target).tolist()]
        return plans[min(enough)[2]] if enough else None

    def greedy(self, steps: dict[str, list[Option]]) -> Plan | None:
        """Add the step that lowers the PD most until it suffices, ``MOST`` behaviours at most."""
        plan: Plan = ()
        reached = float(self.predicted([plan])[0])
        while len(plan) < MOST:
            taken = {option.behaviour for option in plan}
            longer = [(*plan, option) for name in steps if name not in taken for option in steps[name]]
            if not longer:
                return None
            pd_12m = self.predicted(longer)
            at = min(range(len(longer)), key=lambda place: (float(pd_12m[place]), _size(longer[place]), place))
            if pd_12m[at] >= reached:
                return None
            plan, reached = longer[at], float(pd_12m[at])
            if reached <= self._target:
                return plan
        return None

    def drawn_back(self, plan: Plan | None, steps: Steps) -> Plan | None:
        """The plan with each behaviour at its nearest step that still suffices beside the others, or left out."""
        if plan is None:
            return None
        for option in sorted(plan, key=lambda one: (-one.distance, one.behaviour)):
            others = tuple(one for one in plan if one.behaviour != option.behaviour)
            nearer = [one for one in steps[option.behaviour] if one.distance <= option.distance]
            plan = self.best_of([others, *((*others, one) for one in nearer)]) or plan
        return tuple(sorted(plan, key=lambda one: one.behaviour))


def _size(plan: Plan) -> tuple[int, int, float, tuple[str, ...]]:
    """How large a change is: behaviours, of those that need time, share of the book passed, names."""
    late = sum(option.with_time for option in plan)
    return len(plan), late, sum(option.distance for option in plan), tuple(option.behaviour for option in plan)
