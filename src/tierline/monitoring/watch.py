"""The watch list: loans and customers that need a person to look.

Belongs here: which trigger fires on what. Does not belong here: loan states (``book``), figures (``thresholds.yaml``).

Triggers, each a row of its own (lead indicator in brackets):

- ``newly_overdue``: a loan past due today that was not yesterday (DPD). It may be new or have gone bad again.
- ``first_payment_missed``: a loan whose very first instalment is past due (DPD): fraud or a wrong grant, not bad luck.
- ``overdue_over_30``: a loan beyond 30 DPD and not yet in default (DPD): the last weeks in which collection works.
- ``in_default``: a loan at or beyond 90 DPD (DPD).
- ``several_loans_overdue``: a customer with two or more loans past due (their number).
- ``large_exposure_overdue``: a customer with a loan past due and a large total exposure (worst DPD).
"""

from __future__ import annotations

from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tierline.monitoring.thresholds import Thresholds, Triggers, load_thresholds
from tierline.parquet import conform
from tierline.schemas import PUBLISHED

CENTS = 100


def watch_list(
    state: pd.DataFrame, as_of: date, yesterday: pd.DataFrame, thresholds: Thresholds | None = None
) -> pa.Table:
    """The table ``watch_list`` of ``as_of``, sorted by key; may be empty.

    ``state`` and ``yesterday`` are ``book.loan_state`` at as_of and the day before. Loans with an unknown schedule have
    no DPD and are never listed. Exposure is principal outstanding: of the loan, or of all loans of the customer.
    """
    rules = (thresholds or load_thresholds()).watch_list.triggers
    known = state[state["schedule_known"]]
    rows = pd.concat([*_loan_rows(known, yesterday, rules), *_customer_rows(known, rules)], ignore_index=True)
    return _table(rows, as_of)


def _table(rows: pd.DataFrame, as_of: date) -> pa.Table:
    contract = PUBLISHED["watch_list"]
    cents = pa.array(rows["exposure"].to_numpy(dtype="int64")).cast(pa.decimal128(20, 0))
    yuan = pc.multiply(cents, pa.scalar("0.01", pa.string()).cast(pa.decimal128(3, 2)))
    columns = {name: pa.array(rows[name].tolist(), pa.string()) for name in rows.columns if name in _TEXT}
    columns["as_of"] = pa.array([as_of] * len(rows), pa.date32())
    columns["lead_indicator"] = pa.array(rows["lead_indicator"].tolist(), pa.float64())
    columns["exposure"] = yuan
    return conform(pa.table(columns), contract)


_TEXT = ("entity_type", "entity_id", "trigger", "severity")


def _rows(entity_type: str, trigger: str, severity: str, found: pd.DataFrame) -> pd.DataFrame:
    """``found`` has entity_id, lead_indicator and exposure in cents."""
    return found[["entity_id", "lead_indicator", "exposure"]].assign(
        entity_type=entity_type, trigger=trigger, severity=severity
    )


def _loan_rows(known: pd.DataFrame, yesterday: pd.DataFrame, rules: Triggers) -> list[pd.DataFrame]:
    overdue = known[known["dpd"] > 0]
    late_yesterday = set(yesterday.loc[(yesterday["dpd"] > 0).fillna(False), "loan_id"])
    loans = overdue.rename(columns={"loan_id": "entity_id", "dpd": "lead_indicator", "outstanding": "exposure"})
    dpd = loans["lead_indicator"]
    fired = {
        "newly_overdue": ~loans["entity_id"].isin(late_yesterday),
        "first_payment_missed": loans["oldest_unpaid_no"] == 1,
        "overdue_over_30": (dpd >= rules.overdue_over_30.from_dpd) & (dpd < rules.in_default.from_dpd),
        "in_default": dpd >= rules.in_default.from_dpd,
    }
    return [_rows("loan", name, getattr(rules, name).severity, loans[mask]) for name, mask in fired.items()]


def _customer_rows(known: pd.DataFrame, rules: Triggers) -> list[pd.DataFrame]:
    customers = (
        known.assign(overdue=(known["dpd"] > 0).astype("int64"))
        .groupby("customer_key", sort=True)
        .agg(overdue=("overdue", "sum"), worst=("dpd", "max"), exposure=("outstanding", "sum"))
        .rename_axis("entity_id")
        .reset_index()
    )
    several = customers[customers["overdue"] >= rules.several_loans_overdue.from_loans]
    large = customers[
        (customers["overdue"] > 0) & (customers["exposure"] >= rules.large_exposure_overdue.from_exposure * CENTS)
    ]
    return [
        _rows(
            "customer",
            "several_loans_overdue",
            rules.several_loans_overdue.severity,
            several.rename(columns={"overdue": "lead_indicator"}),
        ),
        _rows(
            "customer",
            "large_exposure_overdue",
            rules.large_exposure_overdue.severity,
            large.rename(columns={"worst": "lead_indicator"}),
        ),
    ]
