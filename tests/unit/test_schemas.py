"""The contracts are the design's: names, keys, types, nulls and personal columns, written out here by hand."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import pyarrow as pa
import pytest

from tierline.schemas import LAKE, LANDING, PUBLISHED, Table

# the table of input contracts, as designed: key and columns; ° personal, ? may be null
DESIGN = {
    "customers": (
        "customer_id",
        "registered_on birth_date° full_name° id_number° phone° region_code segment industry_code?"
        " household_id?° declared_income_monthly? consent_partner_sharing recorded_at",
    ),
    "transactions": (
        "transaction_id",
        "customer_id° occurred_at amount direction category channel scenario_id? counterparty_id?° balance_after?"
        " recorded_at",
    ),
    "loans": (
        "loan_id",
        "customer_id° product originated_on principal annual_rate term_months repayment_method scenario_id?"
        " recorded_at",
    ),
    "instalments": ("loan_id instalment_no", "due_on principal_due interest_due recorded_at"),
    "repayments": ("repayment_id", "loan_id instalment_no paid_at amount recorded_at"),
    "macro": ("series_id period", "value published_at"),
    "funding_partners": (
        "partner_id",
        "licence home_region regions net_tier1_capital total_loans joint_loan_balance commitment drawn expires_on?"
        " notice_days cost_of_funds accepted_tiers first_loss_share? recorded_at",
    ),
    "outcomes": ("loan_id", "defaulted observed_on recorded_at"),
    "lender_position": ("as_of", "net_assets standard_funding non_standard_funding cost_of_funds recorded_at"),
}
OUTPUT = {
    "scores": "customer_key as_of pd_12m score tier reason_1 reason_2 reason_3 reason_4 thin_file model_id",
    "credit_limits": "customer_key as_of tier credit_limit previous_limit last_change_on drawn_balance action"
    " action_reason binding_constraint policy_arm propensity policy_id",
    "pricing": "tier term_months as_of annual_rate daily_rate apr_irr funding_cost expected_loss operating_cost"
    " capital_charge margin cap_rate cap_rule offered policy_id",
    "funding_allocation": "customer_key as_of funder_id share amount policy_id",
}
MONEY = {"amount", "balance_after", "principal", "principal_due", "interest_due", "credit_limit", "net_assets"}


def test_the_tables_are_the_designed_ones() -> None:
    assert set(LANDING) == set(DESIGN) == set(LAKE)
    assert set(OUTPUT) | {"disclosures", "portfolio_constraints", "portfolio_quality", "watch_list"} == set(PUBLISHED)
    assert [name for name, table in LANDING.items() if table.optional] == ["outcomes"]


def test_columns_that_may_be_missing_are_null_where_they_are() -> None:
    optional = [(name, column) for name, table in (LANDING | LAKE).items() for column in table.optional_columns]
    expected = [("customers", "household_key"), ("funding_partners", "first_loss_share")]
    assert [(name, column.name) for name, column in optional] == expected
    assert [column.name for column in LANDING["customers"].optional_columns] == ["household_id"]
    assert all(column.nullable for _, column in optional)


def test_a_contract_without_such_columns_keeps_the_hash_it_had() -> None:
    text = json.dumps(asdict(LANDING["loans"]), sort_keys=True).replace(
        ', "optional": false, "personal"', ', "personal"'
    )
    assert LANDING["loans"].schema_hash == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("name", DESIGN)
def test_landing_columns_nulls_and_personal_data(name: str) -> None:
    key, rest = DESIGN[name]
    contract = LANDING[name]
    assert contract.key == tuple(key.split())
    marked = {word.rstrip("°?"): word for word in rest.split()}
    for word in contract.key:
        marked.setdefault(word, word + ("°" if word == "customer_id" else ""))
    assert set(contract.column_names) == set(marked)
    for column in contract.columns:
        assert column.nullable == ("?" in marked[column.name]), column.name
        assert column.personal == ("°" in marked[column.name]), column.name


@pytest.mark.parametrize("name", OUTPUT)
def test_published_columns_stand_in_the_designed_order(name: str) -> None:
    assert list(PUBLISHED[name].column_names) == OUTPUT[name].split()


def every() -> list[Table]:
    return [*LANDING.values(), *LAKE.values(), *PUBLISHED.values()]


def test_types_are_those_of_the_conventions() -> None:
    for contract in every():
        for field in contract.arrow_schema:
            if field.name in MONEY:
                assert field.type == pa.decimal128(18, 2), (contract.name, field.name)
            elif field.name.endswith("_at"):
                assert field.type == pa.timestamp("us", tz="UTC"), (contract.name, field.name)
            elif field.name.endswith(("_on", "as_of")):
                assert field.type == pa.date32(), (contract.name, field.name)
            elif field.name.endswith(("_id", "_code", "_key")):
                assert field.type == pa.string(), (contract.name, field.name)
            elif field.name.endswith("rate") or field.name in ("pd_12m", "share", "propensity"):
                assert field.type == pa.float64(), (contract.name, field.name)


def test_keys_are_columns_that_are_never_null_and_everything_is_described() -> None:
    for contract in every():
        assert set(contract.key) <= set(contract.column_names)
        assert len(set(contract.column_names)) == len(contract.column_names)
        assert not any(contract[name].nullable for name in contract.key)
        assert contract.description
        assert all(column.description for column in contract.columns)


def test_the_lake_holds_no_personal_column_and_every_customer_row_its_pseudonym() -> None:
    for name, contract in LAKE.items():
        assert not any(column.personal for column in contract.columns), name
        assert not {"customer_id", "full_name", "id_number", "phone", "birth_date"} & set(contract.column_names)
        holds = name not in ("macro", "funding_partners", "lender_position")
        assert ("customer_key" in contract.column_names) == holds, name


def test_any_change_of_a_contract_changes_its_hash() -> None:
    hashes = [contract.schema_hash for contract in every()]
    assert len(set(hashes)) == len(hashes)
