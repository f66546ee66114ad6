"""Tiers and score points, against the bounds and the law of the scale."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.policy.profiles import packaged_policy, policy_with

from tierline.errors import TierlineError
from tierline.schemas import PUBLISHED
from tierline.tiers import assign_tiers, score_points, tiered_scores
from tierline.tiers import tiers_of as tiers_kept

SCALE = packaged_policy(date(2026, 6, 30)).scale
BOUNDS = {"A": 0.005, "B": 0.01, "C": 0.02, "D": 0.04, "E": 0.08, "F": 0.15, "G": 1.0}
NAMES = list(BOUNDS)
pds = st.floats(min_value=0, max_value=1)


def tiers_of(*pd_12m: float) -> list[str]:
    return list(assign_tiers(np.array(pd_12m), np.zeros(len(pd_12m), dtype=bool), SCALE))


def points_of(*pd_12m: float) -> list[float]:
    return score_points(np.array(pd_12m), SCALE).tolist()


@pytest.mark.parametrize("tier", NAMES)
def test_a_bound_belongs_to_its_tier_and_the_next_float_to_the_next(tier: str) -> None:
    bound = BOUNDS[tier]
    assert tiers_of(bound, np.nextafter(bound, 0)) == [tier, tier]
    if tier != "G":
        assert tiers_of(np.nextafter(bound, 1)) == [NAMES[NAMES.index(tier) + 1]]


def test_the_ends_of_the_scale() -> None:
    assert tiers_of(0.0, 1.0) == ["A", "G"]


@pytest.mark.parametrize("pd_12m", [math.nan, -1e-12, 1.0000001, math.inf, -math.inf])
def test_what_is_no_probability_has_no_tier(pd_12m: float) -> None:
    with pytest.raises(TierlineError, match=r"pd_12m: must be in \[0, 1\]; 1 rows are not, first row 1 ") as refused:
        tiers_of(0.02, pd_12m, 0.03)
    assert "\n" not in str(refused.value)


def test_default_is_tier_x_whatever_the_pd() -> None:
    got = assign_tiers(np.array([0.0, 0.02, 1.0]), np.array([True, False, True]), SCALE)
    assert list(got) == ["X", "C", "X"]


@settings(max_examples=200, deadline=None)
@given(pds)
def test_any_pd_has_the_first_tier_whose_bound_it_keeps(pd_12m: float) -> None:
    (tier,) = tiers_of(pd_12m)
    assert tier == next(name for name, bound in BOUNDS.items() if pd_12m <= bound)


def test_600_points_at_odds_of_50_to_1() -> None:
    assert points_of(1 / 51) == pytest.approx([600], abs=1e-9)


def test_factor_and_offset_are_those_of_the_scale() -> None:
    assert points_of(0.5) == pytest.approx([487.123], abs=5e-4)  # even odds: the offset
    odds = math.e
    (at_e,), (at_1,) = points_of(1 / (1 + odds)), points_of(0.5)
    assert at_e - at_1 == pytest.approx(28.8539, abs=5e-5)


@pytest.mark.parametrize("odds", [0.5, 1.0, 3.0, 50.0, 1000.0])
def test_doubling_the_odds_is_20_points(odds: float) -> None:
    low, high = points_of(1 / (1 + odds), 1 / (1 + 2 * odds))
    assert high - low == pytest.approx(20, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(pds, pds)
def test_more_risk_is_never_a_better_tier_or_more_points(one: float, other: float) -> None:
    low, high = sorted((one, other))
    better, worse = tiers_of(low, high)
    assert NAMES.index(better) <= NAMES.index(worse)
    most, least = points_of(low, high)
    assert math.isfinite(most)
    assert math.isfinite(least)
    assert most >= least


def test_another_scale_of_points(tmp_path: Path) -> None:
    numbers = {"scale.score_base": 500.0, "scale.score_odds": 1.0, "scale.score_pdo": 50.0}
    scale = policy_with(tmp_path, date(2026, 6, 30), numbers).scale
    assert score_points(np.array([0.5, 1 / 3, 0.2]), scale) == pytest.approx([500, 550, 600], abs=1e-9)


def test_the_published_table_has_tier_and_score_of_each_row_sorted_by_key() -> None:
    scored = pa.table(
        {
            "customer_key": ["b", "a"],
            "as_of": pa.array([date(2026, 6, 30)] * 2),
            "pd_12m": [1 / 51, 1.0],
            "in_default": [False, True],
            "thin_file": [True, False],
            "model_id": ["m", "m"],
        }
        | {f"reason_{rank}": pa.array([None, None], pa.string()) for rank in (1, 2, 3, 4)}
    )
    table = tiered_scores(scored, SCALE)
    assert table.column_names == list(PUBLISHED["scores"].column_names)
    assert table.column("customer_key").to_pylist() == ["a", "b"]
    assert table.column("tier").to_pylist() == ["X", "C"]
    assert table.column("score").to_pylist()[1] == pytest.approx(600, abs=1e-9)


def table_of(pd_12m: list[float], in_default: list[bool] | None = None) -> pa.Table:
    keys = [f"c{number:05d}" for number in range(len(pd_12m))]
    return pa.table({"customer_key": keys, "pd_12m": pd_12m, "in_default": in_default or [False] * len(keys)})


def before_of(tiers: list[str]) -> pa.Table:
    """Last night's scores, in another order and with somebody who has left."""
    keys = [f"c{number:05d}" for number in range(len(tiers))]
    return pa.table({"customer_key": [*keys, "gone"][::-1], "tier": [*tiers, "A"][::-1]})


