"""Contracts of what a what-if writes: beside the release, for people and for reports.

Belongs here: the tables of a what-if, of stress and of the frontier. Does not belong here: published tables.
"""

from __future__ import annotations

from tierline.schemas.contract import Column, Kind, Table

S, M, R, N = Kind.STRING, Kind.MONEY, Kind.RATE, Kind.COUNT

WHATIF_FIGURES = Table(
    name="whatif_figures",
    description="Figures of the night as published and as it would be, by dimension and member.",
    key=("dimension", "member", "metric"),
    columns=(
        Column("dimension", S, "book, tier, region, segment, partner, rate or constraint"),
        Column("member", S, "tier, region, segment, partner (empty: all own), rate band, or constraint:member"),
        Column("metric", S, "what the value measures; money in yuan"),
        Column("before", R, "as it is"),
        Column("after", R, "as it would be"),
        Column("change", R, "after less before"),
    ),
)

WHATIF_CUSTOMERS = Table(
    name="whatif_customers",
    description="Customers whose tier, limit, partner, own part or rate would be another.",
    key=("customer_key",),
    columns=(
        Column("customer_key", S, "pseudonym of the customer"),
        Column("segment", S, "kind of borrower"),
        Column("region", S, "region of residence"),
        Column("tier_before", S, "tier as it is"),
        Column("tier_after", S, "tier as it would be"),
        Column("credit_limit_before", R, "limit as it is, yuan"),
        Column("credit_limit_after", R, "limit as it would be, yuan"),
        Column("partner_before", S, "partner as it is; empty: all own"),
        Column("partner_after", S, "partner as it would be"),
        Column("own_before", R, "own part as it is, yuan"),
        Column("own_after", R, "own part as it would be, yuan"),
        Column("rate_before", R, "annual rate as it is; null without a limit", nullable=True),
        Column("rate_after", R, "annual rate as it would be", nullable=True),
    ),
)

WHATIF_ATTRIBUTION = Table(
    name="whatif_attribution",
    description="What of the change between two nights is due to data, model and policy (Shapley values).",
    key=("metric", "factor"),
    columns=(
        Column("metric", S, "what changed; money in yuan"),
        Column("factor", S, "data, model or policy"),
        Column("part", R, "the factor's part of the change; the parts add up to it"),
        Column("before", R, "the metric on the earlier night"),
        Column("after", R, "the metric on the later night"),
    ),
)

STRESS = Table(
    name="stress",
    description="Scenarios of a published night: what each changes and what it costs.",
    key=("scenario", "metric"),
    columns=(
        Column("scenario", S, "the scenario"),
        Column("metric", S, "what the value measures; money in yuan"),
        Column("before", R, "as it is"),
        Column("after", R, "under stress; null where no plan keeps every rule", nullable=True),
        Column("change", R, "after less before", nullable=True),
        Column("note", S, "what the scenario does; where no plan keeps every rule, which conflict"),
    ),
)

FRONTIER = Table(
    name="frontier",
    description="The efficient frontier of volume against return: the most profit at each volume of limits.",
    key=("step",),
    columns=(
        Column("step", N, "rank by volume", minimum=0),
        Column("volume_value", R, "what a yuan of limit is worth beside profit, yuan a year"),
        Column("exposure", R, "limits in all, yuan"),
        Column("profit", R, "risk-adjusted profit, yuan a year"),
        Column("raroc", R, "return on economic capital"),
        Column("economic_capital", R, "economic capital, yuan"),
    ),
)

WHATIF: dict[str, Table] = {
    table.name: table for table in (WHATIF_FIGURES, WHATIF_CUSTOMERS, WHATIF_ATTRIBUTION, STRESS, FRONTIER)
}
