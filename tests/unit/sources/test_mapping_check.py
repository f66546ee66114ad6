"""`check_mapping`: each way a mapping can be wrong is reported by table, column and rule, without showing values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from unit.sources.mapped_lender import CREDITS, MAPPING, PEOPLE, check_of, lender, spoiled

from tierline.schemas import LANDING
from tierline.sources.mapping import Mapping, check_mapping

LOANS_SELECT = MAPPING["tables"]["loans"]["select"]
LOANS, CUSTOMERS, OUTCOMES = ("tables", "loans"), ("tables", "customers"), ("tables", "outcomes")


def loan(person: str = "c1", paid: str = "2024-01-05 10:00:00", sum_: str = "1", settled: str = "2024-01-09") -> str:
    return f"12,{person},{paid},{sum_},no,{settled}\n"


def select(old: str, new: str) -> tuple[tuple[str, ...], str]:
    """The change of the loans' SELECT from ``old`` to ``new``."""
    assert old in LOANS_SELECT
    return (*LOANS, "select"), LOANS_SELECT.replace(old, new)


def test_a_good_mapping_is_ok_and_names_what_is_left_out(tmp_path: Path) -> None:
    checks = check_mapping(Mapping.model_validate(MAPPING), lender(tmp_path))
    assert [check.table for check in checks] == list(LANDING)
    rows = {check.table: check.rows for check in checks if check.status == "ok"}
    assert rows == {"customers": 3, "loans": 2, "outcomes": 2, "macro": 2}
    assert all(check.status == "left_out" for check in checks if check.table not in rows)
    assert not any(check.problems for check in checks)


@pytest.mark.parametrize(
    ("people", "credits_", "table", "status", "rule", "column"),
    [
        ("", CREDITS, "customers", "empty", "empty_file", ""),
        ("number;joined;born\n", CREDITS, "customers", "empty", "empty_file", ""),
        ("number;born\nc1;1980-01-01\n", CREDITS, "customers", "missing", "missing_column", "joined"),
        ("number;joined;Joined\nc1;a;b\n", CREDITS, "customers", "error", "unreadable_csv", ""),
        (PEOPLE + "c4;2024-01-03\n", CREDITS, "customers", "error", "unreadable_csv", ""),
        (PEOPLE + "c4;yesterday;1980-01-01\n", CREDITS, "customers", "mistyped", "unparseable", "joined"),
        (PEOPLE + "c4;2024-01-03 08:00;31.12.1975\n", CREDITS, "customers", "mistyped", "unparseable", "birth_date"),
        (PEOPLE + "c4;2024-01-03 08:00;1875-01-01\n", CREDITS, "customers", "error", "minimum", "birth_date"),
        (PEOPLE + "c4;;1975-12-31\n", CREDITS, "customers", "error", "required", "registered_on"),
        (PEOPLE + PEOPLE.splitlines()[1] + "\n", CREDITS, "customers", "error", "duplicate_key", "customer_id"),
        (PEOPLE, CREDITS + loan(sum_="1.005"), "loans", "mistyped", "unparseable", "sum"),
        (PEOPLE, CREDITS + loan(sum_="nan"), "loans", "mistyped", "unparseable", "sum"),
        (PEOPLE, CREDITS + loan(sum_="-1"), "loans", "error", "minimum", "principal"),
        (PEOPLE, CREDITS + loan(person="c9"), "loans", "error", "unknown_customer", "customer_id"),
        (PEOPLE, CREDITS + loan("c3", "2024-01-03 09:59:59"), "loans", "error", "unknown_customer_yet", "customer_id"),
        (PEOPLE, CREDITS + loan(settled="2024-01-04"), "outcomes", "error", "unknown_loan_yet", "loan_id"),
    ],
)  # fmt: skip
def test_faulty_data(
    tmp_path: Path, people: str, credits_: str, table: str, status: str, rule: str, column: str
) -> None:
    check = check_of(table, spoiled(), lender(tmp_path, people, credits_))
    assert check.status == status
    assert [(fault.rule, fault.column) for fault in check.problems if fault.rule == rule][:1] == [(rule, column)]
    assert all("\n" not in str(fault) for fault in check.problems)


