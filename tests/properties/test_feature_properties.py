"""Properties of features and of the PD that hold for every world."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import lakes
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lakes import Row, World, at
from unit.features.reference import known
from unit.features.worlds import VOCABULARY, random_world
from unit.training.tiny_world import CONTEXT, tiny_bundle, tiny_world

from tierline.features import FEATURES, FeatureContext, build_features, customer_spine

FEW = settings(deadline=None, max_examples=3, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
NAMES = [feature.name for feature in FEATURES]


def features(world: World, dates: Sequence[date], context: FeatureContext | None = None, **how: object) -> pa.Table:
    with TemporaryDirectory() as directory:
        lake = lakes.write_lake(Path(directory), world, **how)  # type: ignore[arg-type]
        spine = pa.concat_tables([customer_spine(lake, day) for day in sorted(set(dates))])
        return build_features(lake, spine, context or FeatureContext("UTC", VOCABULARY))


def small_world(seed: int) -> dict[str, list[Row]]:
    return random_world(seed, customers=8, transactions=60)


def event_day(table: str, row: Row) -> date:
    columns = {"transactions": "occurred_at", "repayments": "paid_at", "loans": "originated_on", "macro": "period"}
    value = row[columns[table]] if table in columns else row["recorded_at"]
    return value if type(value) is date else value.date()


def knowledge(table: str) -> str:
    return "published_at" if table == "macro" else "recorded_at"


days = st.integers(0, 500).map(lambda count: date(2023, 4, 1) + timedelta(days=count))


@FEW
@given(seed=st.integers(0, 10_000), as_of=days, other=st.integers(0, 10_000))
def test_what_happens_or_becomes_known_later_changes_nothing(seed: int, as_of: date, other: int) -> None:
    """Cut every row that lies after as_of in event or knowledge, or add the future of another world: same features."""
    world = small_world(seed)
    past = {name: _past(name, rows, as_of) for name, rows in world.items()}
    future = {name: [*rows, *_later_events(name, small_world(other)[name], as_of)] for name, rows in past.items()}
    with_future = features(future, [as_of])
    assert features(past, [as_of]).equals(with_future)
    assert features(world, [as_of]).equals(with_future)


def _past(name: str, rows: list[Row], as_of: date) -> list[Row]:
    """What was known by ``as_of``, without what lies after it; a version that moves an event ahead takes it back."""
    known = [row for row in rows if row[knowledge(name)].date() <= as_of]
    key = {"transactions": "transaction_id", "repayments": "repayment_id", "loans": "loan_id"}.get(name)
    begun = {row[key] for row in known if event_day(name, row) <= as_of} if key else set()
    return [row for row in known if event_day(name, row) <= as_of or (key and row[key] in begun)]


def _later_events(name: str, rows: list[Row], as_of: date) -> list[Row]:
    """The rows, moved so that they are known only after ``as_of``; half of the events as well."""
    moved = []
    for index, row in enumerate(rows):
        known = max(row[knowledge(name)], at(as_of + timedelta(days=1 + index % 40)))
        change: Row = {knowledge(name): known + timedelta(days=1_000)}
        if index % 2 and name == "transactions":
            change["occurred_at"] = known
        if index % 2 and name == "repayments":
            change["paid_at"] = known
        moved.append(row | change)
    return moved


@FEW
@given(seed=st.integers(0, 10_000), as_of=days, change=st.randoms(use_true_random=False))
def test_rewriting_everything_after_as_of_leaves_the_bytes_unchanged(
    seed: int, as_of: date, change: random.Random
) -> None:
    """Rows known later are dropped, doubled, moved further, given other amounts: the rows of as_of stay as they are."""
    world = small_world(seed)
    rewritten: dict[str, list[Row]] = {}
    for name, rows in world.items():
        kept = [row for row in rows if row[knowledge(name)].date() <= as_of]
        for row in (row for row in rows if row[knowledge(name)].date() > as_of):
            later = row | {knowledge(name): row[knowledge(name)] + timedelta(days=change.randrange(30), seconds=3)}
            money = {
                column: lakes.money(change.randrange(9_999)) for column in ("amount", "principal") if column in row
            }
            kept += change.choice([[], [later], [row, later | money], [later | money]])
        rewritten[name] = kept
    known = {row["loan_id"] for row in rewritten["loans"]}
    for name in ("instalments", "repayments"):
        rewritten[name] = [row for row in rewritten[name] if row["loan_id"] in known]
    assert features(world, [as_of]).equals(features(rewritten, [as_of]))


@FEW
@given(seed=st.integers(0, 10_000), dates=st.lists(days, min_size=1, max_size=3))
def test_no_row_used_an_event_or_knowledge_after_its_date(seed: int, dates: list[date]) -> None:
    rows = features(small_world(seed), dates)
    for name in ("latest_event_on", "latest_known_on"):
        assert pc.all(pc.less_equal(rows.column(name), rows.column("as_of"))).as_py() in (True, None)
    assert rows.column("latest_known_on").null_count == 0


@FEW
@given(seed=st.integers(0, 10_000), as_of=days)
def test_only_the_version_known_last_counts(seed: int, as_of: date) -> None:
    """A lake that had the right rows from the start gives the same features as one that was corrected by as_of."""
    world = small_world(seed)
    final = {name: known(rows, name, as_of, ZoneInfo("UTC")) for name, rows in world.items()}
    loans = {row["loan_id"] for row in final["loans"]}
    for name in ("instalments", "repayments"):
        final[name] = [row for row in final[name] if row["loan_id"] in loans]
    assert features(world, [as_of]).equals(features(final, [as_of]))


def test_an_event_dated_after_as_of_but_known_before_changes_nothing() -> None:
    as_of = date(2024, 1, 31)
    world = small_world(4)
    ahead = {"recorded_at": at("2024-01-01")}
    tomorrow = at("2024-02-01", 0)
    key = world["customers"][0]["customer_key"]
    loan = next(row for row in world["loans"] if row["originated_on"] < date(2023, 12, 1))
    later = dict(world)
    later["transactions"] = [*world["transactions"], lakes.transaction("X1", key, tomorrow, 77, **ahead)]
    later["repayments"] = [*world["repayments"], lakes.repayment("X2", loan["loan_id"], 1, tomorrow, 9_999, **ahead)]
    later["loans"] = [*world["loans"], lakes.loan("X3", key, date(2024, 2, 1), 5_000, **ahead)]
    due = lakes.instalment("X3", 1, date(2024, 2, 20), 5_000, at("2024-01-01"))
    later["instalments"] = [*world["instalments"], due]
    assert features(world, [as_of]).equals(features(later, [as_of]))


@FEW
@given(seed=st.integers(0, 10_000), as_of=days, order=st.randoms(use_true_random=False))
def test_order_of_rows_number_of_loads_and_buckets_change_nothing(seed: int, as_of: date, order: random.Random) -> None:
    world = small_world(seed)
    dates = [as_of, as_of + timedelta(days=40)]
    once = features(world, dates, buckets=1)
    shuffled = {name: order.sample(rows, len(rows)) for name, rows in world.items()}
    splits = sorted({as_of - timedelta(days=order.randrange(60)), as_of, as_of + timedelta(days=20)})
    assert once.equals(features(shuffled, dates, buckets=2, splits=splits))


@dataclass(frozen=True)
class Payment:
    """A payment of a part of an instalment, ``delay`` days after its due date, recorded ``lag`` days after that."""

    instalment_no: int
    delay: int
    share: float
    lag: int


@dataclass(frozen=True)
class Borrower:
    """Loans of three instalments each, thirty days apart, drawn ``drawn`` days after the start."""

    drawn: tuple[int, ...]
    payments: tuple[tuple[int, Payment], ...]  # loan index and payment
    restructured: int | None


START = date(2024, 1, 1)
payments = st.builds(
    Payment,
    st.integers(1, 3),
    st.sampled_from([-60, -31, -5, -1, 0, 0, 0, 1, 2, 29, 30, 31, 60, 89, 90, 91, 120]),
    st.sampled_from([1.0, 1.0, 1.0, 0.5, 0.5, 0.3]),
    st.sampled_from([0, 0, 0, 1, 20]),
)
borrowers = st.builds(
    Borrower,
    st.lists(st.integers(0, 150), min_size=1, max_size=2).map(tuple),
    st.lists(st.tuples(st.integers(0, 1), payments), min_size=1, max_size=9).map(tuple),
    st.sampled_from([None, None, 2]),
)
changes = st.tuples(borrowers, st.integers(0, 8), st.integers(1, 130))


def delayed(borrower: Borrower, which: int, by: int) -> Borrower:
    """The same borrower, one payment later."""
    listed = list(borrower.payments)
    index, payment = listed[which % len(listed)]
    listed[which % len(listed)] = (index, replace(payment, delay=payment.delay + by))
    return replace(borrower, payments=tuple(listed))


def add_borrower(world: dict[str, list[Row]], number: int, borrower: Borrower) -> None:
    key = lakes.key(number)
    world["customers"].append(lakes.customer(key, START))
    salary = {"direction": "credit", "category": "salary", "balance_after": lakes.money(800)}
    world["transactions"] += [
        lakes.transaction(f"T{number}-{month}", key, at(date(2024, month, 5)), 3_000, **salary)
        for month in range(1, 13)
    ]
    for index, drawn in enumerate(borrower.drawn):
        day = START + timedelta(days=drawn)
        loan_id = f"L{number}-{index}"
        world["loans"].append(lakes.loan(loan_id, key, day, 900))
        for due_no in (1, 2, 3):
            row = lakes.instalment(loan_id, due_no, day + timedelta(days=30 * due_no), 300, at(day))
            world["instalments"].append(row | {"interest_due": lakes.money(12)})
            if borrower.restructured == due_no:
                moved = {"due_on": row["due_on"] + timedelta(days=60), "recorded_at": at(day + timedelta(days=45))}
                world["instalments"].append(world["instalments"][-1] | moved)
    for order, (index, payment) in enumerate(borrower.payments):
        if index < len(borrower.drawn):
            due = START + timedelta(days=borrower.drawn[index] + 30 * payment.instalment_no)
            paid = max(due + timedelta(days=payment.delay), START + timedelta(days=borrower.drawn[index]))
            world["repayments"].append(
                lakes.repayment(
                    f"P{number}-{order}",
                    f"L{number}-{index}",
                    payment.instalment_no,
                    at(paid),
                    round(312 * payment.share, 2),
                    recorded_at=at(paid + timedelta(days=payment.lag)),
                )
            )


def pairs(listed: list[tuple[Borrower, int, int]], dates: list[date]) -> tuple[pa.Table, pa.Table]:
    """Features of each borrower as drawn and with one payment later, in the same order of rows."""
    world: dict[str, list[Row]] = {
        name: [] for name in ("customers", "transactions", "loans", "instalments", "repayments")
    }
    for index, (borrower, which, by) in enumerate(listed):
        add_borrower(world, 2 * index, borrower)
        add_borrower(world, 2 * index + 1, delayed(borrower, which, by))
    rows = features(world, dates, CONTEXT, buckets=1)
    position = {(key, day): at for at, (key, day) in enumerate(zip(*(rows[n].to_pylist() for n in KEY), strict=True))}
    wanted = [(index, day) for index in range(len(listed)) for day in sorted(set(dates))]
    sooner, later = ([position[lakes.key(2 * index + side), day] for index, day in wanted] for side in (0, 1))
    return rows.take(sooner), rows.take(later)


KEY = ("customer_key", "as_of")
observed = st.lists(st.integers(31, 364).map(lambda n: START + timedelta(days=n)), min_size=1, max_size=3)
many_changes = st.lists(changes, min_size=12, max_size=20)


@settings(FEW, max_examples=10)
@given(listed=many_changes, dates=observed)
def test_a_later_payment_moves_features_only_towards_risk(
    listed: list[tuple[Borrower, int, int]], dates: list[date]
) -> None:
    """Constrained features go their registered way, all others stay, and no value appears or disappears."""
    sooner, later = pairs(listed, dates)
    for feature in FEATURES:
        before, after = (side[feature.name].to_numpy() for side in (sooner, later))
        assert np.array_equal(np.isnan(before), np.isnan(after)), f"{feature.name}: null depends on a payment"
        moved = np.nan_to_num(after) - np.nan_to_num(before)
        if feature.monotone:
            assert (moved * feature.monotone >= -1e-9).all(), f"{feature.name} improves with a later payment"
        else:
            assert not moved.any(), f"{feature.name} moves with a payment but is unconstrained"


@settings(FEW, max_examples=6)
@given(listed=many_changes, dates=observed)
def test_the_pd_never_falls_when_a_payment_is_later(listed: list[tuple[Borrower, int, int]], dates: list[date]) -> None:
    """End to end: lake, features, a trained booster, calibration."""
    sooner, later = pairs(listed, dates)
    bundle = tiny_bundle()
    assert (bundle.predict_pd(later) >= bundle.predict_pd(sooner) - 1e-12).all()


def test_later_payments_do_move_the_pd_of_the_tiny_book() -> None:
    """The property above would hold for a model that does not look at payments at all."""
    punctual = Borrower((0,), tuple((0, Payment(number, 0, 1.0, 0)) for number in (1, 2, 3)), None)
    sooner, later = pairs([(punctual, 1, 25)], [START + timedelta(days=80)])
    bundle = tiny_bundle()
    assert bundle.predict_pd(later)[0] > bundle.predict_pd(sooner)[0]


def test_the_tiny_book_has_what_its_tests_need() -> None:
    assert len(tiny_world()["customers"]) == 300
    assert tiny_bundle().card.metrics["auc"] > 0.7
