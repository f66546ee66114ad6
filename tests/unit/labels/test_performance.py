"""Labels from repayments, on cases computed by hand and against a plain reference."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import lakes
import pytest
from lakes import Row, at
from unit.features.reference import add_months, known
from unit.features.worlds import random_world

from tierline.labels import LabelCounts, LabelledPopulation, LabelSpec, month_end_population

KEY = lakes.key(1)
AS_OF = date(2023, 6, 30)
END = date(2024, 6, 30)
SPEC = LabelSpec()


def world_of(loans: list[tuple[str, date, date, date | None]], registered: date = date(2022, 1, 1)) -> dict:
    """A customer with loans of one instalment of 100: (loan_id, drawn, due, day paid or None)."""
    world: dict[str, list[Row]] = {
        "customers": [lakes.customer(KEY, registered)],
        "loans": [lakes.loan(loan_id, KEY, drawn, 100) for loan_id, drawn, _, _ in loans],
        "instalments": [lakes.instalment(loan_id, 1, due, 100, at(drawn)) for loan_id, drawn, due, _ in loans],
        "repayments": [lakes.repayment(f"P{loan_id}", loan_id, 1, at(day), 100) for loan_id, _, _, day in loans if day],
    }
    return world


@pytest.fixture
def label(tmp_path: Path):
    """The labelled population of a world at one date."""

    def compute(world: dict, as_of: date = AS_OF, knowledge: date = END, spec: LabelSpec = SPEC) -> LabelledPopulation:
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        return month_end_population(lakes.write_lake(root, world), [as_of], knowledge, spec)

    return compute


def verdict(population: LabelledPopulation) -> bool | str:
    """The label of the only customer, or why there is none."""
    assert sum(vars(population.counts).values()) == 1
    if population.rows.num_rows:
        return population.rows.to_pylist()[0]["defaulted"]
    return next(name for name, count in vars(population.counts).items() if count)


DRAWN = date(2023, 6, 1)


@pytest.mark.parametrize(("days", "defaulted"), [(0, False), (89, False), (90, False), (91, True), (None, True)])
def test_default_is_unpaid_at_the_end_of_the_90th_day(label, days: int | None, defaulted: bool) -> None:
    due = date(2023, 9, 1)
    paid = None if days is None else due + timedelta(days=days)
    assert verdict(label(world_of([("L1", DRAWN, due, paid)]))) is defaulted


@pytest.mark.parametrize(
    ("reached_on", "expected"),
    [(AS_OF, "already_default"), (AS_OF + timedelta(days=1), True), (END, True), (END + timedelta(days=1), False)],
)
def test_the_window_starts_after_as_of_and_holds_its_last_day(label, reached_on: date, expected: bool | str) -> None:
    due = reached_on - timedelta(days=90)
    assert verdict(label(world_of([("L1", date(2023, 1, 1), due, None)]), knowledge=date(2025, 1, 1))) == expected


def test_in_default_until_the_day_it_is_paid(label) -> None:
    """Due 1 March 2023, 90 DPD on 30 May: in default at 30 June unless paid; cured, only another loan counts."""
    due = date(2023, 3, 1)
    world = world_of([("L1", date(2023, 1, 1), due, date(2023, 7, 1))])
    assert verdict(label(world)) == "already_default"
    assert verdict(label(world_of([("L1", date(2023, 1, 1), due, AS_OF)]))) == "no_loan"
    cured = [("L1", date(2023, 1, 1), due, AS_OF), ("L2", DRAWN, date(2023, 8, 1), date(2023, 8, 1))]
    assert verdict(label(world_of(cured))) is False


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [(AS_OF + timedelta(days=1), True), (date(2024, 2, 1), True), (END + timedelta(days=1), "no_loan")],
)
def test_a_loan_drawn_in_the_window_counts(label, drawn: date, expected: bool | str) -> None:
    due = drawn + timedelta(days=30)
    assert verdict(label(world_of([("L1", drawn, due, None)]), knowledge=date(2025, 1, 1))) == expected


def test_a_loan_paid_off_by_as_of_is_not_open(label) -> None:
    assert verdict(label(world_of([("L1", DRAWN, date(2023, 6, 20), AS_OF)]))) == "no_loan"
    tomorrow = AS_OF + timedelta(days=1)
    assert verdict(label(world_of([("L1", DRAWN, date(2023, 6, 20), tomorrow)]))) is False


def test_a_customer_without_loans_is_counted(label) -> None:
    assert verdict(label(world_of([]))) == "no_loan"


def test_one_bad_loan_makes_a_bad_customer(label) -> None:
    loans = [("L1", DRAWN, date(2023, 8, 1), date(2023, 8, 1)), ("L2", DRAWN, date(2023, 8, 1), None)]
    assert verdict(label(world_of(loans))) is True


def test_immature_dates_are_refused_and_counted(label) -> None:
    world = world_of([("L1", DRAWN, date(2023, 8, 1), None)])
    immature = label(world, knowledge=END - timedelta(days=1))
    assert (immature.rows.num_rows, immature.counts) == (0, LabelCounts(0, 0, 0, 1))
    assert immature.rows.schema == label(world).rows.schema
    assert label(world, knowledge=END).counts == LabelCounts(1, 0, 0, 0)


def test_a_late_recorded_payment_counts_once_it_is_known(label) -> None:
    due = date(2023, 9, 1)
    world = world_of([("L1", DRAWN, due, due)])
    world["repayments"][0]["recorded_at"] = at(date(2024, 7, 10))
    assert verdict(label(world, knowledge=date(2024, 7, 9))) is True
    assert verdict(label(world, knowledge=date(2024, 7, 10))) is False


def test_partial_payments_settle_on_the_day_they_reach_the_amount(label) -> None:
    due = date(2023, 9, 1)
    world = world_of([("L1", DRAWN, due, None)])
    world["repayments"] = [
        lakes.repayment("P1", "L1", 1, at(due), 60),
        lakes.repayment("P2", "L1", 1, at(due + timedelta(days=90)), 39.99),
    ]
    assert verdict(label(world)) is True
    world["repayments"].append(lakes.repayment("P3", "L1", 1, at(due + timedelta(days=90)), 0.01))
    assert verdict(label(world)) is False


def test_restructured_in_time_is_not_a_default(label) -> None:
    due = date(2023, 9, 1)
    world = world_of([("L1", DRAWN, due, None)])
    moved = lakes.instalment("L1", 1, date(2024, 6, 1), 100, at(due + timedelta(days=30)))
    world["instalments"].append(moved)
    assert verdict(label(world)) is False


def test_void_loans_and_instalments_are_neither_open_nor_late(label) -> None:
    world = world_of([("L1", DRAWN, date(2023, 9, 1), None)])
    void_instalment = lakes.instalment("L1", 1, date(2023, 9, 1), 0, at(DRAWN, 13))
    assert verdict(label(world | {"instalments": [*world["instalments"], void_instalment]})) == "no_loan"
    void_loan = world["loans"][0] | {"principal": lakes.money(0), "recorded_at": at(DRAWN, 13)}
    assert verdict(label(world | {"loans": [*world["loans"], void_loan]})) == "no_loan"
    good = world_of([("L1", DRAWN, date(2023, 9, 1), None), ("L2", DRAWN, date(2023, 9, 1), date(2023, 9, 1))])
    good["loans"].append(void_loan)
    assert verdict(label(good)) is False


def test_a_customer_counts_from_when_registered_and_recorded(label) -> None:
    """One recorded after as_of has no features then, so no row: otherwise the panel could not be joined."""
    world = world_of([("L1", AS_OF + timedelta(days=9), date(2023, 9, 1), None)], registered=AS_OF)
    assert label(world).counts.kept == 1
    world["customers"][0]["recorded_at"] = at(AS_OF + timedelta(days=1))
    assert label(world).counts == LabelCounts(0, 0, 0, 0)
    correction = world["customers"][0] | {"region_code": "R9", "recorded_at": at(AS_OF + timedelta(days=60))}
    world["customers"] = [correction, world["customers"][0] | {"recorded_at": at(AS_OF)}]
    assert label(world).counts.kept == 1


@pytest.mark.parametrize(("dpd", "months"), [(30, 3), (90, 12)])
def test_labels_equal_a_day_by_day_reference(tmp_path: Path, dpd: int, months: int) -> None:
    world = random_world(5, customers=25, transactions=2)
    lake = lakes.write_lake(tmp_path, world, buckets=3)
    spec, knowledge = LabelSpec(dpd_threshold=dpd, window_months=months), date(2024, 9, 30)
    dates = [date(2023, 5, 31), date(2023, 8, 31), date(2024, 8, 31)]
    population = month_end_population(lake, dates, knowledge, spec)
    got = {(row["customer_key"], row["as_of"]): row["defaulted"] for row in population.rows.to_pylist()}
    expected, counts = reference_labels(world, dates, knowledge, dpd, months)
    assert got == expected
    assert population.counts == LabelCounts(**counts)
    assert {True, False} <= set(got.values())
    assert min(counts.values()) > 0


def reference_labels(
    world: dict[str, list[Row]], dates: list[date], knowledge: date, dpd: int, months: int
) -> tuple[dict[tuple[str, date], bool], dict[str, int]]:
    """DPD of every customer on every day, from which default status and label are read."""
    now = {name: known(rows, name, knowledge, lakes.at(knowledge).tzinfo) for name, rows in world.items()}
    labels: dict[tuple[str, date], bool] = {}
    counts = {"kept": 0, "already_default": 0, "no_loan": 0, "immature": 0}
    for person in now["customers"]:
        key = person["customer_key"]
        loans = [row for row in now["loans"] if row["customer_key"] == key and row["principal"] > 0]
        dues = {row["loan_id"]: instalments(now, row["loan_id"]) for row in loans}
        everything = [due for listed in dues.values() for due in listed]
        for day in dates:
            if person["registered_on"] > day:
                continue
            end = add_months(day, months)
            if end > knowledge:
                counts["immature"] += 1
            elif worst(everything, day) >= dpd:
                counts["already_default"] += 1
            elif not any(
                day < row["originated_on"] <= end
                or (row["originated_on"] <= day and any(paid is None or paid > day for _, paid in dues[row["loan_id"]]))
                for row in loans
            ):
                counts["no_loan"] += 1
            else:
                counts["kept"] += 1
                window = [day + timedelta(days=count) for count in range(1, (end - day).days + 1)]
                labels[key, day] = any(first_reached(due, dpd) in window for due in everything)
    return labels, counts


def instalments(now: dict[str, list[Row]], loan_id: str) -> list[tuple[date, date | None]]:
    """(due day, day paid) of each instalment of a loan that owes something."""
    listed = []
    for row in now["instalments"]:
        owed = row["principal_due"] + row["interest_due"]
        if row["loan_id"] != loan_id or not owed:
            continue
        same = [p for p in now["repayments"] if (p["loan_id"], p["instalment_no"]) == (loan_id, row["instalment_no"])]
        paid_days = sorted({p["paid_at"].date() for p in same})
        reached = [day for day in paid_days if sum(p["amount"] for p in same if p["paid_at"].date() <= day) >= owed]
        listed.append((row["due_on"], reached[0] if reached else None))
    return listed


def worst(dues: list[tuple[date, date | None]], day: date) -> int:
    return max(((day - due).days for due, paid in dues if paid is None or paid > day), default=0)


def first_reached(due: tuple[date, date | None], dpd: int) -> date | None:
    """The day an instalment reaches the threshold, if it is still unpaid at the end of it."""
    day = due[0] + timedelta(days=dpd)
    return day if worst([due], day) >= dpd else None
