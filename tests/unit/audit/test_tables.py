"""The night in order, and the rules that hold for every table."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unit.audit.night_by_hand import AS_OF, NightByHand

import tierline
from tierline.audit import audit_tables
from tierline.errors import TierlineError
from tierline.schemas import DECISION_INPUTS, PUBLISHED

DECIDING = {"policy", "tiers", "pricing", "limits", "funding"}


def found(night: NightByHand, folder: Path) -> list[tuple[str, str]]:
    return [(one.table, one.rule) for one in night.audit(folder)]


def test_nothing_is_found_in_a_night_worked_out_by_hand(night: NightByHand, tmp_path: Path) -> None:
    assert night.audit(tmp_path) == []


def test_nothing_is_found_without_partners_and_position_when_all_money_is_own(
    night: NightByHand, tmp_path: Path
) -> None:
    night.partners = night.position = None
    night.fund("c01", OWN="30000")
    night.fund("c03", OWN="12345.67")
    assert night.audit(tmp_path) == []


def test_a_line_names_table_rule_count_and_the_first_key(night: NightByHand, tmp_path: Path) -> None:
    for key in ("c09", "c08"):
        night.row("credit_limits", customer_key=key)["previous_limit"] = Decimal("4321.05")
    (one,) = night.audit(tmp_path)
    assert (one.table, one.rule, one.count) == ("credit_limits", "hold", 2)
    assert str(one) == (
        "credit_limits: hold: a held limit must be the previous limit; 2 rows do not, first customer_key c08"
        " has credit_limit 5000.00, previous_limit 4321.05, action hold, dpd 3, on_time_streak 0"
    )


def test_the_order_of_rows_changes_nothing(night: NightByHand, tmp_path: Path) -> None:
    night.row("scores", customer_key="c02")["score"] += 1
    night.row("pricing", tier="C", term_months=6)["daily_rate"] *= 2
    night.fund("c04", OWN="14000")
    before = night.audit(tmp_path)
    for rows in (*night.tables.values(), night.inputs, night.partners or [], night.position or []):
        rows.reverse()
    assert len(before) == 3
    assert night.audit(tmp_path) == before


@pytest.mark.parametrize("table", PUBLISHED)
@pytest.mark.parametrize("day", [AS_OF - timedelta(days=1), None])
def test_a_row_of_another_day(night: NightByHand, tmp_path: Path, table: str, day: date | None) -> None:
    night.state_constraints()
    night.tables[table][-1]["as_of"] = day
    assert found(night, tmp_path) == [(table, "as_of")]


@pytest.mark.parametrize(
    "table", ["credit_limits", "pricing", "funding_allocation", "portfolio_constraints", "disclosures"]
)
def test_another_policy_in_one_row(night: NightByHand, tmp_path: Path, table: str) -> None:
    night.state_constraints()
    night.tables[table][-1]["policy_id"] = "cn-online-micro-lender-ffffffff"
    assert found(night, tmp_path) == [(table, "policy_id")]


def test_a_policy_id_of_another_profile(night: NightByHand, tmp_path: Path) -> None:
    night.state_constraints()
    for rows in night.tables.values():
        for row in rows:
            if "policy_id" in row:
                row["policy_id"] = "another-0123abcd"
    assert found(night, tmp_path) == [("credit_limits", "policy_profile")]


@pytest.mark.parametrize("table", PUBLISHED)
def test_a_repeated_key(night: NightByHand, tmp_path: Path, table: str) -> None:
    night.state_constraints()
    night.tables[table].append(night.tables[table][0])
    assert found(night, tmp_path) == [(table, "duplicate_key")]


def test_a_customer_twice_in_the_inputs(night: NightByHand, tmp_path: Path) -> None:
    night.inputs.append(night.inputs[0])
    assert found(night, tmp_path) == [("decision_inputs", "duplicate_key")]


@pytest.mark.parametrize("table", sorted(set(PUBLISHED) - {"portfolio_quality", "watch_list"}))
def test_a_table_that_is_not_there(night: NightByHand, tmp_path: Path, table: str) -> None:
    night.state_constraints()
    del night.tables[table]
    assert found(night, tmp_path) == [(table, "missing_table")]


def test_files_that_cannot_be_judged(night: NightByHand, tmp_path: Path) -> None:
    night.audit(tmp_path)
    paths = {name: tmp_path / f"{name}.parquet" for name in night.tables}
    paths["scores"].write_bytes(paths["scores"].read_bytes()[:-20])
    prices = pq.read_table(paths["pricing"])
    pq.write_table(prices.drop_columns(["margin"]), paths["pricing"])
    shown = pq.read_table(paths["disclosures"])
    index = shown.column_names.index("amount")
    pq.write_table(shown.set_column(index, "amount", shown.column("amount").cast(pa.float64())), paths["disclosures"])
    paths["watch_list"].unlink()
    findings = audit_tables(paths, night.context(tmp_path))
    assert [(one.table, one.rule) for one in findings] == [
        ("scores", "unreadable"),
        ("pricing", "missing_column"),
        ("disclosures", "wrong_type"),
        ("watch_list", "unreadable"),
    ]
    assert all("\n" not in str(one) for one in findings)


def test_the_inputs_may_be_a_file_and_must_keep_their_contract(night: NightByHand, tmp_path: Path) -> None:
    night.audit(tmp_path)
    paths = {name: tmp_path / f"{name}.parquet" for name in night.tables}
    inputs = pa.Table.from_pylist(night.inputs, schema=DECISION_INPUTS.arrow_schema)
    context = night.context(tmp_path)
    file = tmp_path / "inputs.parquet"
    for table, expected in ((inputs, []), (inputs.drop_columns(["dpd"]), [("decision_inputs", "missing_column")])):
        pq.write_table(table, file)
        given = type(context)(AS_OF, context.policy, file, context.partners, context.position)
        assert [(one.table, one.rule) for one in audit_tables(paths, given)] == expected


def test_a_partner_given_twice_is_refused(night: NightByHand, tmp_path: Path) -> None:
    assert night.partners is not None
    night.partners.append(night.partners[0])
    with pytest.raises(TierlineError, match="funding_partners: partner_id must be unique"):
        night.audit(tmp_path)


def test_the_checker_shares_no_code_with_the_decisions() -> None:
    code = "import sys, tierline.audit; print(*(name for name in sys.modules if name.startswith('tierline.')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "tierline.audit.run" in loaded
    assert not DECIDING & {name.split(".")[1] for name in loaded}
    for path in (Path(tierline.__file__).parent / "audit").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tierline."):
                assert (node.module or "").split(".")[1] not in DECIDING


def test_an_older_release_without_a_column_that_came_later(night: NightByHand, tmp_path: Path) -> None:
    night.previous_limits = {"c02": {"last_change_on": AS_OF - timedelta(days=1)}}
    night.stood("c01", OWN="1")
    assert found(night, tmp_path) == [("credit_limits", "cooldown")]
    paths = {name: tmp_path / f"{name}.parquet" for name in night.tables}
    context, before = night.context(tmp_path), night.release_before() or {}

    def without(table: str, *columns: str) -> list[tuple[str, str]]:
        older = before | {table: before[table].drop_columns(list(columns))}
        return [(one.table, one.rule) for one in audit_tables(paths, replace(context, previous=older))]

    # the rule needs the column; those that no rule reads may be missing too
    assert without("credit_limits", "last_change_on", "policy_arm", "propensity", "tier") == []
    assert without("funding_allocation", "share", "policy_id") == [("credit_limits", "cooldown")]
    assert without("credit_limits", "credit_limit") == [("credit_limits", "previous_missing_column")]
    assert without("funding_allocation", "funder_id")[0] == ("funding_allocation", "previous_missing_column")


def test_the_release_before_as_files(night: NightByHand, tmp_path: Path) -> None:
    night.previous_limits = {"c08": {"credit_limit": Decimal("4999.99")}}
    assert found(night, tmp_path) == [("credit_limits", "previous_limit")]
    paths = {name: tmp_path / f"{name}.parquet" for name in night.tables}
    file = tmp_path / "before.parquet"
    pq.write_table((night.release_before() or {})["credit_limits"], file)
    context = replace(night.context(tmp_path), previous={"credit_limits": file})
    assert [one.rule for one in audit_tables(paths, context)] == ["previous_limit"]
