"""Exact contributions: against LightGBM's own ``pred_contrib``, and by enumeration of coalitions."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import lightgbm as lgb
import numpy as np
import pytest

from tierline.errors import TierlineError
from tierline.shapley import TreeExplainer

Parameters = dict[str, object]
TIGHT = 1e-10


def rows(seed: int, number: int = 1_500, features: int = 8) -> np.ndarray:
    """Skewed columns with missing values, zeros of both signs, a constant column and a small set of codes."""
    rng = np.random.default_rng(seed)
    x = rng.lognormal(size=(number, features)) - 0.5
    x[rng.random(x.shape) < 0.15] = np.nan
    x[rng.random(x.shape) < 0.2] = 0.0
    x[:, 6] = rng.integers(0, 40, number)
    x[:, 7] = 3.0
    return x


def fitted(x: np.ndarray, trees: int = 20, categorical: tuple[int, ...] = (), **parameters: object) -> lgb.Booster:
    rng = np.random.default_rng(len(x))
    z = np.nan_to_num(x, nan=1.0)
    score = z[:, 0] * (z[:, 1] > 0.3) - z[:, 2] + (z[:, 6] % 5) / 2 + z[:, 3] * z[:, 4]
    y = (score + rng.normal(size=len(x)) > 1).astype(np.float64)
    given = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, "deterministic": True}
    data = lgb.Dataset(x, y, categorical_feature=list(categorical), params={"verbosity": -1})
    return lgb.train(given | parameters, data, trees)


def assert_exact(booster: lgb.Booster, x: np.ndarray) -> None:
    """Equal to ``pred_contrib``; contributions and expected value make the margin; its own column is it bit by bit."""
    explainer = TreeExplainer.of(booster)
    found = explainer.contributions(x)
    expected = np.asarray(booster.predict(x, pred_contrib=True))
    assert np.abs(found - expected[:, :-1]).max() <= TIGHT
    assert explainer.expected_value == pytest.approx(expected[0, -1], abs=TIGHT)
    margin = np.asarray(booster.predict(x, raw_score=True))
    assert np.abs(found.sum(axis=1) + explainer.expected_value - margin).max() <= TIGHT
    with_margin = explainer.with_margin().contributions(x)
    assert np.array_equal(with_margin[:, -1], margin)
    assert np.array_equal(with_margin[:, :-1], found)


def extremes(features: int = 8) -> np.ndarray:
    """Every column at values where LightGBM's rules of zero, missing, unknown and unbounded values meet."""
    values = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-36, -1e-36, 1.0000000180025095e-35, -1.0000000180025095e-35]
    values += [-1.0, -0.5, 0.5, 39.9, 40.0, 1e6, 1e300, -3.0]
    rng = np.random.default_rng(5)
    return rng.choice(values, size=(400, features))


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"num_leaves": 12}, id="ordinary"),
        pytest.param({"num_leaves": 2}, id="stumps"),
        pytest.param({"num_leaves": 31, "use_missing": False}, id="missing-type-none"),
        pytest.param({"num_leaves": 31, "zero_as_missing": True}, id="missing-type-zero"),
        pytest.param({"num_leaves": 20, "monotone_constraints": [1, 0, -1, 0, 1, 0, 0, 0]}, id="monotone"),
        pytest.param({"num_leaves": 255, "min_data_in_leaf": 1, "trees": 4}, id="255-leaves"),
        pytest.param(
            {"num_leaves": 15, "categorical": (6,), "min_data_per_group": 5, "cat_smooth": 1}, id="categories"
        ),
        pytest.param({"num_leaves": 15, "categorical": (6,), "max_cat_to_onehot": 64}, id="one-category"),
        pytest.param({"num_leaves": 15, "bagging_fraction": 0.5, "bagging_freq": 1, "boosting": "dart"}, id="dart"),
    ],
)
def test_equal_to_lightgbm(parameters: Parameters) -> None:
    x = rows(1)
    booster = fitted(x, **parameters)  # type: ignore[arg-type]
    kinds = set(booster.trees_to_dataframe()["missing_type"].dropna())
    assert ("Zero" in kinds) is bool(parameters.get("zero_as_missing"))
    assert_exact(booster, x)
    assert_exact(booster, extremes())


