"""Reasons: exact contributions, grouped, adverse only, largest first."""

from __future__ import annotations

import re
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from unit.training.tiny_world import AS_OF, CONTEXT, tiny_bundle, tiny_lake

from tierline.features import FEATURES, build_features, customer_spine
from tierline.scoring import load_reasons
from tierline.scoring.reasons import IN_DEFAULT, TOP, top_reasons
from tierline.shapley import UNIT

CODES = ("A", "B", "C", "D", "E")


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    features = build_features(tiny_lake(), customer_spine(tiny_lake(), AS_OF), CONTEXT)
    return tiny_bundle().matrix(features)


def units(contributions: list[list[float]]) -> np.ndarray:
    return np.rint(np.array(contributions) / UNIT).astype(np.int64)


def reasons_of(
    contributions: np.ndarray, in_default: list[bool], codes: tuple[str, ...] = CODES
) -> list[list[str | None]]:
    parts = np.array_split(contributions, max(1, len(contributions) // 7))  # in small portions
    ranks = top_reasons(codes, parts, np.array(in_default))
    return [list(row) for row in zip(*(rank.to_pylist() for rank in ranks), strict=True)]


def test_a_group_is_the_sum_of_its_features(matrix: np.ndarray) -> None:
    bundle = tiny_bundle()
    model = bundle.reason_model()
    values = bundle.booster.predict(matrix, pred_contrib=True)
    expected = {code: np.zeros(len(matrix)) for code in model.codes}
    for index, name in enumerate(bundle.card.features):
        expected[next(f.reason for f in FEATURES if f.name == name)] += values[:, index]
    assert list(model.codes) == sorted({f.reason for f in FEATURES if f.name in bundle.card.features})
    grouped = model.contributions(matrix) * UNIT
    for index, code in enumerate(model.codes):
        assert grouped[:, index] == pytest.approx(expected[code], abs=UNIT)


def test_the_largest_adverse_contributions_come_first() -> None:
    """Against a book mean of zero: the first row has all but A adverse, the second only A."""
    contributions = units([[-1.0, 0.1, 0.5, 0.2, 0.3], [1.0, 0.0, -0.5, -0.2, -0.3]])
    assert reasons_of(contributions, [False, False]) == [["C", "E", "D", "B"], ["A", None, None, None]]


def test_what_everybody_has_is_no_reason() -> None:
    """A raises every PD by the same amount, which no fraction of two holds; B raises the first customer's alone."""
    contributions = units([[0.1, 0.2], [0.1, 0.0], [0.1, 0.0]])
    assert reasons_of(contributions, [False] * 3, ("A", "B")) == [["B", None, None, None], [None] * TOP, [None] * TOP]


def test_equal_contributions_are_ordered_by_code() -> None:
    contributions = units([[1.0] * 5, [-1.0] * 5])
    assert reasons_of(contributions, [False, False])[0] == ["A", "B", "C", "D"]


def test_default_is_the_first_reason_and_leaves_three() -> None:
    contributions = units([[0.5, 0.4, 0.3, 0.2, 0.1], [-0.5, -0.4, -0.3, -0.2, -0.1]])
    assert reasons_of(contributions, [True, True]) == [[IN_DEFAULT, "A", "B", "C"], [IN_DEFAULT, None, None, None]]


def test_against_sorting_row_by_row() -> None:
    """Whole numbers with many ties; the mean as a fraction of whole numbers; in small portions."""
    rng = np.random.default_rng(1)
    contributions = rng.integers(-5, 6, size=(200, 5))
    in_default = rng.random(200) < 0.2
    means = [Fraction(int(total), 200) for total in contributions.sum(axis=0)]
    expected = []
    for row, bad in zip(contributions.tolist(), in_default, strict=True):
        # the book's rule: above the mean, larger excess over the mean's whole part first, then by code
        adverse = [
            (floor(mean) - value, code) for value, mean, code in zip(row, means, CODES, strict=True) if value > mean
        ]
        named = [IN_DEFAULT] * bool(bad) + [code for _, code in sorted(adverse)]
        expected.append((named + [None] * TOP)[:TOP])
    assert reasons_of(contributions, in_default.tolist()) == expected


def test_every_reason_of_the_registry_has_both_texts_and_every_text_is_used() -> None:
    texts = load_reasons()
    assert set(texts) == {feature.reason for feature in FEATURES} | {IN_DEFAULT}
    for code, text in texts.items():
        assert re.fullmatch(r"[A-Z_]+", code)
        assert set(text) == {"en", "zh"}
        assert text["en"].isascii()
        assert len(text["en"]) > 5
        assert re.search(r"[\u4e00-\u9fff]{2}", text["zh"])
    assert len({text["en"] for text in texts.values()}) == len(texts)
    assert len({text["zh"] for text in texts.values()}) == len(texts)
