"""All rules over the tables of one night.

Belongs here: reading everything once, what holds for all tables, the order of the rules. Does not belong here: the
rules of one table (the modules named after them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tierline.audit.book import book_of
from tierline.audit.capacity import Figure, audit_capacity, figures
from tierline.audit.constraints import audit_constraints
from tierline.audit.disclosures import audit_disclosures
from tierline.audit.finding import Finding, Rows, finding
from tierline.audit.funding import audit_funding
from tierline.audit.household import audit_households
from tierline.audit.keeping import audit_keeping
from tierline.audit.limits import audit_limits
from tierline.audit.night import AuditContext, Night, net_assets, partners_by_id
from tierline.audit.previous import audit_previous
from tierline.audit.pricing import audit_pricing
from tierline.audit.profile import read_profile
from tierline.audit.scores import audit_scores
from tierline.audit.tables import read_inputs, read_previous, read_published
from tierline.schemas import PUBLISHED

_NEEDED = ("scores", "credit_limits", "pricing", "funding_allocation", "portfolio_constraints", "disclosures")
_RULES = (audit_scores, audit_limits, audit_households, audit_previous, audit_pricing, audit_disclosures, audit_funding)


@dataclass(frozen=True)
class Audited:
    """What was found, and every constraint of the book recomputed; no figures where the tables cannot be read."""

    findings: list[Finding]
    figures: list[Figure]


def audit_tables(tables: Mapping[str, Path], context: AuditContext) -> list[Finding]:
    """Check published tables (name to Parquet file) against every rule; an empty list means that nothing was found."""
    return audit_with_figures(tables, context).findings


def audit_with_figures(tables: Mapping[str, Path], context: AuditContext) -> Audited:
    """The findings, and the figures of the book they were judged by.

    Faults of the tables are findings, in a fixed order. Raises ``ConfigurationError`` for a profile that cannot be
    used on the day and ``TierlineError`` for a partner given twice.
    """
    profile = read_profile(context.policy, context.as_of + timedelta(days=1))  # used from the next morning on
    found = [
        finding("missing_table", name, 1, "the table must be there; it is not")
        for name in _NEEDED
        if name not in tables
    ]
    readable: dict[str, Rows] = {}
    for name in (name for name in PUBLISHED if name in tables):
        rows, faults = read_published(name, tables[name], context.as_of)
        found += faults
        if rows is not None:
            readable[name] = rows
    found += _one_policy(readable, profile.name)
    inputs, faults = read_inputs(context.inputs)
    found += faults
    previous, faults = read_previous(context.previous or {})
    found += faults
    if inputs is None:
        return Audited(found, [])
    night = Night(
        as_of=context.as_of,
        tables=readable,
        inputs=inputs,
        profile=profile,
        partners=partners_by_id(context.partners),
        net_assets=net_assets(context.position, context.as_of),
        previous=previous,
    )
    found += [one for rule in _RULES for one in rule(night)]
    if not night.has("credit_limits", "funding_allocation"):
        return Audited(found, [])
    book = book_of(night)
    of_book = figures(night, book)
    return Audited(
        [*found, *audit_keeping(night, book), *audit_capacity(of_book), *audit_constraints(night, of_book)], of_book
    )


def _one_policy(tables: Mapping[str, Rows], profile: str) -> list[Finding]:
    """``policy_id`` is the same in every row of every table that has it, and is one of the profile."""
    filled = [rows for rows in tables.values() if "policy_id" in rows.frame and len(rows.frame)]
    if not filled:
        return []
    first = str(filled[0].frame["policy_id"].iloc[0])
    found = []
    for rows in filled:
        same = rows.frame["policy_id"] == first
        found += rows.judge("policy_id", same, f"policy_id must be {first} as in {filled[0].table}", ["policy_id"])
    if not first.startswith(f"{profile}-"):
        text = f"policy_id must be one of profile {profile}; it is {first}"
        found.append(finding("policy_profile", filled[0].table, len(filled[0].frame), text))
    return found
