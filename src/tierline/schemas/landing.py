"""Contracts of the landing zone: what a source must deliver.

Belongs here: the input tables. Does not belong here: how a source makes them (``sources``) or reads them (``ingest``).
"""

from __future__ import annotations

from tierline.schemas.contract import Column, Feed, Kind, Table, Versioning

S, TS, D, M, R, N, B = Kind.STRING, Kind.TIMESTAMP, Kind.DATE, Kind.MONEY, Kind.RATE, Kind.COUNT, Kind.BOOLEAN

RECORDED_AT = Column("recorded_at", TS, "when the lender came to know the row")
CUSTOMER_ID = Column("customer_id", S, "the lender's own customer number", personal=True)
LOAN_ID = Column("loan_id", S, "the lender's own loan number")
SCENARIO_ID = Column("scenario_id", S, "the shop, service or page through which it came", nullable=True)

CUSTOMERS = Table(
    name="customers",
    description="Persons and sole proprietors known to the lender; a later version holds from then on.",
    key=("customer_id",),
    knowledge_time="recorded_at",
    event_time="registered_on",
    versioning=Versioning.STATE,
    columns=(
        CUSTOMER_ID,
        Column("registered_on", D, "day of registration"),
        Column("birth_date", D, "date of birth; only the year leaves ingest", personal=True),
        Column("full_name", S, "name; dropped at ingest", personal=True),
        Column("id_number", S, "national identity number; dropped at ingest", personal=True),
        Column("phone", S, "telephone number; dropped at ingest", personal=True),
        Column("region_code", S, "region of residence"),
        Column("segment", S, "kind of borrower", allowed=("consumer", "sole_proprietor")),
        Column("industry_code", S, "industry of the employer or the business", nullable=True),
        Column(
            "household_id",
            S,
            "the lender's own number of the household; null where it is not known",
            nullable=True,
            personal=True,
            optional=True,
        ),
        Column("declared_income_monthly", M, "income as the customer states it, per month", nullable=True, minimum=0),
        Column("consent_partner_sharing", B, "consent to share data with funding partners (PIPL art. 23)"),
        RECORDED_AT,
    ),
)

TRANSACTIONS = Table(
    name="transactions",
    description="Movements of the customer's payment account.",
    key=("transaction_id",),
    knowledge_time="recorded_at",
    event_time="occurred_at",
    min_rows_per_day=1,
    columns=(
        Column("transaction_id", S, "number of the transaction"),
        CUSTOMER_ID,
        Column("occurred_at", TS, "when the money moved"),
        Column("amount", M, "amount moved; 0 voids the transaction", minimum=0),
        Column("direction", S, "credit: into the account", allowed=("credit", "debit")),
        Column("category", S, "the lender's own word for what it was"),
        Column("channel", S, "the lender's own word for how it was made"),
        SCENARIO_ID,
        Column("counterparty_id", S, "the other party", nullable=True, personal=True),
        Column("balance_after", M, "balance of the payment account just after", nullable=True),
        RECORDED_AT,
    ),
)

LOANS = Table(
    name="loans",
    description="Loans drawn from the revolving limit.",
    key=("loan_id",),
    knowledge_time="recorded_at",
    event_time="originated_on",
    columns=(
        LOAN_ID,
        CUSTOMER_ID,
        Column("product", S, "the lender's own word for the product"),
        Column("originated_on", D, "day the money was paid out"),
        Column("principal", M, "amount lent; 0 voids the loan", minimum=0),
        Column("annual_rate", R, "nominal annual rate; the monthly rate is a twelfth", minimum=0, maximum=10),
        Column("term_months", N, "months to the last instalment", minimum=1, maximum=360),
        Column("repayment_method", S, "shape of the schedule", allowed=("equal_instalment", "bullet")),
        SCENARIO_ID,
        RECORDED_AT,
    ),
)

INSTALMENTS = Table(
    name="instalments",
    description="The repayment schedule; a new version restructures or waives.",
    key=("loan_id", "instalment_no"),
    knowledge_time="recorded_at",
    event_time="due_on",
    columns=(
        LOAN_ID,
        Column("instalment_no", N, "1 for the first", minimum=1, maximum=360),
        Column("due_on", D, "calendar day it is due"),
        Column("principal_due", M, "principal due", minimum=0),
        Column("interest_due", M, "interest due", minimum=0),
        RECORDED_AT,
    ),
)

