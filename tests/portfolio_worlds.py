"""Random books with partners and a position, large or small, tame or nasty, and the decisions of their nights.

Belongs here: worlds as arrays from a seed, all decisions of a night, and the independent audit over them. Does not
belong here: expectations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tierline.audit import AuditContext, audit_tables
from tierline.decide import Case, Known
from tierline.decide import decide as decide_night
from tierline.funding import FundingInputs, FundingResult
from tierline.funding.book import lender_of, read_book
from tierline.funding.optimum import Night
from tierline.funding.portfolio import distinct_members
from tierline.funding.rules import rules_of
from tierline.money import to_cents, to_money
from tierline.parquet import write_contract
from tierline.policy import Policy, load_policy
from tierline.schemas import DECISION_INPUTS, LAKE, PUBLISHED

PROFILE = "cn-online-micro-lender"
DAY = date(2026, 6, 30)  # a review night
REGIONS = ("110000", "310000", "320000", "330000", "370000", "440000", "510000", "610000")
INDUSTRIES = (None, "A01", "C13", "F51", "F52", "H62", "I64")
SCENARIOS = (None, "education", "medical", "retail", "travel")


@dataclass(frozen=True)
class World:
    """What the decisions of one night read; ``profile``: a packaged name or a path. ``previous``: tables by name."""

    as_of: date
    profile: str
    inputs: pa.Table
    partners: pa.Table | None
    position: pa.Table | None
    previous: Mapping[str, pa.Table] | None = None

    @property
    def policy(self) -> Policy:
        return load_policy(self.profile, self.as_of + timedelta(days=1))


@dataclass(frozen=True)
class Decided:
    """The published tables of the decisions by name, the wanted limits, and what the portfolio says of itself."""

    tables: dict[str, pa.Table]
    wanted: pa.Table
    result: FundingResult


def world(
    customers: int,
    seed: int,
    *,
    nasty: bool = False,
    room: float | None = None,
    profile: str = PROFILE,
    day: date = DAY,
    guarantees: Sequence[float | None] = (None,),
) -> World:
    """A first night, nothing drawn yet. ``room``: commitments as a part of what partners could use, else drawn.

    ``guarantees``: first-loss shares of the partners in turn.
    """
    rng = np.random.default_rng([seed, customers])
    inputs = _inputs(customers, rng, nasty)
    inputs = _with(inputs, "household_key", _households(customers, np.random.default_rng([seed, customers, 6])))
    expected = customers * 12_000.0
    scale = expected * (room if room is not None else float(rng.uniform(0.2, 1.2)))
    partners: pa.Table | None = _partners(scale, rng, nasty, day, guarantees)
    assets = expected * float(rng.uniform(0.06, 0.3))
    position: pa.Table | None = _position(assets, rng, day)
    if nasty:
        partners = None if rng.random() < 0.15 else partners
        position = None if rng.random() < 0.15 else position
    return World(day, profile, inputs, partners, position)


def following(given: World, decided: Decided, seed: int, *, drawn: float = 0.5, moved: float = 0.0) -> World:
    """The night after: a part ``drawn`` of customers has drawn on the limit, a part ``moved`` has another PD.

    What is drawn stands in the partners' figures, as their rules ask. Draw in the first night after only: with
    ``drawn`` 0 everybody keeps what is drawn.
    """
    rng = np.random.default_rng([seed, 7])
    inputs, limits = given.inputs, decided.tables["credit_limits"]
    keys = inputs.column("customer_key").to_pylist()
    at = {key: index for index, key in enumerate(limits.column("customer_key").to_pylist())}
    limit = to_cents(limits.column("credit_limit"))[[at[key] for key in keys]]
    before = to_cents(inputs.column("drawn_balance"))
    use = np.where(rng.random(len(keys)) < drawn, rng.beta(2, 2, len(keys)), 0.0)
    balance = np.maximum(before, (limit * use).astype(np.int64)) if drawn else before
    pd_12m = inputs.column("pd_12m").to_numpy().copy()
    change = (rng.random(len(keys)) < moved) & (pd_12m < 1)
    pd_12m[change] = np.clip(pd_12m[change] * rng.lognormal(0, 0.5, int(change.sum())), 1e-4, 0.9)
    inputs = _with(_with(inputs, "drawn_balance", to_money(balance)), "pd_12m", pa.array(pd_12m))
    more = dict(zip(keys, (balance - before).tolist(), strict=True))
    return replace(
        given,
        as_of=given.as_of + timedelta(days=1),
        inputs=inputs,
        partners=_drawn(given.partners, decided.tables, more),
        previous={name: decided.tables[name] for name in ("scores", "credit_limits", "funding_allocation")},
    )


def decide(given: World) -> Decided:
    """All decisions of a night."""
    known = Known(given.as_of, given.partners, given.position, given.previous or {})
    made = decide_night(Case(known, scored_of(given), given.inputs), given.policy)
    return Decided(dict(made.tables), made.wanted, made.funding)


def funding_inputs(given: World, wanted: pa.Table, prices: pa.Table) -> FundingInputs:
    """What the portfolio stage reads."""
    before = given.previous or {}
    return FundingInputs(
        as_of=given.as_of,
        limits=wanted,
        inputs=given.inputs,
        prices=prices,
        partners=given.partners,
        position=given.position,
        previous_limits=before.get("credit_limits"),
        previous_allocation=before.get("funding_allocation"),
    )


def night_of(given: World, decided: Decided, policy: Policy | None = None) -> Night:
    """What the portfolio solves on a decided night; ``policy``: another than the world's."""
    policy = policy or given.policy
    inputs = funding_inputs(given, decided.wanted, decided.tables["pricing"])
    lender = lender_of(inputs, policy)
    book = read_book(inputs, lender, policy)
    rules, _ = rules_of(book, lender, policy.funding, distinct_members(given.inputs))
    return Night(book, lender, policy, rules)


