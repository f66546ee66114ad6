"""Differences of two decided nights of three customers, by hand."""

import numpy as np
import pandas as pd
import pytest

from tierline.whatif import Book, compare


def book(limits: list[float], **other: list[object]) -> Book:
    limit = np.array(limits)
    columns: dict[str, object] = {
        "customer_key": ["a", "b", "c"],
        "segment": ["consumer", "consumer", "sole_proprietor"],
        "region": ["R1", "R2", "R1"],
        "tier": ["A", "B", "B"],
        "partner": ["P1", "", "P1"],
        "credit_limit": limit,
        "own": limit * 0.3,
        "theirs": limit * 0.7,
        "drawn": [0.0, 0.0, 0.0],
        "rate": np.where(limit > 0, [0.10, 0.125, 0.125], np.nan),
        "exposure": limit,
        "exposure_at_default": limit / 2,
        "expected_loss": limit * 0.01,
        "economic_capital": limit * 0.02,
        "profit": limit * 0.03,
        "income": limit * 0.002,
    }
    constraints = pd.DataFrame(
        [("leverage", "book", 50.0, 100.0, 0.0)], columns=["constraint", "member", "used", "bound", "shadow_price"]
    )
    return Book(pd.DataFrame(columns | other), constraints)


def value(figures: pd.DataFrame, dimension: str, member: str, metric: str) -> tuple[float, float, float]:
    where = (figures["dimension"] == dimension) & (figures["member"] == member) & (figures["metric"] == metric)
    (row,) = figures[where].itertuples()
    return row.before, row.after, row.change


def test_nothing_changes_when_nothing_changed() -> None:
    difference = compare(book([100, 200, 0]), book([100, 200, 0]))
    assert difference.changed.empty
    assert difference.customers.empty
    assert not difference.figures.empty


def test_figures_by_hand() -> None:
    figures = compare(book([100, 200, 0]), book([100, 150, 50], tier=["A", "A", "B"])).figures
    assert value(figures, "book", "book", "exposure") == (300, 300, 0)
    assert value(figures, "book", "book", "customers") == (2, 3, 1)
    assert value(figures, "book", "book", "customers_up") == (0, 1, 1)
    assert value(figures, "book", "book", "customers_down") == (0, 1, 1)
    assert value(figures, "tier", "A", "exposure") == (100, 250, 150)
    assert value(figures, "tier", "B", "customers_down") == (0, 1, 1)  # counted in the tier before
    assert value(figures, "segment", "sole_proprietor", "exposure") == (0, 50, 50)
    assert value(figures, "partner", "P1", "exposure") == (100, 150, 50)
    assert value(figures, "rate", "12 %", "exposure") == (200, 200, 0)
    assert value(figures, "constraint", "leverage:book", "used") == (50, 50, 0)


def test_raroc_is_profit_and_the_charge_over_capital() -> None:
    figures = compare(book([100, 200, 0]), book([100, 200, 0])).figures
    assert value(figures, "tier", "A", "raroc")[0] == pytest.approx((3 + 0.2) / 2)
    assert value(figures, "tier", "A", "mean_rate")[0] == pytest.approx(0.10)
    assert value(figures, "book", "book", "mean_rate")[0] == pytest.approx((0.10 * 50 + 0.125 * 100) / 150)


def test_customers_whose_decision_changes() -> None:
    customers = compare(book([100, 200, 0]), book([100, 150, 0])).customers
    assert customers["customer_key"].tolist() == ["b"]
    assert customers.loc[0, ["credit_limit_before", "credit_limit_after"]].tolist() == [200, 150]


def test_other_customers_are_refused() -> None:
    with pytest.raises(ValueError, match="different customers"):
        compare(book([1, 2, 3]), book([1, 2, 3], customer_key=["a", "b", "d"]))
