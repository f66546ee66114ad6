"""Two models on one book, by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from tierline.comparison import BookSide, compare_books
from tierline.errors import TierlineError
from tierline.stability import psi

TIERS = ["A", "B", "C", "X"]
Rows = list[tuple[str, str, float]]

OLD: Rows = [
    ("k1", "A", 0.01),
    ("k2", "B", 0.05),
    ("k3", "C", 0.30),
    ("k4", "C", 0.40),
    ("k5", "X", 1.0),
    ("k6", "A", 0.02),
]
NEW: Rows = [
    ("k6", "C", 0.35),
    ("k1", "A", 0.02),
    ("k2", "A", 0.02),
    ("k3", "B", 0.06),
    ("k4", "X", 1.0),
    ("k5", "X", 1.0),
]


def side(name: str, rows: Rows) -> BookSide:
    frame = pd.DataFrame(rows, columns=["customer_key", "tier", "pd_12m"])
    return BookSide(name, frame.assign(in_default=frame["tier"] == "X"))


def test_a_book_by_hand() -> None:
    found = compare_books(side("old", OLD), side("new", NEW), TIERS, ["A", "B"], 4)
    assert found.customers == 6
    counts = found.migration.set_index(["champion_tier", "challenger_tier"])["customers"]
    assert len(counts) == 16
    assert counts[counts > 0].to_dict() == {
        ("A", "A"): 1, ("A", "C"): 1, ("B", "A"): 1, ("C", "B"): 1, ("C", "X"): 1, ("X", "X"): 1
    }  # fmt: skip
    changes = found.changes.set_index("customer_key")
    assert changes["swap"].where(changes["swap"].notna(), "").to_dict() == {"k2": "", "k3": "in", "k4": "", "k6": "out"}
    assert found.swapped == {"in": 1, "out": 1}
    assert tuple(changes.loc["k3"][:4]) == ("C", "B", 0.30, 0.06)


def test_movers_and_psi_leave_out_customers_in_default() -> None:
    found = compare_books(side("old", OLD), side("new", NEW), TIERS, ["A", "B"], 4)
    odds = {"k1": (0.01, 0.02), "k2": (0.05, 0.02), "k3": (0.30, 0.06), "k6": (0.02, 0.35)}
    moved = {key: math.log(b / (1 - b)) - math.log(a / (1 - a)) for key, (a, b) in odds.items()}
    assert found.movers["customer_key"].tolist() == sorted(moved, key=lambda key: -abs(moved[key]))
    assert found.movers.set_index("customer_key")["log_odds"].to_dict() == pytest.approx(moved)
    assert found.psi == psi([0.01, 0.05, 0.30, 0.02], [0.02, 0.02, 0.06, 0.35], 4)


def test_other_customers_are_an_error() -> None:
    for rows in (OLD[:-1], [*OLD[:-1], ("k9", "A", 0.01)]):
        with pytest.raises(TierlineError, match="score the night again"):
            compare_books(side("old", OLD), side("new", rows), TIERS, ["A"], 4)


def test_a_book_wholly_in_default_compares_nothing() -> None:
    both = [("k1", "X", 1.0), ("k2", "X", 1.0)]
    with pytest.raises(TierlineError, match="nothing to compare"):
        compare_books(side("old", both), side("new", both), TIERS, ["A"], 4)
