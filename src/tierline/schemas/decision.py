"""The contract between scoring and the decisions: what tiers, limits, prices and funding may look at.

Belongs here: one row per customer as handed to the decisions. Does not belong here: model features; a decision that
needs another fact gets a column here.
"""

from __future__ import annotations

from tierline.schemas.contract import Column, Kind, Table

S, R, N, M, B = Kind.STRING, Kind.RATE, Kind.COUNT, Kind.MONEY, Kind.BOOLEAN

DECISION_INPUTS = Table(
    name="decision_inputs",
    description="Everything the decisions may look at, one row per customer.",
    key=("customer_key",),
    columns=(
        Column("customer_key", S, "pseudonym of the customer"),
        Column("segment", S, "kind of borrower", allowed=("consumer", "sole_proprietor")),
        Column("region_code", S, "region of residence"),
        Column("industry_code", S, "industry", nullable=True),
        Column("household_key", S, "pseudonym of the household; null if not known", nullable=True, optional=True),
        Column("scenario_id", S, "scenario of the newest loan; null without one", nullable=True),
        Column("consent_partner_sharing", B, "consent to share data with funding partners"),
        Column("pd_12m", R, "calibrated probability of default; 1 when in default", minimum=0, maximum=1),
        Column("in_default", B, "90 days past due or worse, or a bad outcome given from outside"),
        Column("thin_file", B, "too little history"),
        Column(
            "income_recurring_monthly",
            M,
            "recurring monthly inflow at a low quantile, own transfers removed",
            nullable=True,
            minimum=0,
        ),
        Column("declared_income_monthly", M, "income as stated", nullable=True, minimum=0),
        Column("instalment_burden_monthly", M, "unpaid instalments due within the next 30 days", minimum=0),
        Column("drawn_balance", M, "principal outstanding", minimum=0),
        Column("dpd", N, "days past due of the oldest unpaid instalment, 0 when current", minimum=0),
        Column("max_dpd_90d", N, "worst days past due within the last 90 days", minimum=0),
        Column("on_time_streak", N, "instalments paid on time in a row, up to the last one due", minimum=0),
        Column("months_on_book", N, "full months since the first loan, 0 without one", minimum=0),
    ),
)