@pytest.mark.parametrize(
    ("before", "pd_12m", "tier"),
    [
        ("B", 0.0109, "B"),
        ("B", 0.0111, "C"),
        ("C", 0.0091, "C"),
        ("C", 0.0089, "B"),
        ("A", 0.0, "A"),
        ("A", 0.0054, "A"),
        ("A", 0.0056, "B"),
        ("G", 0.14, "G"),
        ("G", 0.13, "F"),
        ("G", 1.0, "G"),
        ("A", 0.0109, "C"),  # from A to C: what B would keep is nobody's
        ("X", 0.0109, "C"),
        ("old", 0.0109, "C"),
    ],
)
def test_last_night_s_tier_is_kept_until_the_pd_has_passed_a_bound_by_a_tenth(
    before: str, pd_12m: float, tier: str
) -> None:
    assert list(tiers_kept(table_of([pd_12m]), SCALE, before_of([before]))) == [tier]


def test_default_and_new_customers_keep_nothing() -> None:
    scored = table_of([0.0105, 0.0105, 0.0105], [True, False, False])
    assert list(tiers_kept(scored, SCALE, before_of(["B", "B"]))) == ["X", "B", "C"]
    assert list(tiers_kept(scored, SCALE, None)) == ["X", "C", "C"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(pds, st.sampled_from([*NAMES, "X"])), min_size=1, max_size=30))
def test_tiers_settle_at_once_and_rise_with_the_pd_apart_from_the_band(rows: list[tuple[float, str]]) -> None:
    values, before = [pd_12m for pd_12m, _ in rows], [tier for _, tier in rows]
    first = list(tiers_kept(table_of(values), SCALE, before_of(before)))
    assert list(tiers_kept(table_of(values), SCALE, before_of(first))) == first, "nothing changed, so nobody moves"
    for one, tier in zip(values, first, strict=True):
        for other, other_tier in zip(values, first, strict=True):
            if NAMES.index(tier) > NAMES.index(other_tier):  # a worse tier with the lower PD only inside one band
                assert one > other or min(abs(one / bound - 1) for bound in BOUNDS.values()) <= 0.1 + 1e-9


def test_noise_on_the_pds_moves_fewer_customers_than_without_hysteresis(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    pd_12m = np.exp(rng.normal(-3.5, 1, 20_000)).clip(0, 1)
    noisy = (pd_12m * np.exp(rng.normal(0, 0.05, 20_000))).clip(0, 1)
    start = tiers_of(*pd_12m)
    plain = policy_with(tmp_path, date(2026, 6, 30), {"scale.hysteresis": 0.0}).scale
    moves = {
        name: int((tiers_kept(table_of(noisy.tolist()), scale, before_of(start)) != np.array(start)).sum())
        for name, scale in (("with", SCALE), ("without", plain))
    }
    assert moves["without"] > 500
    assert moves["with"] < moves["without"] / 10