@pytest.mark.parametrize(
    ("change", "status", "rule", "column"),
    [
        (select("sum AS", "total AS"), "missing", "missing_column", "total"),
        (((*LOANS, "constants", "product"), None), "missing", "missing_column", "product"),
        (((*LOANS, "constants", "scenario_id"), None), "missing", "missing_column", "scenario_id"),
        (select("SELECT", "SELECT bad,"), "error", "extra_column", "bad"),
        (((*LOANS, "constants", "principal"), 5), "error", "given_twice", "principal"),
        (((*LOANS, "select"), LOANS_SELECT + " WHERE person = 'nobody'"), "empty", "empty", ""),
        (select("FROM credits", "FROM debits, credits"), "error", "failed_select", ""),
        (((*LOANS, "select"), LOANS_SELECT + " WHERE CAST(person AS INTEGER) = 1"), "error", "failed_select", ""),
        (select("CAST(paid_out - INTERVAL 1 HOUR AS DATE)", "paid_out"), "mistyped", "wrong_type", "originated_on"),
        (select("paid_out AS recorded_at", "paid_out::DATE AS recorded_at"), "mistyped", "wrong_type", "recorded_at"),
        (((*LOANS, "constants", "term_months"), 1.5), "mistyped", "unparseable", "term_months"),
        (((*LOANS, "constants", "term_months"), "1.5"), "mistyped", "unparseable", "term_months"),
        (((*LOANS, "constants", "annual_rate"), 11), "error", "maximum", "annual_rate"),
        (((*LOANS, "constants", "annual_rate"), "inf"), "mistyped", "unparseable", "annual_rate"),
        (((*LOANS, "constants", "repayment_method"), "balloon"), "error", "allowed", "repayment_method"),
        (select("- INTERVAL 1 HOUR", "+ INTERVAL 1 DAY"), "error", "after_knowledge", "originated_on"),
        ((("as_of",), "2024-01-01"), "error", "after_as_of", "recorded_at"),
        ((("as_of",), "2924-01-10"), "error", "too_many_days", "recorded_at"),
        ((("timezone",), None), "mistyped", "naive_timestamp", "recorded_at"),
        ((("files", "credits", "file"), "gone.csv"), "missing", "missing_file", ""),
        ((("files", "credits", "format"), "parquet"), "error", "unreadable_parquet", ""),
        ((("files", "credits", "types"), {"rate": "DOUBLE"}), "missing", "missing_column", "rate"),
    ],
)  # fmt: skip
def test_faulty_mapping(tmp_path: Path, change: tuple[Any, Any], status: str, rule: str, column: str) -> None:
    check = check_of("loans", spoiled(change), lender(tmp_path))
    assert check.status == status
    assert (rule, column) in [(fault.rule, fault.column) for fault in check.problems]
    assert all("\n" not in str(fault) for fault in check.problems)


def test_counts_are_told_but_values_are_not(tmp_path: Path) -> None:
    people = PEOPLE + "c4;2024-01-03 08:00;secret-one\nc5;2024-01-03 08:00;secret-two\n"
    check = check_of("customers", spoiled(), lender(tmp_path, people))
    assert "2 values are not a date" in str(check.problems[0])
    failing = spoiled(
        ((*CUSTOMERS, "select"), MAPPING["tables"]["customers"]["select"] + " WHERE CAST(born AS DATE) > joined")
    )
    told = [str(fault) for fault in (*check.problems, *check_of("customers", failing, tmp_path).problems)]
    ragged = check_of("customers", spoiled(), lender(tmp_path / "ragged", PEOPLE + "secret-three;1\n"))
    assert not [line for line in [*told, *map(str, ragged.problems)] if "secret" in line]
    assert "Line: 5" in str(ragged.problems[0])


def test_a_fault_in_one_file_spares_the_tables_of_the_other(tmp_path: Path) -> None:
    data = lender(tmp_path)
    (data / "credits.csv").unlink()
    states = {check.table: check.status for check in check_mapping(spoiled(), data)}
    assert (states["customers"], states["loans"], states["outcomes"]) == ("ok", "missing", "missing")


@pytest.mark.parametrize(
    "source",
    [
        "read_text('{secret}')",
        "'{secret}'",
        "read_csv('{secret}')",
        "glob('{secret}')",
        "read_csv('{data}/people.csv')",
    ],
)
def test_a_select_can_read_no_file(tmp_path: Path, source: str) -> None:
    secret, data = tmp_path / "secret.csv", lender(tmp_path / "data")
    secret.write_text("a\n1\n", encoding="utf-8")
    table = source.format(secret=secret, data=data)
    check = check_of("loans", spoiled(((*LOANS, "select"), f"{LOANS_SELECT}, {table}")), data)
    assert [fault.rule for fault in check.problems] == ["failed_select"]
    assert "Permission Error" in str(check.problems[0])


def test_a_select_cannot_see_python_variables(tmp_path: Path) -> None:
    described = spoiled(((*LOANS, "select"), LOANS_SELECT + ", described"))
    assert "does not exist" in str(check_of("loans", described, lender(tmp_path)).problems[0])


def test_rows_after_as_of_and_quiet_transaction_days_are_noted(tmp_path: Path) -> None:
    assert check_of("outcomes", spoiled((("as_of",), "2024-01-09")), lender(tmp_path)).notes == (
        "1 rows become known after as_of 2024-01-09: later nights read them",
    )
    transactions = {
        "select": """SELECT id AS transaction_id, person AS customer_id, paid_out AS occurred_at, sum AS amount,
                     'credit' AS direction, 'x' AS category, 'y' AS channel, paid_out AS recorded_at FROM credits""",
        "constants": {"scenario_id": None, "counterparty_id": None, "balance_after": None},
    }
    check = check_of("transactions", spoiled((("tables", "transactions"), transactions)), tmp_path)
    # Rows on 2 and 3 January (UTC), feed to the 10th: seven days without any.
    assert check.status == "ok"
    assert check.notes[0].startswith("7 days of the feed have no rows")
    later = spoiled((("tables", "transactions"), transactions), (("first_day",), "2024-01-10"))
    assert check_of("transactions", later, tmp_path).notes[0].startswith("1 days")