def findings(given: World, tables: Mapping[str, pa.Table], folder: Path) -> list[str]:
    """What the independent audit finds in written tables."""
    paths = {name: folder / f"{name}.parquet" for name in tables}
    for name, table in tables.items():
        write_contract(paths[name], table, PUBLISHED[name])
    more: dict[str, Any] = {"previous": given.previous} if "previous" in AuditContext.__dataclass_fields__ else {}
    context = AuditContext(given.as_of, given.profile, given.inputs, given.partners, given.position, **more)
    return [str(one) for one in audit_tables(paths, context)]


def _inputs(customers: int, rng: np.random.Generator, nasty: bool) -> pa.Table:
    defaulted = rng.random(customers) < 0.02
    pd_12m = np.where(defaulted, 1.0, np.clip(rng.lognormal(-3.9, 1.1, customers), 1e-4, 0.9))
    regions = REGIONS[: int(rng.integers(1, len(REGIONS)))] if nasty else REGIONS
    weight = rng.dirichlet(np.full(len(regions), 0.5 if nasty else 4.0))
    cents = {
        "income_recurring_monthly": np.rint(rng.lognormal(8.6, 0.6, customers) * 100).astype(np.int64),
        "declared_income_monthly": np.rint(rng.lognormal(8.7, 0.5, customers) * 100).astype(np.int64),
        "instalment_burden_monthly": np.zeros(customers, np.int64),
        "drawn_balance": np.zeros(customers, np.int64),
    }
    late = np.where(rng.random(customers) < 0.03, rng.integers(1, 60, customers), 0)
    columns: dict[str, Any] = {name: to_money(values) for name, values in cents.items()} | {
        "customer_key": [f"c{number:07d}" for number in range(customers)],
        "segment": np.where(rng.random(customers) < (0.05 if nasty else 0.2), "sole_proprietor", "consumer"),
        "region_code": rng.choice(regions, customers, p=weight),
        "industry_code": _chosen(INDUSTRIES, customers, rng),
        "scenario_id": _chosen(SCENARIOS, customers, rng),
        "household_key": pa.nulls(customers, pa.string()),
        "consent_partner_sharing": rng.random(customers) < 0.85,
        "pd_12m": pd_12m,
        "in_default": defaulted,
        "thin_file": rng.random(customers) < 0.1,
        "dpd": late,
        "max_dpd_90d": late,
        "on_time_streak": np.where(late > 0, 0, rng.integers(0, 12, customers)),
        "months_on_book": rng.integers(0, 40, customers),
    }
    schema = DECISION_INPUTS.arrow_schema
    return pa.table({f.name: pa.array(columns[f.name]).cast(f.type) for f in schema}, schema=schema)


def _households(customers: int, rng: np.random.Generator) -> pa.Array:
    """A third of the households, of 1 to 12 customers, are known in two worlds of three; in the third none is.

    Of draws of its own, so that the rest of a world does not depend on them.
    """
    if rng.random() < 1 / 3:
        return pa.nulls(customers, pa.string())
    number = np.repeat(np.arange(customers), rng.integers(1, 13, customers))[:customers]
    alone = rng.random(customers) < 2 / 3
    names = [f"h{one:06d}" for one in number]
    return pa.array([None if one[0] else one[1] for one in zip(alone[number], names, strict=True)], pa.string())


