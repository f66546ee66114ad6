"""A lender of three customers in two CSV files, and the mapping over them; tests spoil copies of it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from tierline.sources.mapping import Mapping, TableCheck, check_mapping

PEOPLE = """number;joined;born
c1;2024-01-01 09:00:00;1980-05-06
c2;2024-01-03 23:30:00;1990-01-02
c3;2024-01-03 10:00:00;1975-12-31
"""
CREDITS = """id,person,paid_out,sum,bad,settled
10,c1,2024-01-02 10:00:00,100.50,no,2024-01-09
11,c2,2024-01-04 00:30:00,200.00,yes,2024-01-10
"""
MAPPING: dict[str, Any] = {
    "name": "tiny",
    "description": "three customers",
    "timezone": "Africa/Lagos",
    "as_of": "2024-01-10",
    "knowledge": "assumed",
    "assumption": "lag 0",
    "label": "outcomes",
    "files": {
        "people": {"file": "people.csv", "delimiter": ";", "types": {"joined": "TIMESTAMP"}},
        "credits": {"file": "credits.csv", "types": {"sum": "DECIMAL(18,2)", "paid_out": "TIMESTAMP"}},
    },
    "tables": {
        "customers": {
            "select": """SELECT number AS customer_id, CAST(joined - INTERVAL 1 HOUR AS DATE) AS registered_on,
                         born AS birth_date, joined AS recorded_at FROM people""",
            "constants": {
                "full_name": "not delivered",
                "id_number": "not delivered",
                "phone": "not delivered",
                "region_code": "NG",
                "segment": "consumer",
                "industry_code": None,
                "declared_income_monthly": None,
                "consent_partner_sharing": False,
            },
        },
        "loans": {
            "select": """SELECT id AS loan_id, person AS customer_id, CAST(paid_out - INTERVAL 1 HOUR AS DATE)
                         AS originated_on, sum AS principal, paid_out AS recorded_at FROM credits""",
            "constants": {
                "product": "cash",
                "annual_rate": 0.24,
                "term_months": 12,
                "repayment_method": "bullet",
                "scenario_id": None,
            },
        },
        "outcomes": {
            "select": """SELECT id AS loan_id, bad = 'yes' AS defaulted, settled AS observed_on,
                         CAST(settled AS TIMESTAMP) + INTERVAL 12 HOUR AS recorded_at FROM credits""",
        },
        "macro": {
            "rows": [
                {"series_id": "gdp", "period": "2023-10-01", "value": 1.5, "published_at": "2023-12-20T08:00:00Z"},
                {"series_id": "gdp", "period": "2023-07-01", "value": 1.25, "published_at": "2023-12-20T08:00:00Z"},
            ]
        },
    },
}


def lender(folder: Path, people: str = PEOPLE, credits_: str = CREDITS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "people.csv").write_text(people, encoding="utf-8")
    (folder / "credits.csv").write_text(credits_, encoding="utf-8")
    return folder


def spoiled(*changes: tuple[tuple[str, ...], Any]) -> Mapping:
    """The mapping with values set (or, for None, keys removed) at paths."""
    content = copy.deepcopy(MAPPING)
    for where, value in changes:
        part = content
        for key in where[:-1]:
            part = part[key]
        if value is None:
            del part[where[-1]]
        else:
            part[where[-1]] = value
    return Mapping.model_validate(content)


def check_of(table: str, mapping: Mapping, data: Path) -> TableCheck:
    return next(check for check in check_mapping(mapping, data) if check.table == table)