REPAYMENTS = Table(
    name="repayments",
    description="Money received on an instalment.",
    key=("repayment_id",),
    knowledge_time="recorded_at",
    event_time="paid_at",
    columns=(
        Column("repayment_id", S, "number of the payment"),
        LOAN_ID,
        Column("instalment_no", N, "the instalment it was paid on", minimum=1, maximum=360),
        Column("paid_at", TS, "when it was paid"),
        Column("amount", M, "amount paid; 0 voids the payment", minimum=0),
        RECORDED_AT,
    ),
)

MACRO = Table(
    name="macro",
    description="Macro-economic series, each value as published on a day; revisions are further rows.",
    key=("series_id", "period"),
    knowledge_time="published_at",
    event_time="period",
    feed=Feed.AS_PUBLISHED,
    columns=(
        Column("series_id", S, "name of the series, with region or industry where it has one"),
        Column("period", D, "first day of the period the value speaks of"),
        Column("value", R, "the value"),
        Column("published_at", TS, "when this value was published"),
    ),
)

FUNDING_PARTNERS = Table(
    name="funding_partners",
    description="Banks that co-fund loans, with their capacity; a later version holds from then on.",
    key=("partner_id",),
    knowledge_time="recorded_at",
    versioning=Versioning.STATE,
    feed=Feed.AS_PUBLISHED,
    columns=(
        Column("partner_id", S, "the partner bank"),
        Column("licence", S, "reach of its licence", allowed=("national", "regional", "online")),
        Column("home_region", S, "region of registration"),
        Column("regions", S, "comma-joined region codes it may lend in; * for all"),
        Column("net_tier1_capital", M, "net tier-1 capital", minimum=0),
        Column("total_loans", M, "all loans of the bank", minimum=0),
        Column("joint_loan_balance", M, "its joint internet loans with all platforms", minimum=0),
        Column("commitment", M, "what it has agreed to fund here", minimum=0),
        Column("drawn", M, "what is used of it at recorded_at", minimum=0),
        Column("expires_on", D, "last day of the agreement", nullable=True),
        Column("notice_days", N, "days of notice to leave", minimum=0, maximum=3650),
        Column("cost_of_funds", R, "annual rate it asks", minimum=0, maximum=1),
        Column("accepted_tiers", S, "comma-joined tiers it accepts; * for all"),
        Column(
            "first_loss_share",
            R,
            "first losses the lender guarantees, as part of what it funds of the joint loans; null for none",
            nullable=True,
            minimum=0,
            maximum=1,
            optional=True,
        ),
        RECORDED_AT,
    ),
)

LENDER_POSITION = Table(
    name="lender_position",
    description="The lender's own balance sheet, for the leverage rules.",
    key=("as_of",),
    knowledge_time="recorded_at",
    event_time="as_of",
    versioning=Versioning.STATE,
    feed=Feed.AS_PUBLISHED,
    columns=(
        Column("as_of", D, "day of the position"),
        Column("net_assets", M, "net assets", minimum=0),
        Column("standard_funding", M, "bonds and asset-backed securities outstanding", minimum=0),
        Column("non_standard_funding", M, "bank loans and shareholder loans outstanding", minimum=0),
        Column("cost_of_funds", R, "annual cost of own funding", minimum=0, maximum=1),
        RECORDED_AT,
    ),
)

OUTCOMES = Table(
    name="outcomes",
    description="Labels given from outside, where repayments are not observable.",
    key=("loan_id",),
    knowledge_time="recorded_at",
    event_time="observed_on",
    optional=True,
    columns=(
        LOAN_ID,
        Column("defaulted", B, "true if the loan went bad"),
        Column("observed_on", D, "day the outcome was established"),
        RECORDED_AT,
    ),
)

LANDING: dict[str, Table] = {
    table.name: table
    for table in (
        CUSTOMERS,
        TRANSACTIONS,
        LOANS,
        INSTALMENTS,
        REPAYMENTS,
        MACRO,
        FUNDING_PARTNERS,
        LENDER_POSITION,
        OUTCOMES,
    )
}
