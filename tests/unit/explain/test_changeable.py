"""The list of what can be changed: complete, never against the model's promises, never about who somebody is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tierline.errors import ConfigurationError
from tierline.explain import load_changeable
from tierline.features import FEATURES

BANNED = (
    "customers.region_code",
    "customers.segment",
    "customers.birth_year",
    "customers.industry_code",
    "macro.value",
)


def moved() -> dict[str, int]:
    listed = load_changeable().directions([feature.name for feature in FEATURES])
    return {name: way for features in listed.values() for name, way in features.items()}


def test_every_feature_is_listed_exactly_once() -> None:
    changeable, found = load_changeable(), moved()
    for feature in FEATURES:
        assert (feature.name in found) != (changeable.why_fixed(feature.name) is not None), feature.name
    assert 60 < len(found) < len(FEATURES)


def test_nothing_of_who_somebody_is_or_where_they_live_is_changeable() -> None:
    found = moved()
    for feature in FEATURES:
        if set(feature.sources) & set(BANNED) or "customers.registered_on" in feature.sources:
            assert feature.name not in found, feature.name


def test_a_change_is_never_in_the_direction_of_more_risk() -> None:
    found = moved()
    for feature in FEATURES:
        if feature.monotone and feature.name in found:
            assert found[feature.name] == -feature.monotone, feature.name


def test_past_repayment_can_only_improve_with_time() -> None:
    changeable = load_changeable()
    for name, features in changeable.directions([feature.name for feature in FEATURES]).items():
        codes = {feature.reason for feature in FEATURES if feature.name in features}
        assert changeable.behaviours[name].with_time or "LATE_PAYMENT" not in codes, name


def test_both_languages_are_given() -> None:
    for name, behaviour in load_changeable().behaviours.items():
        assert behaviour.en.isascii(), name
        assert all("\u4e00" <= letter <= "\u9fff" or letter in "，" for letter in behaviour.zh), name


RULE = "best: 0, within: 1, with_time: false, en: e, zh: z"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("behaviours: {a: {down: [x], best: 2, within: 1, with_time: false, en: e, zh: z}}", r"behaviours\.a\.best"),
        ("behaviours: {a: {down: [x], best: 0, within: 1, with_time: false, zh: z}}", r"behaviours\.a\.en"),
        (f"behaviours: {{a: {{down: [x], side: 1, {RULE}}}}}", r"behaviours\.a\.side"),
        ("behaviours: [", "cannot be read as YAML"),
        ("", "mine.yaml"),
    ],
)
def test_a_wrong_list_is_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=says) as refused:
        load_changeable(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        f"behaviours: {{a: {{down: ['x*'], {RULE}}}, b: {{up: [xy], {RULE}}}}}",
        f"behaviours: {{a: {{down: ['x*'], {RULE}}}}}\nfixed: [{{features: [xy], why: because}}]",
    ],
)
def test_a_feature_listed_twice_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="xy is listed under a and"):
        load_changeable(path).directions(["xy"])
