"""One customer: the change known by hand, and what holds for every customer of the tiny book."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from unit.explain.hand_made import made_up_book, many_trees, one_split
from unit.training.tiny_world import AS_OF, CONTEXT, tiny_bundle, tiny_lake

from tierline.errors import TierlineError
from tierline.explain import Changeable, beside_book, change_of_tier, load_changeable
from tierline.explain.book import Beside
from tierline.features import build_features, customer_spine
from tierline.models import ModelBundle
from tierline.policy import ScalePolicy

NAMES = ("region_unemployment", "gambling_count_30d", "gambling_count_90d", "max_dpd_all")


def scale(*bounds: float) -> ScalePolicy:
    named = dict(zip("ABCDEFG", [*bounds, 1.0], strict=False))
    middle = {name: high * 0.9 for name, high in named.items()}
    points = {"score_base": 600.0, "score_odds": 50.0, "score_pdo": 20.0}
    return ScalePolicy(tier_bounds=named, reference_pd=middle, hysteresis=0.0, **points)


def book(**columns: list[float]) -> pa.Table:
    rows = len(next(iter(columns.values()), range(10)))
    table = {name: columns.get(name, [0.0] * rows) for name in NAMES}
    return pa.table({"customer_key": [f"k{row}" for row in range(rows)], **table})


def beside(bundle: ModelBundle, features: pa.Table, key: str) -> Beside:
    return beside_book(bundle, [features.slice(0, 4), features.slice(4)], key)


def test_the_change_of_a_single_split_is_the_nearest_value_on_its_good_side() -> None:
    bundle = one_split(NAMES, "gambling_count_90d")
    features = book(gambling_count_90d=[float(value) for value in range(10)], gambling_count_30d=[0.0] * 9 + [5.0])
    bad, good = bundle.predict_pd(features)[9], bundle.predict_pd(features)[0]
    change = change_of_tier(bundle, beside(bundle, features, "k9"), scale((bad + good) / 2), load_changeable())
    assert change is not None
    (step,) = change.steps
    (move,) = step.moves  # the other window is not looked at by the trees
    assert (step.behaviour, step.with_time) == ("gamble_less", False)
    assert (move.feature, move.before, move.after) == ("gambling_count_90d", 9.0, 3.0)
    assert (move.position_before, move.position_after) == (1.0, 0.4)
    assert (change.better_tier, change.tier) == ("A", "A")
    assert change.pd_12m == good == change.lowest_pd


@pytest.mark.parametrize("fixed", ["region_unemployment", "max_dpd_all"])
def test_what_is_fixed_is_never_moved_and_no_change_is_admitted(fixed: str) -> None:
    bundle = one_split(NAMES, fixed)
    features = book(**{fixed: [float(value) for value in range(10)]})
    bad, good = bundle.predict_pd(features)[9], bundle.predict_pd(features)[0]
    change = change_of_tier(bundle, beside(bundle, features, "k9"), scale((bad + good) / 2), load_changeable())
    assert change is not None
    assert (change.steps, change.pd_12m, change.tier, change.lowest_pd) == ((), bad, "B", bad)


def test_a_past_of_late_payment_improves_a_little_and_only_with_time() -> None:
    """5 stands at 60 % of the book and 3 at 40 %: near enough. 9 stands at 100 %: not within a quarter of the book."""
    bundle = one_split((*NAMES, "late_count_90d"), "late_count_90d")
    features = book().append_column("late_count_90d", pa.array([float(value) for value in range(10)]))
    bad, good = bundle.predict_pd(features)[9], bundle.predict_pd(features)[0]
    found = {
        key: change_of_tier(bundle, beside(bundle, features, key), scale((bad + good) / 2), load_changeable())
        for key in ("k5", "k9")
    }
    assert found["k5"] is not None
    assert [(step.behaviour, step.with_time) for step in found["k5"].steps] == [("pay_on_time", True)]
    assert [(move.before, move.after) for move in found["k5"].steps[0].moves] == [(5.0, 3.0)]
    assert found["k9"] is not None
    assert (found["k9"].steps, found["k9"].lowest_pd) == ((), bad)


def test_the_best_tier_needs_no_change() -> None:
    bundle = one_split(NAMES, "gambling_count_90d")
    features = book(gambling_count_90d=[float(value) for value in range(10)])
    assert change_of_tier(bundle, beside(bundle, features, "k9"), scale(0.9), load_changeable()) is None


def test_a_tier_two_better_is_not_asked_for() -> None:
    bundle = one_split(NAMES, "gambling_count_90d")
    features = book(gambling_count_90d=[float(value) for value in range(10)])
    bad = bundle.predict_pd(features)[9]
    change = change_of_tier(
        bundle, beside(bundle, features, "k9"), scale(0.0001, 0.0002, bad * 0.99), load_changeable()
    )
    assert change is not None
    assert (change.better_tier, change.needed_pd) == ("C", bad * 0.99)


def test_a_tier_kept_from_the_night_before_is_left_by_passing_its_bound_by_the_hysteresis() -> None:
    bundle = one_split(NAMES, "gambling_count_90d")
    features = book(gambling_count_90d=[float(value) for value in range(10)])
    good, bad = bundle.predict_pd(features)[[0, 9]]
    kept = scale(bad * 1.05).model_copy(update={"hysteresis": 0.1})  # by the bounds alone the PD is in the best tier
    change = change_of_tier(bundle, beside(bundle, features, "k9"), kept, load_changeable(), "B")
    assert change is not None
    assert (change.better_tier, change.needed_pd) == ("A", pytest.approx(bad * 1.05 * 0.9))
    assert change.pd_12m == pytest.approx(good)
    assert change_of_tier(bundle, beside(bundle, features, "k9"), kept, load_changeable(), "A") is None


def test_a_category_is_never_moved() -> None:
    bundle = one_split(NAMES, "gambling_count_90d")
    listed = Changeable.model_validate(
        {"behaviours": {"a": {"down": ["*"], "best": 0, "within": 1, "with_time": False, "en": "e", "zh": "z"}}}
    )
    card = bundle.card.model_copy(update={"categories": {"gambling_count_90d": [str(value) for value in range(10)]}})
    coded = ModelBundle(bundle.booster, card, bundle.test_rows, bundle.reference_rows)
    features = book(gambling_count_90d=[float(value) for value in range(10)])
    features = features.set_column(3, "gambling_count_90d", pa.array([str(value) for value in range(10)]))
    bad, good = coded.predict_pd(features)[9], coded.predict_pd(features)[0]
    change = change_of_tier(coded, beside(coded, features, "k9"), scale((bad + good) / 2), listed)
    assert change is not None
    assert change.steps == ()


@pytest.fixture(scope="module")
def tiny() -> pa.Table:
    return build_features(tiny_lake(), customer_spine(tiny_lake(), AS_OF), CONTEXT)


def test_contributions_are_those_of_lightgbm_against_the_mean_of_the_book(tiny: pa.Table) -> None:
    bundle, row = tiny_bundle(), 17
    key = tiny.column("customer_key")[row].as_py()
    found = beside_book(bundle, [tiny.slice(0, 100), tiny.slice(100)], key)
    values = bundle.booster.predict(bundle.matrix(tiny), pred_contrib=True)[:, :-1]
    codes = np.array([bundle.card.reasons[name] for name in bundle.card.features])
    expected = {code: values[:, codes == code].sum(axis=1) for code in set(codes)}
    assert {one.code for one in found.contributions} == set(codes)
    for one in found.contributions:
        assert one.log_odds == pytest.approx(expected[one.code][row], abs=1e-8)
        assert one.against_book == pytest.approx(expected[one.code][row] - expected[one.code].mean(), abs=1e-8)
    above = [one.against_book for one in found.contributions]
    assert above == sorted(above, reverse=True)
    assert found.book.shape == (tiny.num_rows, len(bundle.card.features))
    with pytest.raises(TierlineError, match="nobody: no features of this night"):
        beside_book(bundle, [tiny], "nobody")


def test_every_change_is_verified_and_keeps_to_its_list() -> None:
    """Customers all over a made-up book: what is moved, how far, and that the model agrees."""
    bundle, listed = many_trees(), load_changeable()
    features, _ = made_up_book()
    pd_12m = bundle.predict_pd(features)
    bounds = scale(*np.quantile(pd_12m, [0.3, 0.5, 0.7, 0.9]).tolist())
    reached = 0
    for row in range(0, len(features), 25):
        mine = beside_book(bundle, [features], f"k{row:03d}")
        change = change_of_tier(bundle, mine, bounds, listed)
        assert change == change_of_tier(bundle, mine, bounds, listed)
        if change is None:
            assert pd_12m[row] <= bounds.tier_bounds["A"]
            continue
        if not change.steps:
            assert change.pd_12m == pd_12m[row]
            assert change.lowest_pd > change.needed_pd
            continue
        reached += 1
        changed = features.slice(row, 1).to_pandas()
        for step in change.steps:
            assert step.with_time == (step.behaviour == "pay_on_time")
            for move in step.moves:
                assert move.feature not in ("region_unemployment", "registered_days")
                assert changed.loc[0, move.feature] == move.before
                assert move.after in features.column(move.feature).to_pylist()
                assert move.position_after < move.position_before
                rises = move.feature in ("balance_mean_90d", "on_time_ratio_365d")
                assert (move.after > move.before) == rises
                changed.loc[0, move.feature] = move.after
        assert changed.loc[0, "gambling_count_30d"] <= changed.loc[0, "gambling_count_90d"]
        assert bundle.predict_pd(changed)[0] == change.pd_12m <= change.needed_pd < pd_12m[row]
    assert reached >= 10
