"""Every feature against the plain pandas reference, on a random world."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import lakes
import pyarrow as pa
import pytest
from lakes import Row
from unit.features.reference import reference_features
from unit.features.worlds import VOCABULARY, random_world

from tierline.features import FEATURE_TABLE, FEATURES, FeatureContext, build_features, customer_spine

WHOLE = {"count", "days", "flag", "months"}
NAMES = {feature.name for feature in FEATURES}
PROOF = {"latest_event_on", "latest_known_on"}
DATES = (date(2023, 6, 30), date(2024, 4, 30), date(2024, 8, 22))
Rows = dict[tuple[str, date], Row]
Built = tuple[pa.Table, Rows, Rows]


def both(root: Path, seed: int, dates: Sequence[date], timezone: str, customers: int) -> Built:
    """A random world's features as a table, as rows by (customer, date), and as the reference has them."""
    world = random_world(seed, customers=customers)
    lake = lakes.write_lake(root, world, buckets=2, timezone=timezone)
    spine = pa.concat_tables([customer_spine(lake, day) for day in dates])
    table = build_features(lake, spine, FeatureContext(timezone, VOCABULARY))
    rows = {(row["customer_key"], row["as_of"]): row for row in table.to_pylist()}
    expected = {
        (key, day): values
        for day in dates
        for key, values in reference_features(world, day, timezone, VOCABULARY).items()
    }
    return table, rows, expected


@pytest.fixture(scope="module")
def in_utc(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return both(tmp_path_factory.mktemp("lake"), 3, DATES, "UTC", customers=30)


def differing(rows: Rows, expected: Rows) -> dict[str, str]:
    """The first difference of every column that has one."""
    assert set(rows) == set(expected)
    wrong: dict[str, str] = {}
    for at, values in expected.items():
        for name in PROOF:
            if values[name] != rows[at][name]:
                wrong.setdefault(name, f"{at}: reference {values[name]}, built {rows[at][name]}")
        for feature in FEATURES:
            want, got = values.get(feature.name), rows[at][feature.name]
            if not same(want, got, feature.unit in WHOLE and "mean" not in feature.name):
                wrong.setdefault(feature.name, f"{at}: reference {want}, built {got}")
    return wrong


def same(want: float | None, got: float | None, exactly: bool) -> bool:
    if want is None or got is None or math.isnan(want):
        return got is None and (want is None or math.isnan(want))
    if exactly and float(want).is_integer():
        return want == got
    return math.isclose(want, got, rel_tol=1e-12, abs_tol=0)


def test_the_reference_has_the_features_of_the_registry_and_no_other(in_utc: Built) -> None:
    _, _, expected = in_utc
    assert {name for values in expected.values() for name in values} - PROOF == NAMES


def test_features_equal_the_reference(in_utc: Built) -> None:
    _, rows, expected = in_utc
    assert differing(rows, expected) == {}
    assert len(rows) >= 20 * len(DATES)


@pytest.mark.parametrize(
    ("timezone", "dates"),
    [
        ("Asia/Shanghai", [date(2024, 2, 29)]),
        ("America/New_York", [date(2023, 11, 5), date(2024, 3, 10)]),  # the days the clock is changed
    ],
)
def test_features_equal_the_reference_in_the_lenders_time_zone(
    timezone: str, dates: list[date], tmp_path: Path
) -> None:
    _, rows, expected = both(tmp_path, 11, dates, timezone, customers=9)
    assert differing(rows, expected) == {}


def test_the_random_world_reaches_every_feature(in_utc: Built) -> None:
    """A comparison of nulls with nulls, or of one constant, would prove nothing."""
    _, rows, _ = in_utc
    constant = {name for name in NAMES if len({row[name] for row in rows.values()} - {None}) < 2}
    assert constant == set()


def test_features_are_sorted_doubles_under_their_registered_names(in_utc: Built) -> None:
    table, _, _ = in_utc
    assert table.schema.equals(FEATURE_TABLE.arrow_schema)
    assert all(table.schema.field(name).type == pa.float64() for name in NAMES)
    keys = list(zip(table["as_of"].to_pylist(), table["customer_key"].to_pylist(), strict=True))
    assert keys == sorted(keys)
