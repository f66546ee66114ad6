"""From a booster's margin to a probability, and how well that probability holds.

Belongs here: calibrators and reliability measures. Does not belong here: ranking measures (``training.evaluation``).
"""

from tierline.calibration.platt import PlattCalibrator, fit_platt
from tierline.calibration.reliability import Reliability, reliability, reliability_frame

__all__ = ["PlattCalibrator", "Reliability", "fit_platt", "reliability", "reliability_frame"]
