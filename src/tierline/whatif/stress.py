"""Bad days, one at a time: what each changes of a night, and what it costs.

Belongs here: the scenarios as changes of a case and its policy. Does not belong here: deciding the changed case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tierline.calibration import load_overlay
from tierline.decide import Case
from tierline.money import to_cents, to_money
from tierline.policy import Policy, glide_in_force
from tierline.whatif.book import Book

HUNDRED_POINTS = 0.01
Shock = Callable[[Case, Policy, Book], tuple[Case, Policy]]


@dataclass(frozen=True)
class Scenario:
    """A named shock; ``text`` says what it does."""

    name: str
    text: str
    shock: Shock


def largest_partner_leaves(case: Case, policy: Policy, book: Book) -> tuple[Case, Policy]:
    """The partner that carries most of the book is gone tonight; its loans run off."""
    partners = case.known.partners
    funded = book.customers[book.customers["partner"] != ""].groupby("partner")["theirs"].sum()
    if partners is None or funded.empty:
        return case, policy
    largest = funded.sort_index().idxmax()
    return case.with_partners(partners.filter(pc.not_equal(partners.column("partner_id"), str(largest)))), policy


def commitments_halved(case: Case, policy: Policy, book: Book) -> tuple[Case, Policy]:  # noqa: ARG001
    """Every partner agrees to half of what it agreed to."""
    partners = case.known.partners
    if partners is None:
        return case, policy
    half = to_money(to_cents(partners.column("commitment")) // 2)
    return case.with_partners(_replaced(partners, "commitment", half)), policy


def pd_doubled(case: Case, policy: Policy, book: Book) -> tuple[Case, Policy]:  # noqa: ARG001
    """Every PD is twice as high, at most 1; customers in default stay so."""
    return _with_pd(case, lambda pd: np.minimum(2 * pd, 1.0)), policy


def prime_rate_up(case: Case, policy: Policy, book: Book) -> tuple[Case, Policy]:  # noqa: ARG001
    """Money costs the lender and its partners 100 basis points more; the cap follows the prime rate where it does."""
    partners, position = case.known.partners, case.known.position
    if partners is not None:
        case = case.with_partners(_replaced(partners, "cost_of_funds", _dearer(partners)))
    if position is not None:
        case = case.with_position(_replaced(position, "cost_of_funds", _dearer(position)))
    return case, with_prime_rate(policy, HUNDRED_POINTS)


def macro_adverse(case: Case, policy: Policy, book: Book) -> tuple[Case, Policy]:  # noqa: ARG001
    """The adverse macro overlay on every PD: a shift of the log-odds (``calibration/overlays.yaml``)."""
    shift = load_overlay("adverse").shift
    return _with_pd(case, lambda pd: 1 / (1 + (1 - pd) / pd * np.exp(-shift))), policy


SCENARIOS = (
    Scenario("largest_partner_leaves", "the partner that carries most leaves", largest_partner_leaves),
    Scenario("commitments_halved", "every commitment is halved", commitments_halved),
    Scenario("pd_doubled", "every PD is doubled", pd_doubled),
    Scenario("lpr_up_100bp", "money costs 100 basis points more", prime_rate_up),
    Scenario("macro_adverse", "the adverse macro overlay", macro_adverse),
)


def _with_pd(case: Case, change: Callable[[np.ndarray], np.ndarray]) -> Case:
    tables = {}
    for name, table in (("scored", case.scored), ("inputs", case.inputs)):
        pd_12m = table.column("pd_12m").to_numpy()
        open_ = ~table.column("in_default").to_numpy(zero_copy_only=False).astype(bool) & (pd_12m > 0) & (pd_12m < 1)
        changed = pd_12m.copy()
        changed[open_] = change(pd_12m[open_])
        tables[name] = _replaced(table, "pd_12m", pa.array(changed))
    return replace(case, **tables)


def _dearer(table: pa.Table) -> pa.ChunkedArray:
    return pc.add(table.column("cost_of_funds"), HUNDRED_POINTS)


def _replaced(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    index = table.column_names.index(name)
    return table.set_column(index, table.schema.field(name), values)


def with_prime_rate(policy: Policy, by: float) -> Policy:
    """The policy with LPR and the lender's own cost of funds higher by ``by``, and the cap that follows."""
    pricing = policy.pricing
    change = {"own_cost_of_funds": pricing.own_cost_of_funds + by}
    if pricing.lpr_1y is not None:
        lpr = pricing.lpr_1y + by
        glide = glide_in_force(pricing.cap_glide, lpr, policy.as_of)
        cap = pricing.flat_cap if glide is None else min(pricing.flat_cap, glide)
        change |= {"lpr_1y": lpr, "price_cap": cap}
    return policy.model_copy(update={"pricing": pricing.model_copy(update=change)})
