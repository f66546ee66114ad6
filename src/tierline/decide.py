"""All decisions of a night from its scores: tier, price, limit, funding, in this order.

Belongs here: handing each stage what it needs, for the night itself and for a what-if of it. Does not belong here: the
decisions (``tiers``, ``pricing``, ``limits``, ``funding``), reading or writing files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import pyarrow as pa

from tierline.funding import FundingInputs, FundingResult, fund_portfolio, funding_costs, newest_position
from tierline.limits import LimitContext, decide_limits, stamp_changes
from tierline.policy import Policy
from tierline.pricing import disclosure_table, price_grid
from tierline.tiers import tiered_scores


@dataclass(frozen=True)
class Known:
    """What the decisions of ``as_of`` know besides the customers.

    ``partners`` and ``position`` are the lake tables ``funding_partners`` and ``lender_position`` as known at
    ``as_of``, None where the source has none; ``previous`` are the tables of the release before, empty if there was
    none.
    """

    as_of: date
    partners: pa.Table | None
    position: pa.Table | None
    previous: Mapping[str, pa.Table] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One night to be decided: ``scored`` keeps ``SCORED``, ``inputs`` keeps ``DECISION_INPUTS``."""

    known: Known
    scored: pa.Table
    inputs: pa.Table

    def with_partners(self, partners: pa.Table | None) -> Case:
        """The same night with other partners."""
        return replace(self, known=replace(self.known, partners=partners))

    def with_position(self, position: pa.Table | None) -> Case:
        """The same night with another position of the lender."""
        return replace(self, known=replace(self.known, position=position))


@dataclass(frozen=True)
class Decisions:
    """Tables of one night by their published names, limits as wanted, and what the funding stage says of itself."""

    tables: Mapping[str, pa.Table]
    wanted: pa.Table
    funding: FundingResult


def decide(case: Case, policy: Policy) -> Decisions:
    """Every decision of the night under ``policy``; same case and policy, same tables."""
    known = case.known
    scores = tier_stage(case.scored, known, policy)
    prices = price_stage(known, policy)
    wanted = limit_stage(case.inputs, scores, prices, known, policy)
    funding = fund_portfolio(funding_inputs(wanted, case.inputs, prices, known), policy)
    tables = {
        "scores": scores,
        "pricing": prices,
        "disclosures": disclosure_table(prices, policy, known.as_of),
        **funded_tables(funding, known),
    }
    return Decisions(tables, wanted, funding)


def tier_stage(scored: pa.Table, known: Known, policy: Policy) -> pa.Table:
    """The published table ``scores``: a tier near its bound stays what it was."""
    return tiered_scores(scored, policy.scale, known.previous.get("scores"))


def price_stage(known: Known, policy: Policy) -> pa.Table:
    """The published table ``pricing``."""
    costs = funding_costs(policy, known.partners, known.position, known.as_of)
    return price_grid(policy, known.as_of, costs)


def limit_stage(inputs: pa.Table, scores: pa.Table, prices: pa.Table, known: Known, policy: Policy) -> pa.Table:
    """``credit_limits`` as wanted, before it is known whether they can be funded."""
    position = newest_position(known.position, known.as_of)
    given = LimitContext(
        as_of=known.as_of,
        prices=prices,
        previous_limits=known.previous.get("credit_limits"),
        previous_scores=known.previous.get("scores"),
        net_assets=float(str(position["net_assets"])) if position else None,
    )
    return decide_limits(inputs, scores, given, policy)


def funding_inputs(wanted: pa.Table, inputs: pa.Table, prices: pa.Table, known: Known) -> FundingInputs:
    """What the portfolio looks at."""
    return FundingInputs(
        as_of=known.as_of,
        limits=wanted,
        inputs=inputs,
        prices=prices,
        partners=known.partners,
        position=known.position,
        previous_limits=known.previous.get("credit_limits"),
        previous_allocation=known.previous.get("funding_allocation"),
    )


def funded_tables(funding: FundingResult, known: Known) -> dict[str, pa.Table]:
    """The published tables that the portfolio decides, limits with the day of their last change."""
    return {
        "credit_limits": stamp_changes(funding.limits, known.previous.get("credit_limits"), known.as_of),
        "funding_allocation": funding.allocation,
        "portfolio_constraints": funding.constraints,
    }
