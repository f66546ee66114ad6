"""Applying a bundle to tonight's book: PD, default status, reasons, and the inputs of the decisions.

Belongs here: what is said of each customer before any decision. Does not belong here: tiers, limits or prices.
"""

from tierline.scoring.book import SCORED, drift_samples, score_book
from tierline.scoring.inputs import decision_inputs
from tierline.scoring.reasons import load_reasons
from tierline.scoring.shadow import shadow_scores

__all__ = ["SCORED", "decision_inputs", "drift_samples", "load_reasons", "score_book", "shadow_scores"]
