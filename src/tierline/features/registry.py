"""The registry: every feature of the model, in the order of the model's columns.

Belongs here: the combined list, cross-family features and the hash of the set. Does not belong here: SQL of a family.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from tierline.features.feature import Feature
from tierline.features.repayments import BURDEN, EXPERIENCE, LOAN_FEATURES, REPAYMENT_FEATURES, REPAYMENT_SQL
from tierline.features.transactions import TRANSACTION_FEATURES, TRANSACTION_SQL

_MORE_DEBT = "more debt to serve from the same income"

CROSS_FEATURES: tuple[Feature, ...] = (
    Feature(
        "outstanding_to_income",
        "burden",
        "outstanding_principal / nullif(income_recurring_monthly, 0)",
        "ratio",
        BURDEN,
        1,
        _MORE_DEBT,
        None,
        "no recurring income or no loan known",
    ),
    Feature(
        "burden_to_income",
        "burden",
        "instalments_next_30d / nullif(income_recurring_monthly, 0)",
        "ratio",
        BURDEN,
        1,
        _MORE_DEBT,
        None,
        "no recurring income or no loan known",
    ),
    Feature(
        "drawn_90d_to_income",
        "burden",
        "principal_drawn_90d / nullif(income_recurring_monthly, 0)",
        "ratio",
        BURDEN,
        0,
        "",
        90,
        "no recurring income or no loan known",
    ),
    Feature(
        "registered_days",
        "customer",
        "({day} - registered_on)::DOUBLE",
        "days",
        EXPERIENCE,
        null_means="never: registration is required",
    ),
    Feature(
        "is_sole_proprietor",
        "customer",
        "(segment = 'sole_proprietor')::INTEGER::DOUBLE",
        "flag",
        "SEGMENT",
        null_means="never: the segment is required",
    ),
)

FEATURES: tuple[Feature, ...] = (*TRANSACTION_FEATURES, *REPAYMENT_FEATURES, *LOAN_FEATURES, *CROSS_FEATURES)


def feature_set_hash() -> str:
    """First 12 digits of the SHA-256 over the registry and the SQL behind it; part of every model bundle.

    A model may only score features made as those it learned from.
    """
    listed = json.dumps([[asdict(feature) for feature in FEATURES], TRANSACTION_SQL, REPAYMENT_SQL], sort_keys=True)
    return hashlib.sha256(listed.encode()).hexdigest()[:12]
