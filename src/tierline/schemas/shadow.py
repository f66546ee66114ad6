"""The contract of a challenger's scores: what it would have published, had it been champion.

Belongs here: one row per customer and challenger. Does not belong here: published tables; downstream never sees these.
"""

from __future__ import annotations

from tierline.schemas.contract import Column, Kind, Table

SHADOW_SCORES = Table(
    name="shadow_scores",
    description="What a challenger says of each customer on the same night; used by no decision.",
    key=("model_id", "customer_key"),
    columns=(
        Column("model_id", Kind.STRING, "the challenger"),
        Column("customer_key", Kind.STRING, "pseudonym of the customer"),
        Column("as_of", Kind.DATE, "the business day whose end the score stands for"),
        Column("pd_12m", Kind.RATE, "calibrated probability of default; 1 when in default", minimum=0, maximum=1),
        Column("tier", Kind.STRING, "risk tier on the night's master scale; X is in default"),
        Column("in_default", Kind.BOOLEAN, "the challenger's own threshold reached, or a bad outcome from outside"),
    ),
)
