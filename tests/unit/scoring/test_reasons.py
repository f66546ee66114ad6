"""Reasons: exact contributions, grouped, adverse only, largest first."""

from __future__ import annotations

import re

import numpy as np
import pytest
from unit.training.tiny_world import AS_OF, CONTEXT, tiny_bundle, tiny_lake

from tierline.features import FEATURES, build_features, customer_spine
from tierline.scoring import load_reasons
from tierline.scoring.reasons import IN_DEFAULT, TOP, grouped_contributions, top_reasons

CODES = ["A", "B", "C", "D", "E"]


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    features = build_features(tiny_lake(), customer_spine(tiny_lake(), AS_OF), CONTEXT)
    return tiny_bundle().matrix(features)


def test_contributions_and_base_sum_to_the_margin(matrix: np.ndarray) -> None:
    bundle = tiny_bundle()
    _, grouped = grouped_contributions(bundle, matrix)
    base = bundle.booster.predict(matrix[:1], pred_contrib=True)[0, -1]
    assert grouped.sum(axis=1) + base == pytest.approx(bundle.booster.predict(matrix, raw_score=True), abs=1e-9)


def test_a_group_is_the_sum_of_its_features(matrix: np.ndarray) -> None:
    bundle = tiny_bundle()
    codes, grouped = grouped_contributions(bundle, matrix)
    values = bundle.booster.predict(matrix, pred_contrib=True)
    expected = {code: np.zeros(len(matrix)) for code in codes}
    for index, name in enumerate(bundle.card.features):
        expected[next(f.reason for f in FEATURES if f.name == name)] += values[:, index]
    assert codes == sorted({f.reason for f in FEATURES if f.name in bundle.card.features})
    for index, code in enumerate(codes):
        assert grouped[:, index] == pytest.approx(expected[code], abs=1e-12)


def test_rows_are_explained_alike_in_small_portions(matrix: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = grouped_contributions(tiny_bundle(), matrix)[1]
    monkeypatch.setattr("tierline.scoring.reasons._ROWS_AT_ONCE", 7)
    assert np.array_equal(grouped_contributions(tiny_bundle(), matrix)[1], whole)


def test_the_largest_adverse_contributions_come_first() -> None:
    """Against a book mean of zero: the first row has all but A adverse, the second only B."""
    grouped = np.array([[-1.0, 0.1, 0.5, 0.2, 0.3], [1.0, 0.0, -0.5, -0.2, -0.3]])
    assert grouped.mean(axis=0) == pytest.approx([0, 0.05, 0, 0, 0])
    reasons = top_reasons(CODES, grouped, np.array([False, False]))
    assert reasons == [["C", "E", "D", "B"], ["A", None, None, None]]


def test_what_everybody_has_is_no_reason() -> None:
    """A raises every PD by the same amount; B raises the first customer's above the book."""
    reasons = top_reasons(["A", "B"], np.array([[3.0, 0.2], [3.0, 0.0]]), np.array([False, False]))
    assert reasons == [["B", None, None, None], [None] * TOP]


def test_equal_contributions_are_ordered_by_code() -> None:
    grouped = np.vstack([np.full(5, 1.0), np.full(5, -1.0)])
    assert top_reasons(CODES, grouped, np.array([False, False]))[0] == ["A", "B", "C", "D"]


def test_default_is_the_first_reason_and_leaves_three() -> None:
    grouped = np.array([[0.5, 0.4, 0.3, 0.2, 0.1], [-0.5, -0.4, -0.3, -0.2, -0.1]])
    reasons = top_reasons(CODES, grouped, np.array([True, True]))
    assert reasons == [[IN_DEFAULT, "A", "B", "C"], [IN_DEFAULT, None, None, None]]


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
