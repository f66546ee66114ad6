"""Full recompute, nightly increment and panel give the same features to the bit."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import lakes
import pyarrow as pa
import pytest
from unit.features.nights import CONTEXT, differences, indexed_lake, night, recomputed, run_of
from unit.features.worlds import VOCABULARY, random_world

from tierline.features import FeatureContext, build_features, customer_spine, nightly
from tierline.lake import Lake
from tierline.months import month_ends

FIRST = date(2024, 1, 27)
KEY = ("customer_key", "as_of")


def nights(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


@pytest.mark.parametrize(("seed", "first", "timezone"), [(3, FIRST, "UTC"), (7, date(2024, 3, 27), "Europe/Berlin")])
def test_every_night_carried_on_equals_its_recompute(
    seed: int, first: date, timezone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight days over a month end in a world full of late rows, corrections and voids; one load a day."""
    monkeypatch.setattr(nightly, "LARGEST_RECOMPUTE", 1)  # however many customers have irregular news
    days = nights(first, 8)
    context = FeatureContext(timezone, VOCABULARY)
    lake = indexed_lake(
        tmp_path / "lake", random_world(seed, 20, 150), 1, [day - timedelta(days=1) for day in days], timezone
    )
    recomputed_customers = 0
    for index, day in enumerate(days):
        found, (report,) = night(run_of(lake, tmp_path, day, context))
        assert report.way == ("carried" if index else "recomputed"), report.why
        assert differences(found, recomputed(lake, day, context)) == [], day
        recomputed_customers += report.recomputed_customers
    assert recomputed_customers > 0


def test_a_quiet_world_is_carried_on_without_recomputing_anybody(tmp_path: Path) -> None:
    """Rows known on their day, none corrected: but extremes, distinct keys and gaps leave their windows too."""
    key = lakes.key(1)
    rows = []
    for number in range(260):
        when = lakes.at(date(2023, 1, 1) + timedelta(days=(number * 7) % 480), number % 24)
        rows.append(
            lakes.transaction(
                f"T{number:03d}",
                key,
                when,
                1 + (number * 37) % 900,
                category=["food", "bets", "atm", "goods", "fun"][number % 5],
                counterparty_key=lakes.key(500 + number % 23),
                scenario_id=f"S{number % 9}",
                balance_after=lakes.money((number * 53) % 700),
            )
        )
    rows.sort(key=lambda row: row["occurred_at"])
    world = {"customers": [lakes.customer(key, date(2023, 1, 1))], "transactions": rows}
    days = nights(date(2024, 2, 20), 37)
    lake = indexed_lake(tmp_path / "lake", world, 1, [day - timedelta(days=1) for day in days])
    for index, day in enumerate(days):
        found, (report,) = night(run_of(lake, tmp_path, day))
        if index:
            assert (report.way, report.recomputed_customers) == ("carried", 0), (day, report)
        if index % 12 == 0:
            assert differences(found, recomputed(lake, day)) == [], day


def test_versions_recorded_by_one_batch_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day that leaves a window holds a replaced version: of one customer beside rows of the same batch, of another
    alone. Only the first must be recomputed; both must be right.
    """
    monkeypatch.setattr(nightly, "LARGEST_RECOMPUTE", 1)
    day, batch, later = date(2024, 3, 5), lakes.at(date(2024, 3, 5), 23), lakes.at(date(2024, 3, 7), 9)
    rows = []
    for number, count in ((1, 3), (2, 1)):
        made = [
            lakes.transaction(f"T{number}{index}", lakes.key(number), lakes.at(day, 10 + index), 50, recorded_at=batch)
            for index in range(count)
        ]
        rows += [*made, made[0] | {"amount": lakes.money(70), "recorded_at": later}]
    world = {"customers": [lakes.customer(lakes.key(number), date(2023, 1, 1)) for number in (1, 2)]}
    days = nights(day, 9)
    lake = indexed_lake(tmp_path / "lake", world | {"transactions": rows}, 1, [day - timedelta(days=1) for day in days])
    again = {}
    for tonight in days:
        found, (report,) = night(run_of(lake, tmp_path, tonight))
        assert differences(found, recomputed(lake, tonight)) == [], tonight
        again[tonight] = report.recomputed_customers
    assert again[day + timedelta(days=7)] == 1  # the day leaves the shortest window


PANELS = {
    "month ends": month_ends(date(2023, 11, 1), date(2024, 2, 29)),
    "more dates than are read at once": [date(2023, 9, 3) + timedelta(days=11 * number) for number in range(17)],
    "days in a row over a month end": nights(date(2024, 2, 27), 5),
    "far apart": [date(2023, 1, 20), date(2024, 8, 22)],
}


@pytest.fixture(scope="module")
def irregular(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A third of the rows late, corrected or void: most customers are seen differently by different dates."""
    world = random_world(8, customers=12, transactions=120)
    return lakes.write_lake(tmp_path_factory.mktemp("irregular"), world, buckets=1)


@pytest.mark.parametrize("dates", PANELS.values(), ids=PANELS)
def test_a_panel_equals_its_dates_one_by_one(dates: list[date], irregular: Lake) -> None:
    spine = pa.concat_tables([customer_spine(irregular, day) for day in dates])
    panel = build_features(irregular, spine, CONTEXT)
    single = pa.concat_tables([recomputed(irregular, day) for day in dates])
    assert differences(panel, single) == []


def test_each_customer_may_have_dates_of_their_own(irregular: Lake) -> None:
    dates = [date(2024, 1, 5) + timedelta(days=19 * number) for number in range(4)]
    alone = pa.concat_tables([recomputed(irregular, day) for day in dates])
    keys = customer_spine(irregular, dates[-1]).column("customer_key").to_pylist()
    chosen = [
        (key, dates[at]) for index, key in enumerate(keys) for at in {index % 4, index * index % 4}
    ]  # one or two dates each, in no order
    mask = [pair in chosen for pair in zip(*(alone.column(name).to_pylist() for name in KEY), strict=True)]
    spine = pa.table({name: [pair[at] for pair in chosen] for at, name in enumerate(KEY)})
    panel = build_features(irregular, spine, CONTEXT)
    assert panel.num_rows == len(chosen)
    assert differences(panel, alone.filter(pa.array(mask))) == []
