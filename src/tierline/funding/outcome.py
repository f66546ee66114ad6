"""The plan as published tables, and what a person wants to see of it.

Belongs here: rows of ``credit_limits`` and ``funding_allocation``, exposure and return. Does not belong here: choosing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tierline.funding.book import OWN, Floats, FundingInputs, Ints
from tierline.funding.optimum import Night, Optimum
from tierline.funding.rules import Plan, capital_of, exposure, profit
from tierline.funding.shadow import binding_names
from tierline.money import to_cents, to_money
from tierline.parquet import conform
from tierline.schemas import PUBLISHED

REASON = "PORTFOLIO"


@dataclass(frozen=True)
class Measure:
    """Yuan of limits, exposure at default, expected loss, economic capital and risk-adjusted profit a year."""

    limit: float
    exposure: float
    loss: float
    capital: float
    profit: float
    raroc: float | None


@dataclass(frozen=True)
class Outcome:
    """``tiers``: a measure per tier with limits, ``book``: of all; yuan per partner with its part of all limits.

    RAROC is profit before the charge for capital, divided by the capital; None without capital.
    """

    tiers: dict[str, Measure]
    book: Measure
    partners: dict[str, float]

    @staticmethod
    def of(night: Night, plan: Plan) -> Outcome:
        """Measures of a plan."""
        book, p = night.book, night.policy.pricing
        risk = exposure(book, plan.limit, night.policy.funding.ccf)
        columns = {
            "limit": plan.limit / 100,
            "exposure": risk,
            "loss": book.loss * risk,
            "capital": capital_of(book, plan, night.lender, night.policy.funding.ccf),
            "profit": profit(book, plan, night.lender, night.policy.funding.ccf),
        }
        tiers = night.policy.scale.tiers
        sums = {name: np.bincount(book.tier, values, len(tiers)) for name, values in columns.items()}
        shown = {tier: i for i, tier in enumerate(tiers) if sums["limit"][i] > 0}
        used = {q.partner_id: plan.part[plan.partner == i].sum() / 100 for i, q in enumerate(night.lender.partners)}
        return Outcome(
            tiers={tier: _measure({n: s[i] for n, s in sums.items()}, p.hurdle_rate) for tier, i in shown.items()},
            book=_measure({name: values.sum() for name, values in columns.items()}, p.hurdle_rate),
            partners={name: float(yuan) for name, yuan in used.items()},
        )


def customer_measures(given: FundingInputs, night: Night, plan: Plan) -> pa.Table:
    """One row per customer with a wanted limit, by key: limit, exposure at default, expected loss, economic capital of
    the lender's part and its guarantee and risk-adjusted profit; yuan, a year."""
    book, ccf = night.book, night.policy.funding.ccf
    risk = exposure(book, plan.limit, ccf)
    columns = {
        "customer_key": given.limits.column("customer_key").combine_chunks().take(pa.array(book.row)),
        "credit_limit": pa.array(plan.limit / 100),
        "exposure_at_default": pa.array(risk),
        "expected_loss": pa.array(book.loss * risk),
        "economic_capital": pa.array(capital_of(book, plan, night.lender, ccf)),
        "profit": pa.array(profit(book, plan, night.lender, ccf)),
    }
    return pa.table(columns)


def _measure(sums: dict[str, float], hurdle: float) -> Measure:
    capital = sums["capital"]
    raroc = float(sums["profit"] / capital + hurdle) if capital > 0 else None
    return Measure(**{name: float(value) for name, value in sums.items()}, raroc=raroc)


def limits_table(wanted: pa.Table, night: Night, plan: Plan, optimum: Optimum) -> pa.Table:
    """``wanted`` with the limits of the plan; a lowered one says so in action, reason and binding constraint."""
    lowered = np.flatnonzero(plan.limit < night.book.wanted)
    if not len(lowered):
        return conform(wanted, PUBLISHED["credit_limits"])
    row, limit = night.book.row[lowered], plan.limit[lowered]
    cents = to_cents(wanted.column("credit_limit")).copy()
    cents[row] = limit
    before = to_cents(wanted.column("previous_limit"))[row]
    action = np.select(
        [limit == 0, before == 0, limit < before, limit == before], ["decline", "grant", "cut", "hold"], "raise"
    )
    changed = {
        "action": action,
        "action_reason": np.full(len(row), REASON, dtype=object),
        "binding_constraint": binding_names(night, optimum, lowered),
    }
    table = _replaced(wanted, "credit_limit", to_money(cents))
    mask = np.zeros(wanted.num_rows, dtype=bool)
    mask[row] = True
    for name, values in changed.items():
        new = pa.array(values.tolist(), pa.string())
        column = table.column(name).combine_chunks()
        table = _replaced(table, name, pc.replace_with_mask(column, pa.array(mask), new))
    return conform(table, PUBLISHED["credit_limits"])


def _replaced(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), table.schema.field(name), values)


def allocation_table(given: FundingInputs, night: Night, plan: Plan) -> pa.Table:
    """``funding_allocation``: own money and at most one partner of each limit above 0."""
    mine, theirs = np.flatnonzero(plan.limit > plan.part), np.flatnonzero(plan.part > 0)
    customer = np.concatenate([mine, theirs])
    amount = np.concatenate([(plan.limit - plan.part)[mine], plan.part[theirs]])
    keys = given.limits.column("customer_key").combine_chunks().take(pa.array(night.book.row[customer]))
    names = pa.array([*(partner.partner_id for partner in night.lender.partners), OWN], pa.string())
    funder = np.concatenate([np.full(len(mine), len(names) - 1), plan.partner[theirs]])
    share: Floats = amount / np.maximum(plan.limit[customer], 1)
    count: Ints = np.arange(len(customer))
    table = pa.table(
        {
            "customer_key": keys,
            "as_of": pa.repeat(pa.scalar(given.as_of, pa.date32()), len(count)),
            "funder_id": names.take(pa.array(funder)),
            "share": share,
            "amount": to_money(amount),
            "policy_id": pa.repeat(pa.scalar(night.policy.policy_id), len(count)),
        }
    )
    return conform(table, PUBLISHED["funding_allocation"])
