"""Exact Shapley contributions of a LightGBM model, and the adverse ones among them.

Belongs here: what each feature contributes to a row's margin, grouped and ranked. Does not belong here: texts of
reasons, or which nights and customers they are for (``scoring``).
"""

from tierline.shapley.explainer import TreeExplainer, compile_kernel
from tierline.shapley.reasons import UNIT, ReasonModel, largest_adverse, reason_model

__all__ = ["UNIT", "ReasonModel", "TreeExplainer", "compile_kernel", "largest_adverse", "reason_model"]
