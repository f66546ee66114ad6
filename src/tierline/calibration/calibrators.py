"""The calibrators as one type, simplest first.

Belongs here: the union that a bundle stores, and the order of simplicity. Does not belong here: which one to take.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import numpy.typing as npt
from pydantic import Field

from tierline.calibration.beta import BetaCalibrator, fit_beta
from tierline.calibration.isotonic import IsotonicCalibrator, fit_isotonic
from tierline.calibration.platt import PlattCalibrator, fit_platt
from tierline.calibration.shift import ShiftCalibrator, fit_shift

Kind = Literal["shift", "platt", "beta", "isotonic"]
Calibrator = Annotated[
    ShiftCalibrator | PlattCalibrator | BetaCalibrator | IsotonicCalibrator, Field(discriminator="kind")
]
Fit = Callable[
    [npt.ArrayLike, npt.ArrayLike, npt.ArrayLike | None],
    ShiftCalibrator | PlattCalibrator | BetaCalibrator | IsotonicCalibrator,
]
FITS: dict[Kind, Fit] = {"shift": fit_shift, "platt": fit_platt, "beta": fit_beta, "isotonic": fit_isotonic}
