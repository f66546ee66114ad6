from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from tierline.monitoring import watch_list
from tierline.schemas import PUBLISHED

AS_OF = date(2025, 6, 30)
Loan = tuple[str, str, int, int | None, int | None]  # loan, customer, outstanding yuan, dpd, oldest unpaid instalment


def state(*loans: Loan) -> pd.DataFrame:
    rows = [
        {
            "loan_id": loan,
            "customer_key": customer,
            "outstanding": None if dpd is None else yuan * 100 + 5,
            "dpd": dpd,
            "oldest_unpaid_no": number,
            "schedule_known": dpd is not None,
        }
        for loan, customer, yuan, dpd, number in loans
    ]
    columns = ["loan_id", "customer_key", "outstanding", "dpd", "oldest_unpaid_no", "schedule_known"]
    frame = pd.DataFrame(rows, columns=columns)
    types = {"loan_id": "str", "customer_key": "str", "outstanding": "Int64", "dpd": "Int64"}
    return frame.astype(types | {"oldest_unpaid_no": "Int64", "schedule_known": bool})


def fired(now: pd.DataFrame, yesterday: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    table = watch_list(now, AS_OF, yesterday)
    assert table.schema.equals(PUBLISHED["watch_list"].arrow_schema)
    rows = table.to_pylist()
    found = {(row["entity_id"], row["trigger"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_each_trigger_fires_where_it_should_and_nowhere_else() -> None:
    now = state(
        ("fresh", "c1", 100, 1, 3),  # past due since today
        ("known", "c2", 100, 2, 3),  # was past due yesterday
        ("first", "c3", 100, 20, 1),  # the very first instalment
        ("at30", "c4", 100, 30, 2),
        ("at31", "c5", 100, 31, 2),
        ("at89", "c6", 100, 89, 2),
        ("at90", "c7", 100, 90, 2),
        ("good", "c8", 100, 0, None),
        ("unknown", "c9", 100, None, None),
    )
    yesterday = state(
        ("fresh", "c1", 100, 0, None),
        ("known", "c2", 100, 1, 3),
        ("first", "c3", 100, 19, 1),
        ("at30", "c4", 100, 29, 2),
        ("at31", "c5", 100, 30, 2),
        ("at89", "c6", 100, 88, 2),
        ("at90", "c7", 100, 89, 2),
        ("good", "c8", 100, 7, 2),
        ("unknown", "c9", 100, None, None),
    )
    found = fired(now, yesterday)
    assert set(found) == {
        ("fresh", "newly_overdue"),
        ("first", "first_payment_missed"),
        ("at31", "overdue_over_30"),
        ("at89", "overdue_over_30"),
        ("at90", "in_default"),
    }
    row = found["at90", "in_default"]
    assert (row["entity_type"], row["severity"], row["lead_indicator"]) == ("loan", "high", 90.0)
    assert row["exposure"] == Decimal("100.05")
    assert found["fresh", "newly_overdue"]["severity"] == "low"


def test_a_loan_not_there_yesterday_is_newly_overdue() -> None:
    assert set(fired(state(("late", "c", 1, 4, 2)), state())) == {("late", "newly_overdue")}


def test_customer_triggers_add_up_the_customers_loans() -> None:
    now = state(
        ("a1", "two", 100, 5, 2),
        ("a2", "two", 100, 3, 2),
        ("b1", "large", 30_000, 5, 2),
        ("b2", "large", 20_000, 0, None),  # not past due, but exposure
        ("c1", "below", 49_999, 5, 2),
        ("d1", "paying", 90_000, 0, None),
    )
    found = {key: row for key, row in fired(now, now).items() if row["entity_type"] == "customer"}
    assert set(found) == {("two", "several_loans_overdue"), ("large", "large_exposure_overdue")}
    assert found["two", "several_loans_overdue"]["lead_indicator"] == 2.0
    assert found["two", "several_loans_overdue"]["exposure"] == Decimal("200.10")
    assert found["large", "large_exposure_overdue"]["lead_indicator"] == 5.0
    assert found["large", "large_exposure_overdue"]["exposure"] == Decimal("50000.10")


def test_nothing_to_watch_is_an_empty_table() -> None:
    assert fired(state(), state()) == {}
    assert fired(state(("good", "c", 5, 0, None)), state()) == {}
