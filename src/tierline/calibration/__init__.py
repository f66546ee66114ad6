"""From a booster's margin to a probability, and how well that probability holds.

Belongs here: calibrators, the corrections after them, and reliability with intervals. Does not belong here: which
slices are judged (``training.evaluation``).
"""

from tierline.calibration.beta import BetaCalibrator, fit_beta
from tierline.calibration.bootstrap import Interval, block_bootstrap
from tierline.calibration.calibrators import Calibrator
from tierline.calibration.choice import CalibratorChoice, ChoiceConfig, choose_calibrator
from tierline.calibration.isotonic import IsotonicCalibrator, fit_isotonic
from tierline.calibration.level import EffectiveRows, binomial_p, effective_rows, jeffreys_interval, jeffreys_p
from tierline.calibration.metrics import auc, figures
from tierline.calibration.overlay import MacroOverlay, load_overlay
from tierline.calibration.platt import PlattCalibrator, fit_platt
from tierline.calibration.reliability import Reliability, reliability, reliability_frame
from tierline.calibration.shift import ShiftCalibrator, fit_shift, solve_shift
from tierline.calibration.steps import PD_CAP, PD_FLOOR, Calibration
from tierline.calibration.table import quarter_labels, reliability_table
from tierline.calibration.tendency import CentralTendency, exact_tendency, prior_correction

__all__ = [
    "PD_CAP",
    "PD_FLOOR",
    "BetaCalibrator",
    "Calibration",
    "Calibrator",
    "CalibratorChoice",
    "CentralTendency",
    "ChoiceConfig",
    "EffectiveRows",
    "Interval",
    "IsotonicCalibrator",
    "MacroOverlay",
    "PlattCalibrator",
    "Reliability",
    "ShiftCalibrator",
    "auc",
    "binomial_p",
    "block_bootstrap",
    "choose_calibrator",
    "effective_rows",
    "exact_tendency",
    "figures",
    "fit_beta",
    "fit_isotonic",
    "fit_platt",
    "fit_shift",
    "jeffreys_interval",
    "jeffreys_p",
    "load_overlay",
    "prior_correction",
    "quarter_labels",
    "reliability",
    "reliability_frame",
    "reliability_table",
    "solve_shift",
]
