"""From PD to tier and score points.

Belongs here: the master scale applied, what moves between tiers, whether tiers differ. Does not belong here: the
scale's numbers (``policy``).
"""

from tierline.tiers.distinct import neighbours_apart
from tierline.tiers.migration import tier_migration
from tierline.tiers.scale import assign_tiers, score_points, tiered_scores, tiers_of

__all__ = ["assign_tiers", "neighbours_apart", "score_points", "tier_migration", "tiered_scores", "tiers_of"]
