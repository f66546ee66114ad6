"""Contracts of the published tables: what downstream jobs read.

Belongs here: the output tables. Does not belong here: how they are computed or written.
"""

from __future__ import annotations

from tierline.schemas.contract import Column, Kind, Table

S, D, M, R, N, B = Kind.STRING, Kind.DATE, Kind.MONEY, Kind.RATE, Kind.COUNT, Kind.BOOLEAN

ACTIONS = ("grant", "raise", "hold", "cut", "freeze", "decline")
CONSTRAINTS = (
    "partner_commitment",
    "partner_tier1",
    "partner_joint",
    "partner_share",
    "leverage",
    "capital",
    "region_share",
    "industry_share",
    "scenario_share",
    "expected_loss",
    "inclusive",
)
CUSTOMER_KEY = Column("customer_key", S, "pseudonym of the customer")
AS_OF = Column("as_of", D, "the business day whose end the decision stands for")
TIER = Column("tier", S, "risk tier, A is the best; X is in default")
TERM = Column("term_months", N, "months to the last instalment", minimum=1)
POLICY_ID = Column("policy_id", S, "policy profile and the first digits of its hash")


def _reason(rank: int) -> Column:
    return Column(f"reason_{rank}", S, f"code of the adverse reason of rank {rank}", nullable=True)


SCORES = Table(
    name="scores",
    description="Calibrated probability of default of every customer, with tier and reasons.",
    key=("customer_key", "as_of"),
    columns=(
        CUSTOMER_KEY,
        AS_OF,
        Column(
            "pd_12m", R, "calibrated probability of default within 12 months; 1 when in default", minimum=0, maximum=1
        ),
        Column("score", R, "score points: 600 at odds 50:1, 20 points double the odds (Siddiqi)"),
        TIER,
        _reason(1),
        _reason(2),
        _reason(3),
        _reason(4),
        Column("thin_file", B, "too little history for the behavioural features to say much"),
        Column("model_id", S, "the model bundle that scored the row"),
    ),
)

CREDIT_LIMITS = Table(
    name="credit_limits",
    description="The revolving limit of every customer and what changed it.",
    key=("customer_key", "as_of"),
    columns=(
        CUSTOMER_KEY,
        AS_OF,
        TIER,
        Column("credit_limit", M, "limit from tomorrow morning", minimum=0),
        Column(
            "previous_limit",
            M,
            "limit of the previous published night; null if there was none",
            nullable=True,
            minimum=0,
        ),
        Column("last_change_on", D, "night on which the limit last changed, up or down; null if never", nullable=True),
        Column("drawn_balance", M, "principal outstanding", minimum=0),
        Column("action", S, "what happens to the limit", allowed=ACTIONS),
        Column("action_reason", S, "code of the reason for the action"),
        Column("binding_constraint", S, "the constraint that set the limit"),
        Column("policy_arm", S, "arm of the randomised hold-out: policy, or holdout, which gets no raise"),
        Column("propensity", R, "probability with which this arm was drawn", minimum=0, maximum=1),
        POLICY_ID,
    ),
)

PRICING = Table(
    name="pricing",
    description="The price of each tier and term with its components.",
    key=("tier", "term_months", "as_of"),
    columns=(
        TIER,
        TERM,
        AS_OF,
        Column("annual_rate", R, "nominal annual rate; the monthly rate is a twelfth", minimum=0),
        Column("daily_rate", R, "annual rate / 365, for display beside the annual rate only", minimum=0),
        Column("apr_irr", R, "all-in annual rate: 12 x monthly IRR of the instalment schedule (simple)", minimum=0),
        Column("funding_cost", R, "annual cost of funding, own and partner blended", minimum=0),
        Column("expected_loss", R, "annual expected loss rate, PD x LGD", minimum=0),
        Column("operating_cost", R, "annual operating cost rate", minimum=0),
        Column("capital_charge", R, "capital requirement x hurdle rate (Basel retail)", minimum=0),
        Column("margin", R, "what is left after all components; negative when the cap bites"),
        Column("cap_rate", R, "the highest annual rate allowed on the date", minimum=0),
        Column("cap_rule", S, "the rule the cap comes from"),
        Column("offered", B, "false where the cap does not cover the cost"),
        POLICY_ID,
    ),
)

