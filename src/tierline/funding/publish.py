"""The plan as published tables.

Belongs here: form. Does not belong here: any choice.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.funding.applicants import OWN, Applicants
from tierline.funding.ledger import Assignment
from tierline.money import to_cents, to_money
from tierline.parquet import conform
from tierline.schemas import PUBLISHED


def allocation_table(
    people: Applicants,
    plan: Assignment,
    theirs: npt.NDArray[np.int64],
    names: tuple[str, ...],
    as_of: date,
    policy_id: str,
) -> pa.Table:
    """Who funds each limit; returns ``funding_allocation``. Amounts of 0 have no row."""
    own = plan.limit - theirs
    ours, shared = np.flatnonzero(own > 0), np.flatnonzero(theirs > 0)
    rows = np.r_[ours, shared]
    amount = np.r_[own[ours], theirs[shared]]
    words = pa.array([OWN, *names])
    codes = np.r_[np.zeros(len(ours), dtype=np.int64), plan.partner[shared].astype(np.int64) + 1]
    table = pa.table(
        {
            "customer_key": people.keys.take(pa.array(rows)),
            "as_of": pa.repeat(pa.scalar(as_of, pa.date32()), len(rows)),
            "funder_id": words.take(pa.array(codes)),
            "share": pa.array(amount / np.maximum(plan.limit[rows], 1)),
            "amount": to_money(amount),
            "policy_id": pa.repeat(pa.scalar(policy_id), len(rows)),
        }
    )
    return conform(table, PUBLISHED["funding_allocation"])


def lowered_limits(
    wanted: pa.Table, people: Applicants, plan: Assignment, binding: npt.NDArray[np.object_]
) -> pa.Table:
    """``credit_limits`` with the limits of the plan; a lowered one has its action, reason and binding rule anew.

    A grant that is not funded at all is declined; a limit below the one before is cut; a raise that does not fit is
    held. Limits that stay as wanted keep their words.
    """
    at = pc.index_in(people.keys, value_set=wanted.column("customer_key").combine_chunks()).to_numpy().astype(np.int64)
    limit = to_cents(wanted.column("credit_limit")).copy()
    previous = to_cents(wanted.column("previous_limit"))
    lower = plan.limit < people.wanted
    rows = at[lower]
    limit[at] = plan.limit
    columns = {name: wanted.column(name).to_numpy(zero_copy_only=False).copy() for name in _WORDS}
    now, before = limit[rows], previous[rows]
    action = np.select([now == 0, now < before, now == before], ["decline", "cut", "hold"], "")
    action = np.where(action == "", np.where(before > 0, "raise", "grant"), action)
    columns["action"][rows] = action
    columns["action_reason"][rows] = np.where(now == 0, "PORTFOLIO_NOT_FUNDED", "PORTFOLIO_LOWERED")
    columns["binding_constraint"][rows] = binding[lower]
    table = wanted.set_column(wanted.column_names.index("credit_limit"), "credit_limit", to_money(limit))
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))
    return conform(table, PUBLISHED["credit_limits"])


_WORDS = ("action", "action_reason", "binding_constraint")
