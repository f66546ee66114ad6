"""All decisions of a night from its scores: tier, price, limit, funding, in this order.

Belongs here: handing each stage what it needs, for the night itself and for a what-if of it. Does not belong here: the
decisions (``tiers``, ``pricing``, ``limits``, ``funding``), reading or writing files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import pyarrow as pa

from tierline.funding import FundingResult
from tierline.policy import Policy
from tierline.pricing import disclosure_table


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
    """Tables of one night by their published names, and what the funding stage says of itself."""

    tables: Mapping[str, pa.Table]
    funding: FundingResult


def decide(case: Case, policy: Policy) -> Decisions:
    """Every decision of the night under ``policy``; same case and policy, same tables."""
    scores = tier_stage(case.scored, case.known, policy)
    prices = price_stage(case.known, policy)
    wanted = limit_stage(case.inputs, scores, prices, case.known, policy)
    funding = fund_stage(wanted, case.inputs, prices, case.known, policy)
    tables = {
        "scores": scores,
        "pricing": prices,
        "disclosures": disclosure_table(prices, policy, case.known.as_of),
        **funding.tables,
    }
    return Decisions(tables, funding)