FUNDING_ALLOCATION = Table(
    name="funding_allocation",
    description="Who funds each customer's limit: the lender (OWN) and at most one partner.",
    key=("customer_key", "as_of", "funder_id"),
    columns=(
        CUSTOMER_KEY,
        AS_OF,
        Column("funder_id", S, "OWN or a partner_id"),
        Column("share", R, "share of the limit", minimum=0, maximum=1),
        Column("amount", M, "amount of the limit; sums to the limit to the cent", minimum=0),
        POLICY_ID,
    ),
)

DISCLOSURES = Table(
    name="disclosures",
    description="The all-in cost table of the rule in force, per offer.",
    key=("tier", "term_months", "as_of", "item"),
    columns=(
        TIER,
        TERM,
        AS_OF,
        Column("item", S, "principal, interest, annualised_all_in, breach or no_other_charges"),
        Column("principal", M, "principal of the example", minimum=0),
        Column("method", S, "how it is charged"),
        Column("standard", S, "the rate or amount it is charged at"),
        Column("charging_party", S, "who charges it"),
        Column(
            "amount",
            M,
            "money of the line: lent, charged over the term, or for breach per day on the full principal",
            minimum=0,
        ),
        Column("annualised_all_in", R, "annualised all-in cost if performing (IRR x 12, simple)", minimum=0),
        Column("annualised_paid", R, "the same of the instalments as paid, in whole cents", minimum=0),
        Column("no_other_charges", B, "true: nothing else is charged"),
        Column("text_en", S, "the line as shown, English"),
        Column("text_zh", S, "the line as shown, Chinese"),
        Column("rule", S, "the rule that asks for it"),
        POLICY_ID,
    ),
)

PORTFOLIO_QUALITY = Table(
    name="portfolio_quality",
    description="The book as it stands: buckets, classes, stages, provisions, roll rates, vintages, drift, tier moves.",
    key=("as_of", "dimension", "member", "metric"),
    columns=(
        AS_OF,
        Column("dimension", S, "bucket, five_category, stage, provision, roll_rate, vintage, drift or tier_migration"),
        Column("member", S, "the bucket, class, stage, transition, cohort or feature"),
        Column("metric", S, "what the value measures"),
        Column("value", R, "the value; money in yuan"),
        Column("loans", N, "loans (or customers, for drift and tier_migration) behind the value", minimum=0),
    ),
)

WATCH_LIST = Table(
    name="watch_list",
    description="Loans and customers that need a person to look.",
    key=("as_of", "entity_type", "entity_id", "trigger"),
    columns=(
        AS_OF,
        Column("entity_type", S, "what is watched", allowed=("loan", "customer")),
        Column("entity_id", S, "loan_id or customer_key"),
        Column("trigger", S, "what put it on the list"),
        Column("severity", S, "how urgent", allowed=("low", "medium", "high")),
        Column("lead_indicator", R, "the figure that triggered it"),
        Column("exposure", M, "principal outstanding", minimum=0),
    ),
)

PORTFOLIO_CONSTRAINTS = Table(
    name="portfolio_constraints",
    description="Every rule of the whole book: how much of it is used, and what one more unit would be worth.",
    key=("as_of", "constraint", "member"),
    columns=(
        AS_OF,
        Column("constraint", S, "the rule", allowed=CONSTRAINTS),
        Column("member", S, "the partner, region, industry or scenario; book for rules of the whole book"),
        Column("bound", R, "the most it allows (inclusive: the least); yuan, or a share of all limits"),
        Column("used", R, "what is used of it; yuan, or a share of all limits"),
        Column("slack", R, "what is left; below 0 only where what stood before is above the bound"),
        Column("shadow_price", R, "yuan of yearly profit per yuan more, or per percentage point more", minimum=0),
        Column("text_en", S, "the shadow price in words, English"),
        Column("text_zh", S, "the shadow price in words, Chinese"),
        POLICY_ID,
    ),
)

PUBLISHED: dict[str, Table] = {
    table.name: table
    for table in (
        SCORES,
        CREDIT_LIMITS,
        PRICING,
        FUNDING_ALLOCATION,
        PORTFOLIO_CONSTRAINTS,
        DISCLOSURES,
        PORTFOLIO_QUALITY,
        WATCH_LIST,
    )
}