def _chosen(names: tuple[str | None, ...], customers: int, rng: np.random.Generator) -> pa.Array:
    chosen = rng.choice(len(names), customers, p=rng.dirichlet(np.full(len(names), 3.0)))
    return pa.array(names, pa.string()).take(pa.array(chosen))


def scored_of(given: World) -> pa.Table:
    """The scored book of a world, without tiers."""
    inputs, as_of = given.inputs, given.as_of
    table = inputs.select(["customer_key", "pd_12m", "thin_file", "in_default"])
    table = table.append_column("as_of", pa.array([as_of] * inputs.num_rows, pa.date32()))
    table = table.append_column("model_id", pa.array(["m"] * inputs.num_rows))
    for rank in (1, 2, 3, 4):
        table = table.append_column(f"reason_{rank}", pa.nulls(inputs.num_rows, pa.string()))
    return table


def _partners(
    total: float, rng: np.random.Generator, nasty: bool, day: date, guarantees: Sequence[float | None]
) -> pa.Table:
    count = int(rng.integers(1, 7)) if nasty else 6
    weight = rng.dirichlet(np.full(count, 3.0)) * total
    rows = []
    for number in range(count):
        commitment = 0.0 if nasty and rng.random() < 0.15 else round(float(weight[number]), 2)
        row: dict[str, Any] = {"partner_id": f"P{number + 1:02d}", "commitment": commitment, "drawn": 0.0}
        regional = rng.random() < 0.3
        row |= {"licence": "regional" if regional else ("national", "online")[number % 2]}
        row |= {"home_region": str(rng.choice(REGIONS)), "regions": "*"}
        row |= {"net_tier1_capital": round(commitment * float(rng.uniform(2, 12)), 2)}
        row |= {"total_loans": round(commitment * float(rng.uniform(6, 60)), 2)}
        row |= {"joint_loan_balance": round(row["total_loans"] * float(rng.uniform(0.05, 0.48)), 2)}
        days = int(rng.choice([30, 89, 90, 400])) if nasty else 400
        row |= {"expires_on": None if rng.random() < 0.3 else day + timedelta(days=days)}
        row |= {"notice_days": int(rng.choice([7, 29, 30, 90])) if nasty else 60}
        row |= {"cost_of_funds": round(float(rng.uniform(0.025, 0.05)), 4)}
        row |= {"first_loss_share": guarantees[number % len(guarantees)]}
        rows.append(row | {"accepted_tiers": str(rng.choice(["*", "A,B,C,D", "A,B,C"]))})
    return _lake("funding_partners", rows, day)


def _position(assets: float, rng: np.random.Generator, day: date) -> pa.Table:
    row = {"as_of": day - timedelta(days=30), "net_assets": round(assets, 2), "standard_funding": 0.0}
    row |= {"non_standard_funding": 0.0, "cost_of_funds": round(float(rng.uniform(0.03, 0.05)), 4)}
    return _lake("lender_position", [row], day)


def _lake(name: str, rows: list[dict[str, Any]], day: date) -> pa.Table:
    schema = LAKE[name].arrow_schema
    known = {"known_on": day, "recorded_at": pa.scalar(day, pa.date32()).cast(pa.timestamp("us", "UTC")).as_py()}
    rows = [known | row for row in rows]
    columns = {}
    for field in schema:
        values = [row[field.name] for row in rows]
        if pa.types.is_decimal(field.type):
            columns[field.name] = to_money(np.array([round(value * 100) for value in values], np.int64))
        else:
            columns[field.name] = pa.array(values, field.type)
    return pa.table(columns, schema=schema)


def _drawn(partners: pa.Table | None, tables: Mapping[str, pa.Table], more: Mapping[str, int]) -> pa.Table | None:
    """Partners after customers have drawn ``more`` cents each: the partner has up to 70 % of what is out.

    ``more`` is what came on top of what was drawn before (then the allocation covers that already).
    """
    if partners is None:
        return None
    allocation, used = tables["funding_allocation"], dict[str, int]()
    names = (allocation.column(name).to_pylist() for name in ("customer_key", "funder_id"))
    for key, funder, amount in zip(*names, to_cents(allocation.column("amount")).tolist(), strict=True):
        used[funder] = used.get(funder, 0) + min(amount, more[key] * 7 // 10)
    added = np.array([used.get(one, 0) for one in partners.column("partner_id").to_pylist()], np.int64)
    for name in ("drawn", "joint_loan_balance"):
        partners = _with(partners, name, to_money(to_cents(partners.column(name)) + added))
    return partners


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    index = table.column_names.index(name)
    return table.set_column(index, table.schema.field(name), values.cast(table.schema.field(name).type))
