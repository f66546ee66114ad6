"""Point-in-time behavioural features: the registry and the SQL made from it.

Belongs here: what each feature is and how it is computed for a spine of (customer, as_of). Does not belong here:
labels, model fitting, or any decision.

Adding a feature is one row in the family's list; a new family is one module with its rows and its SQL.
"""

from tierline.features.build import FeatureContext, build_features, customer_spine
from tierline.features.feature import Feature
from tierline.features.nightly import BucketReport, NightlyRun, feature_parts, nightly_features, read_features
from tierline.features.registry import FEATURE_TABLE, FEATURES, feature_set_hash

__all__ = [
    "FEATURES",
    "FEATURE_TABLE",
    "BucketReport",
    "Feature",
    "FeatureContext",
    "NightlyRun",
    "build_features",
    "customer_spine",
    "feature_parts",
    "feature_set_hash",
    "nightly_features",
    "read_features",
]
