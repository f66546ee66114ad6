"""From PD to tier and score points.

Belongs here: the master scale applied. Does not belong here: the scale's numbers (``policy``).
"""

from tierline.tiers.scale import assign_tiers, score_points, tiered_scores

__all__ = ["assign_tiers", "score_points", "tiered_scores"]
