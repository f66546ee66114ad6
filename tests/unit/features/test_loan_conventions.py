"""The contract's conventions for loans and payments, on cases computed by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import lakes
import pytest
from lakes import Row, at

from tierline.features import FeatureContext, build_features, customer_spine

KEY = lakes.key(1)
DRAWN, DUE = date(2024, 1, 1), date(2024, 2, 1)


def one_loan(*payments: Row, instalments: list[Row] | None = None, **loan: object) -> dict[str, list[Row]]:
    """A customer with one loan of 900 due in three parts of 300 + 10 interest, on 1 February, March and April."""
    dues = [
        lakes.instalment("L1", number, date(2024, number + 1, 1), 300, at(DRAWN), interest_due=lakes.money(10))
        for number in (1, 2, 3)
    ]
    return {
        "customers": [lakes.customer(KEY, DRAWN)],
        "transactions": [],
        "loans": [lakes.loan("L1", KEY, DRAWN, 900, **loan)],
        "instalments": dues + (instalments or []),
        "repayments": list(payments),
    }


def paid(number: str, instalment_no: int, day: date, amount: float = 310, **other: object) -> Row:
    return lakes.repayment(number, "L1", instalment_no, at(day), amount, **other)


@pytest.fixture
def facts(tmp_path: Path):
    """The features of the one customer of a world at a date."""

    def compute(world: dict[str, list[Row]], as_of: date, timezone: str = "UTC") -> Row:
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        lake = lakes.write_lake(root, world, buckets=1, timezone=timezone)
        return build_features(lake, customer_spine(lake, as_of), FeatureContext(timezone)).to_pylist()[0]

    return compute


@pytest.mark.parametrize(("days", "dpd", "overdue"), [(-1, 0, 0), (0, 0, 0), (1, 1, 310), (28, 28, 310), (90, 90, 930)])
def test_dpd_counts_from_the_due_day_which_is_zero(facts, days: int, dpd: int, overdue: float) -> None:
    row = facts(one_loan(), DUE + timedelta(days=days))
    assert (row["dpd_now"], row["max_dpd_90d"], row["overdue_amount"]) == (dpd, dpd, overdue)


def test_an_instalment_is_paid_on_the_day_its_payments_reach_what_is_due(facts) -> None:
    parts = [paid("P1", 1, DUE, 200), paid("P2", 1, DUE + timedelta(days=4), 109.99)]
    short = facts(one_loan(*parts), DUE + timedelta(days=10))
    assert (short["dpd_now"], short["overdue_amount"]) == (10, 0.01)
    cent = paid("P3", 1, DUE + timedelta(days=6), 0.01)
    whole = facts(one_loan(*parts, cent), DUE + timedelta(days=10))
    assert (whole["dpd_now"], whole["overdue_amount"]) == (0, 0)
    assert (whole["payment_delay_mean_90d"], whole["days_since_late"]) == (6, 4)
    assert whole["max_dpd_90d"] == 5  # at the end of the sixth day it was paid


def test_paid_on_the_90th_day_was_never_90_days_past_due(facts) -> None:
    later = DUE + timedelta(days=95)
    assert facts(one_loan(paid("P1", 1, DUE + timedelta(days=90))), later)["max_dpd_180d"] == 89
    assert facts(one_loan(paid("P1", 1, DUE + timedelta(days=91))), later)["max_dpd_180d"] == 90


def test_worst_dpd_leaves_a_window_with_its_last_unpaid_day(facts) -> None:
    world = one_loan(paid("P1", 1, DUE + timedelta(days=10)), paid("P2", 2, DUE), paid("P3", 3, DUE))
    last_unpaid = DUE + timedelta(days=9)
    assert facts(world, last_unpaid + timedelta(days=29))["max_dpd_30d"] == 9
    assert facts(world, last_unpaid + timedelta(days=30))["max_dpd_30d"] == 0


def test_a_late_record_changes_nothing_before_it_is_known(facts) -> None:
    world = one_loan(paid("P1", 1, DUE, recorded_at=at(DUE + timedelta(days=5))))
    assert facts(world, DUE + timedelta(days=4))["dpd_now"] == 4
    row = facts(world, DUE + timedelta(days=5))
    assert (row["dpd_now"], row["max_dpd_90d"], row["late_count_90d"]) == (0, 0, 0)


def test_a_void_payment_never_was(facts) -> None:
    payment = paid("P1", 1, DUE)
    void = payment | {"amount": lakes.money(0), "recorded_at": at(DUE + timedelta(days=3))}
    world = one_loan(payment, void)
    assert facts(world, DUE + timedelta(days=2))["dpd_now"] == 0
    assert facts(world, DUE + timedelta(days=3))["dpd_now"] == 3


def test_early_settlement_waives_interest_by_a_new_version(facts) -> None:
    """On 10 February the last two instalments lose their interest and are paid: nothing is owed, nothing was late."""
    settled = date(2024, 2, 10)
    waived = [lakes.instalment("L1", number, date(2024, number + 1, 1), 300, at(settled, 9)) for number in (2, 3)]
    payments = [paid("P1", 1, DUE), paid("P2", 2, settled, 300), paid("P3", 3, settled, 300)]
    row = facts(one_loan(*payments, instalments=waived), date(2024, 4, 30))
    assert (row["outstanding_principal"], row["active_loans"], row["dpd_now"]) == (0, 0, 0)
    assert (row["on_time_streak"], row["on_time_ratio_365d"], row["late_ratio_all"]) == (3, 1, 0)
    without = facts(one_loan(*payments), date(2024, 4, 30))
    assert (without["dpd_now"], without["outstanding_principal"]) == (60, 20)


def test_restructuring_moves_the_due_date_from_when_it_is_known(facts) -> None:
    moved = lakes.instalment("L1", 1, date(2024, 3, 15), 300, at("2024-02-20"), interest_due=lakes.money(10))
    world = one_loan(instalments=[moved])
    assert facts(world, date(2024, 2, 19))["dpd_now"] == 18
    assert facts(world, date(2024, 2, 20))["dpd_now"] == 0


def test_of_two_versions_on_one_day_the_later_counts(facts) -> None:
    noon = lakes.instalment("L1", 1, date(2024, 1, 20), 300, at(DRAWN, 13))
    night = lakes.instalment("L1", 1, date(2024, 1, 25), 300, at(DRAWN, 23))
    assert facts(one_loan(instalments=[night, noon]), date(2024, 1, 30))["dpd_now"] == 5


def test_void_instalments_and_void_loans_owe_nothing_and_prove_nothing(facts) -> None:
    nothing = [lakes.instalment("L1", number, date(2024, number + 1, 1), 0, at(DRAWN, 13)) for number in (1, 2)]
    row = facts(one_loan(instalments=nothing), date(2024, 3, 20))
    assert (row["on_time_streak"], row["instalments_due_365d"], row["on_time_ratio_90d"]) == (0, 0, None)
    world = one_loan()
    world["loans"].append(world["loans"][0] | {"principal": lakes.money(0), "recorded_at": at("2024-02-15")})
    assert facts(world, date(2024, 2, 14))["dpd_now"] == 13
    void = facts(world, date(2024, 2, 15))
    assert {void[name] for name in ("dpd_now", "outstanding_principal", "loans_all", "active_loans")} == {None}


def test_burden_counts_what_falls_due_within_thirty_days(facts) -> None:
    world = one_loan(paid("P1", 2, date(2024, 1, 15), 110))
    row = facts(world, date(2024, 1, 30))
    assert row["instalments_next_30d"] == 310  # 1 February; 1 March is the 31st day
    assert facts(world, date(2024, 1, 31))["instalments_next_30d"] == 310 + 200
    assert facts(world, DUE)["instalments_next_30d"] == 200
    assert row["outstanding_principal"] == 300 + 200 + 300  # 110 paid ahead: interest first, then principal


def test_full_months_on_book_end_at_month_ends(facts) -> None:
    world = one_loan()
    world["loans"][0] |= {"originated_on": date(2024, 1, 31), "recorded_at": at("2024-01-31")}
    world["customers"][0] |= {"registered_on": date(2024, 1, 1)}
    books = [facts(world, day)["months_on_book"] for day in (date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 30))]
    assert books == [0, 1, 1]


def test_the_business_day_of_a_payment_is_that_of_the_lender(facts) -> None:
    """20:00 UTC is four in the morning of the next day in Shanghai."""
    world = one_loan(lakes.repayment("P1", "L1", 1, at(DUE, 20), 310))
    assert facts(world, DUE + timedelta(days=5), "UTC")["payment_delay_mean_90d"] == 0
    assert facts(world, DUE + timedelta(days=5), "Asia/Shanghai")["payment_delay_mean_90d"] == 1


def test_thirty_days_late_counts_from_the_thirtieth_day_past_due(facts) -> None:
    """Of the first instalment, unpaid or paid on that day or the next; the second falls due 29 days after it."""
    world = one_loan()
    before, then = facts(world, DUE + timedelta(days=29)), facts(world, DUE + timedelta(days=30))
    names = ("uncured_late_30", "late_30_count_365d", "max_dpd_all")
    assert [before[name] for name in names] == [0, 0, 29]
    assert [then[name] for name in names] == [1, 1, 30]
    on_the_day, a_day_later = (one_loan(paid("P1", 1, DUE + timedelta(days=days))) for days in (30, 31))
    cured, late = (facts(world, DUE + timedelta(days=31)) for world in (on_the_day, a_day_later))
    assert [cured[name] for name in names] == [0, 0, 29]  # unpaid at the end of 29 days
    assert [late[name] for name in names] == [0, 1, 30]


def test_the_worst_ever_outlives_the_year(facts) -> None:
    world = one_loan(paid("P1", 1, DUE + timedelta(days=40)), paid("P2", 2, DUE), paid("P3", 3, DUE))
    row = facts(world, DUE + timedelta(days=39 + 365))
    assert (row["max_dpd_365d"], row["late_30_count_365d"], row["max_dpd_all"]) == (0, 0, 39)
    assert facts(world, DUE + timedelta(days=38 + 365))["late_30_count_365d"] == 1


def test_shares_paid_are_of_what_fell_due_in_the_year(facts) -> None:
    """1 February: 310 by the day; 1 March: 100 by the day and 150 after; 1 April is not over. A surplus is no share."""
    payments = [
        paid("P1", 1, DUE - timedelta(days=3), 400),
        paid("P2", 2, date(2024, 3, 1), 100),
        paid("P3", 2, date(2024, 3, 20), 150),
        paid("P4", 3, date(2024, 3, 5), 310),
    ]
    row = facts(one_loan(*payments), date(2024, 4, 1))
    assert row["paid_share_365d"] == (310 + 250) / 620
    assert row["paid_by_due_day_share_365d"] == (310 + 100) / 620
    assert (row["early_ratio_365d"], row["on_time_ratio_365d"], row["late_count_365d"]) == (0.5, 0.5, 1)
    after = facts(one_loan(*payments), date(2024, 4, 2))
    assert (after["paid_share_365d"], after["early_ratio_365d"]) == ((310 + 250 + 310) / 930, 2 / 3)
    assert facts(one_loan(), DUE)["paid_share_365d"] is None  # nothing is judged on its due day


def test_loans_drawn_in_a_window_and_their_pace(facts) -> None:
    as_of = date(2024, 12, 31)
    ages = {"A": (29, 100), "B": (30, 200), "C": (89, 400), "D": (90, 800), "E": (364, 1_600), "F": (365, 3_200)}
    world = {
        "customers": [lakes.customer(KEY, date(2023, 1, 1))],
        "loans": [lakes.loan(name, KEY, as_of - timedelta(days=age), size) for name, (age, size) in ages.items()],
        "instalments": [lakes.instalment("A", 1, as_of + timedelta(days=1), 75, at("2024-12-02"))],
    }
    row = facts(world, as_of)
    assert [row[f"loans_opened_{days}d"] for days in (30, 90, 365)] == [1, 3, 5]
    assert (row["principal_drawn_90d"], row["principal_drawn_365d"]) == (700, 3_100)
    assert (row["principal_mean_365d"], row["drawn_trend_90d_365d"]) == (620, 4 * 700 / 3_100)
    assert row["utilisation_365d"] == 75 / 3_100
    assert (row["last_loan_principal"], row["last_to_largest_loan"], row["loans_all"]) == (100, 100 / 3_200, 6)


def test_without_a_loan_in_the_year_there_is_no_pace_and_no_utilisation(facts) -> None:
    row = facts(one_loan(), DRAWN + timedelta(days=365))
    assert (row["loans_opened_365d"], row["principal_drawn_365d"]) == (0, 0)
    names = ("principal_mean_365d", "drawn_trend_90d_365d", "utilisation_365d")
    assert {row[name] for name in names} == {None}


def test_the_proof_names_the_latest_event_and_the_latest_knowledge_of_loans_and_payments(facts) -> None:
    world = one_loan(
        paid("P1", 1, date(2024, 1, 20), 100, recorded_at=at("2024-01-25")),
        paid("P2", 1, date(2024, 1, 22), 0, recorded_at=at("2024-01-28")),  # void: never was
        instalments=[lakes.instalment("L1", 3, date(2024, 5, 1), 300, at("2024-01-30"))],
    )
    proof = {
        day: tuple(facts(world, date(2024, 1, day))[name] for name in ("latest_event_on", "latest_known_on"))
        for day in (24, 29, 30)
    }
    assert proof == {
        24: (DRAWN, DRAWN),
        29: (date(2024, 1, 20), date(2024, 1, 25)),
        30: (date(2024, 1, 20), date(2024, 1, 30)),
    }
