"""How far each behaviour could move a customer, in steps along the night's book.

Belongs here: positions in the book and the steps of one behaviour. Does not belong here: which steps are taken
(``search``).

A value's position is the share of the book that is at least as good. A step moves every feature of a behaviour to one
position, taking values that some customer has; a feature that is better already stays. Since 30 days never hold more
than 90 do, their values at one position are in the same order, and so are the moved ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tierline.explain.changeable import DOWN, Behaviour, Changeable
from tierline.models import ModelBundle

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
STEPS = 100
TINY = 1e-9


@dataclass(frozen=True)
class Option:
    """One behaviour carried to one position: the columns it moves, their new values, and how far that is.

    ``distance`` is the largest share of the book that one of the features passes.
    """

    behaviour: str
    with_time: bool
    columns: Ints
    values: Floats
    distance: float


def badness(values: Floats, direction: int) -> Floats:
    """Values turned so that less is better: what may only go up is negated."""
    return values if direction == DOWN else -values


def position(value: float, book: Floats, direction: int) -> float:
    """Share of ``book`` (sorted by badness, without missing values) that is at least as good as ``value``."""
    return float(np.searchsorted(book, badness(np.array(value), direction), side="right")) / len(book)


def sorted_book(column: Floats, direction: int) -> Floats:
    """The known values of a column by rising badness."""
    return np.sort(badness(column[~np.isnan(column)], direction))


def options_of(
    row: Floats, book: Floats, features: list[str], directions: Mapping[str, int], behaviour: tuple[str, Behaviour]
) -> list[Option]:
    """The steps of one behaviour from the nearest to the furthest that is realistic, each different from the last.

    ``row``: the customer's values of ``features``, ``book``: (customers, features). A missing value stays missing.
    """
    name, rule = behaviour
    columns = [index for index, feature in enumerate(features) if feature in directions and not np.isnan(row[index])]
    ways = {index: directions[features[index]] for index in columns}
    books = {index: sorted_book(book[:, index], ways[index]) for index in columns}
    columns = [index for index in columns if len(books[index])]
    found: list[Option] = []
    for level in np.arange(STEPS - 1, -1, -1) / STEPS:
        if level < rule.best - TINY:
            break
        moved = {index: _moved(float(row[index]), books[index], ways[index], float(level)) for index in columns}
        changed = [index for index in columns if moved[index] != row[index]]
        distance = max((_passed(row[i], moved[i], books[i], ways[i]) for i in changed), default=0.0)
        values = np.array([moved[index] for index in changed])
        if distance > rule.within + TINY:
            break
        if changed and not (found and np.array_equal(found[-1].values, values)):
            found.append(Option(name, rule.with_time, np.array(changed, dtype=np.int64), values, distance))
    return found


def _moved(value: float, book: Floats, direction: int, level: float) -> float:
    """The better of ``value`` and what the customer at ``level`` of the book has."""
    place = min(max(int(np.ceil(level * len(book) - TINY)) - 1, 0), len(book) - 1)
    best = min(float(badness(np.array(value), direction)), float(book[place]))
    return float(badness(np.array(best), direction)) + 0.0  # no -0


def _passed(before: float, after: float, book: Floats, direction: int) -> float:
    return position(before, book, direction) - position(after, book, direction)


def all_options(bundle: ModelBundle, row: Floats, book: Floats, changeable: Changeable) -> dict[str, list[Option]]:
    """The steps of every behaviour that the model's trees look at and that can still improve, by name.

    ``row`` and ``book`` are in the order of the bundle's features; categories are never moved.
    """
    card = bundle.card
    used = [name for name in card.features if card.importance.get(name, 0) > 0 and name not in card.categories]
    found = {}
    for name, directions in changeable.directions(used).items():
        steps = options_of(row, book, card.features, directions, (name, changeable.behaviours[name]))
        if steps:
            found[name] = steps
    return found
