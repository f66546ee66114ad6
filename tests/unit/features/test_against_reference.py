"""Every feature against the plain pandas reference, on a random world."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import lakes
import pyarrow as pa
import pytest
from unit.features.reference import reference_features
from unit.features.worlds import VOCABULARY, random_world

from tierline.features import FEATURE_TABLE, FEATURES, FeatureContext, build_features, customer_spine
from tierline.lake import Lake

WHOLE = {"count", "days", "flag", "months"}
DATES = [date(2023, 6, 30), date(2024, 4, 30), date(2024, 8, 22)]


def built(lake: Lake, dates: list[date], context: FeatureContext) -> dict[tuple[str, date], dict[str, float | None]]:
    spine = pa.concat_tables([customer_spine(lake, day) for day in dates])
    rows = build_features(lake, spine, context).to_pylist()
    return {(row["customer_key"], row["as_of"]): row for row in rows}


@pytest.mark.parametrize(("timezone", "dates"), [("UTC", DATES), ("Asia/Shanghai", [date(2024, 2, 29)])])
def test_features_equal_the_reference(tmp_path: Path, timezone: str, dates: list[date]) -> None:
    world = random_world(seed=3)
    lake = lakes.write_lake(tmp_path, world, buckets=3, timezone=timezone)
    answers = built(lake, dates, FeatureContext(timezone, VOCABULARY))
    wrong: dict[str, str] = {}
    compared = 0
    for day in dates:
        expected = reference_features(world, day, timezone, VOCABULARY)
        assert {key for key, as_of in answers if as_of == day} == set(expected)
        named = {name for values in expected.values() for name in values}
        assert named >= {feature.name for feature in FEATURES}, "a feature without a reference"
        for key, values in expected.items():
            for name in ("latest_event_on", "latest_known_on"):
                if values[name] != answers[key, day][name]:
                    wrong.setdefault(name, f"{key[:6]} at {day}: {values[name]}, built {answers[key, day][name]}")
            for feature in FEATURES:
                want, got = values.get(feature.name), answers[key, day][feature.name]
                compared += 1
                if not same(want, got, feature.unit in WHOLE and "mean" not in feature.name):
                    wrong.setdefault(feature.name, f"{key[:6]} at {day}: reference {want}, built {got}")
    assert not wrong
    assert compared >= 20 * len(dates) * len(FEATURES)


def same(want: float | None, got: float | None, exactly: bool) -> bool:
    if want is None or got is None or math.isnan(want):
        return got is None and (want is None or math.isnan(want))
    if exactly and float(want).is_integer():
        return want == got
    return math.isclose(want, got, rel_tol=1e-12, abs_tol=1e-11)


def test_the_random_world_reaches_every_feature(tmp_path: Path) -> None:
    """A comparison of nulls with nulls, or of one constant, would prove nothing."""
    world = random_world(3)
    lake = lakes.write_lake(tmp_path, world, buckets=3)
    rows = list(built(lake, DATES, FeatureContext("UTC", VOCABULARY)).values())
    for feature in FEATURES:
        seen = {row[feature.name] for row in rows} - {None}
        assert len(seen) >= 2, feature.name


def test_features_are_sorted_doubles_under_their_registered_names(tmp_path: Path) -> None:
    lake = lakes.write_lake(tmp_path, random_world(3, customers=4, transactions=10))
    spine = pa.concat_tables([customer_spine(lake, day) for day in DATES])
    table = build_features(lake, spine, FeatureContext("UTC", VOCABULARY))
    assert table.schema.equals(FEATURE_TABLE.arrow_schema)
    assert all(table.schema.field(feature.name).type == pa.float64() for feature in FEATURES)
    keys = list(zip(table["as_of"].to_pylist(), table["customer_key"].to_pylist(), strict=True))
    assert keys == sorted(keys)