@pytest.mark.parametrize("seed", range(8))
def test_equal_to_lightgbm_on_random_models(seed: int) -> None:
    rng = np.random.default_rng(seed)
    leaves, depth = int(rng.integers(2, 64)), int(rng.integers(2, 14))
    x = rows(seed, int(rng.integers(300, 1_200)))
    assert_exact(fitted(x, trees=10, num_leaves=leaves, max_depth=depth, learning_rate=0.3), np.vstack([x, extremes()]))


def test_paths_of_many_features_and_repeated_ones() -> None:
    """Forty features on a staircase: leaves far beyond the largest table, and splits on one feature again and again."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4_000, 40))
    y = np.argmax(x > 1.0, axis=1) + 0.3 * np.floor(x[:, 0] * 4)
    booster = lgb.train(
        {"objective": "regression", "num_leaves": 60, "min_data_in_leaf": 2, "verbosity": -1, "num_threads": 1},
        lgb.Dataset(x, y), 5,
    )  # fmt: skip
    frame = booster.trees_to_dataframe()
    assert frame["node_depth"].max() > 20
    assert_exact(booster, x[:600])


def test_a_tree_without_a_split_adds_only_to_the_expected_value() -> None:
    x = rows(2, 200)
    booster = fitted(x, trees=3, min_data_in_leaf=150)
    assert booster.num_trees() >= 1
    explainer = TreeExplainer.of(booster)
    assert not explainer.contributions(x).any()
    assert explainer.expected_value == pytest.approx(float(booster.predict(x[:1], raw_score=True)[0]), abs=TIGHT)
    assert np.array_equal(explainer.with_margin().contributions(x)[:, -1], booster.predict(x, raw_score=True))


def test_trees_without_a_split_among_others_count_in_their_place() -> None:
    """Text of a model with a constant tree between every two others; the sum depends on their order."""
    x = rows(9, 400)
    head, *blocks = fitted(x, trees=6, num_leaves=4).model_to_string().split("\nTree=")
    tail = blocks[-1][blocks[-1].index("\nend of trees") :]
    constant = fitted(x, trees=1, min_data_in_leaf=250).model_to_string().split("\nTree=")[1]
    trees = [
        body for block in blocks for body in (block.split("\nend of trees")[0], constant.split("\nend of trees")[0])
    ]
    text = "\n".join(line for line in head.splitlines() if not line.startswith("tree_sizes"))
    text += "".join(f"\nTree={number}\n{tree.split(chr(10), 1)[1]}\n" for number, tree in enumerate(trees)) + tail
    booster = lgb.Booster(model_str=text)
    assert booster.num_trees() == 12
    assert_exact(booster, x)
    leaves = booster.predict(x, pred_leaf=True)
    values = [[booster.get_leaf_output(tree, leaf) for tree, leaf in enumerate(row)] for row in leaves]
    assert not np.array_equal([sum(reversed(row)) for row in values], booster.predict(x, raw_score=True))


def test_a_row_is_explained_alike_alone_and_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rows(4)
    explainer = TreeExplainer.of(fitted(x, num_leaves=31))
    whole = explainer.contributions(x)
    assert np.array_equal(explainer.contributions(x[:1]), whole[:1])
    assert np.array_equal(explainer.contributions(x[700:]), whole[700:])
    assert explainer.contributions(x[:0]).shape == (0, 8)
    monkeypatch.setattr("tierline.shapley.explainer.ROWS_AT_ONCE", 300)
    monkeypatch.setenv("TIERLINE_WORKERS", "3")
    assert np.array_equal(explainer.contributions(np.asfortranarray(x)), whole)


def test_a_group_is_the_sum_of_its_features() -> None:
    x = rows(6)
    booster = fitted(x, num_leaves=63)
    groups = np.array([2, 0, 2, 1, 0, 2, 1, 0])
    grouped = TreeExplainer.of(booster).grouped_by(groups, 4).contributions(x)
    values = np.asarray(booster.predict(x, pred_contrib=True))
    for group in range(4):
        assert np.abs(grouped[:, group] - values[:, :-1][:, groups == group].sum(axis=1)).max() <= TIGHT


def by_enumeration(row: dict[str, float]) -> dict[str, float]:
    """Shapley's formula over all coalitions, for the tree that the next test trains.

    income <= 10 : (debt <= 5 : A, B), C with 30, 10 and 60 learning rows.
    """
    leaves = {"A": 1.0, "B": 4.0, "C": -2.0}

    def worth(present: tuple[str, ...]) -> float:
        left = float(row["income"] <= 10) if "income" in present else 40 / 100
        inner = float(row["debt"] <= 5) if "debt" in present else 30 / 40
        return left * (inner * leaves["A"] + (1 - inner) * leaves["B"]) + (1 - left) * leaves["C"]

    names = ("income", "debt")
    values = dict.fromkeys(names, 0.0)
    for name in names:
        others = [other for other in names if other != name]
        for size in range(len(others) + 1):
            weight = factorial(size) * factorial(len(names) - size - 1) / factorial(len(names))
            for coalition in combinations(others, size):
                values[name] += weight * (worth((*coalition, name)) - worth(coalition))
    return values


def test_a_tree_of_two_features_by_enumeration_of_coalitions() -> None:
    income = np.repeat([8.0, 8.0, 12.0], [30, 10, 60])
    debt = np.repeat([4.0, 6.0, 4.0], [30, 10, 60])
    y = np.repeat([1.0, 4.0, -2.0], [30, 10, 60])
    x = np.column_stack([income, debt])
    booster = lgb.train(
        {
            "objective": "regression", "num_leaves": 3, "min_data_in_leaf": 1, "learning_rate": 1.0, "lambda_l2": 0.0,
            "min_data_in_bin": 1, "verbosity": -1, "num_threads": 1,
        },
        lgb.Dataset(x, y), 1,
    )  # fmt: skip
    frame = booster.trees_to_dataframe()
    assert sorted(frame["count"]) == [10, 30, 40, 60, 100]
    explainer = TreeExplainer.of(booster)
    assert explainer.expected_value == pytest.approx(0.3 * 1 + 0.1 * 4 - 0.6 * 2)
    for one in ((8.0, 4.0), (8.0, 6.0), (12.0, 4.0), (12.0, 6.0)):
        expected = by_enumeration({"income": one[0], "debt": one[1]})
        assert explainer.contributions(np.array([one]))[0] == pytest.approx(list(expected.values()), abs=1e-6)


def test_models_without_a_single_margin_are_refused() -> None:
    x = rows(7, 400)
    forest = fitted(x, boosting="rf", bagging_fraction=0.5, bagging_freq=1)
    with pytest.raises(TierlineError, match="random forest"):
        TreeExplainer.of(forest)
    with pytest.raises(TierlineError, match="linear leaves"):
        TreeExplainer.of(fitted(x, linear_tree=True, boosting="gbdt"))
    y = np.arange(400) % 3
    several = lgb.train({"objective": "multiclass", "num_class": 3, "verbosity": -1}, lgb.Dataset(x, y), 2)
    with pytest.raises(TierlineError, match="several classes"):
        TreeExplainer.of(several)


def test_a_matrix_or_grouping_of_another_width_is_refused() -> None:
    explainer = TreeExplainer.of(fitted(rows(8, 400)))
    with pytest.raises(TierlineError, match="the model has 8 features"):
        explainer.contributions(np.zeros((2, 7)))
    with pytest.raises(TierlineError, match="needs a group from 0 to 1"):
        explainer.grouped_by(np.array([0, 1, 2, 0, 0, 0, 0, 0]), 2)
