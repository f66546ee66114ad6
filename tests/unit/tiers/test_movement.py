"""Whether neighbouring tiers differ, and how customers moved between tiers."""

from __future__ import annotations

from math import comb

import pandas as pd
import pyarrow as pa
import pytest

from tierline.tiers import neighbours_apart, tier_migration


def outcomes(*rows: tuple[str, int, int, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["tier", "rows", "defaults", "design_effect"])


def tail(bad: int, rows: int, other_bad: int, other_rows: int) -> float:
    """Fisher's exact test from the hypergeometric law: at least ``bad`` of all defaults fall among ``rows``."""
    whole, all_bad = rows + other_rows, bad + other_bad
    ways = [comb(all_bad, k) * comb(whole - all_bad, rows - k) for k in range(bad, min(all_bad, rows) + 1)]
    return sum(ways) / comb(whole, rows)


def test_neighbours_are_tested_one_sided_by_the_exact_law() -> None:
    found = neighbours_apart(outcomes(("A", 200, 2, 1.0), ("B", 150, 9, 1.0), ("C", 100, 5, 1.0)), ["A", "B", "C"])
    assert found[["better", "worse"]].to_numpy().tolist() == [["A", "B"], ["B", "C"]]
    assert found["p_value"].tolist() == pytest.approx([tail(9, 150, 2, 200), tail(5, 100, 9, 150)], rel=1e-9)
    assert found["distinct"].tolist() == [True, False]
    assert found["worse_rate"].tolist() == pytest.approx([0.06, 0.05])


def test_overlapping_windows_count_as_fewer_rows() -> None:
    (row,) = neighbours_apart(outcomes(("A", 400, 4, 2.0), ("B", 450, 27, 3.0)), ["A", "B"]).to_dict("records")
    assert row["p_value"] == pytest.approx(tail(9, 150, 2, 200), rel=1e-9)
    assert (row["better_rate"], row["worse_rate"]) == (0.01, 0.06)


def test_a_wrong_order_is_never_distinct_and_empty_tiers_are_passed_over() -> None:
    frame = outcomes(("A", 1000, 100, 1.0), ("B", 0, 0, 1.0), ("C", 1000, 10, 1.0))
    (row,) = neighbours_apart(frame, ["A", "B", "C", "D"]).to_dict("records")
    assert (row["better"], row["worse"], row["distinct"]) == ("A", "C", False)
    assert row["p_value"] > 0.999
    assert neighbours_apart(frame.iloc[:1], ["A"]).empty


def scores(**tiers: str) -> pa.Table:
    return pa.table({"customer_key": list(tiers), "tier": list(tiers.values())})


def test_the_matrix_counts_moves_and_shares_of_the_tier_before() -> None:
    before = scores(a="A", b="A", c="A", d="B", e="B")
    now = scores(f="C", d="B", c="B", b="A", a="A")
    assert tier_migration(before, now).to_numpy().tolist() == [
        ["A", "A", 2, 2 / 3],
        ["A", "B", 1, 1 / 3],
        ["B", "B", 1, 1 / 2],
        ["B", "gone", 1, 1 / 2],
        ["new", "C", 1, 1.0],
    ]


def test_nothing_moved_where_nothing_changed_and_there_is_no_matrix_on_the_first_night() -> None:
    same = scores(a="A", b="B")
    assert tier_migration(same, same)[["before", "now", "share"]].to_numpy().tolist() == [["A", "A", 1], ["B", "B", 1]]
    assert tier_migration(None, same).empty
