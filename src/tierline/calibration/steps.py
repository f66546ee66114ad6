"""From a margin to the PD that is used: calibrator, central tendency, overlay, floor, cap, in this order.

Belongs here: what a bundle stores about its calibration. Does not belong here: fitting or choosing any part of it.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import expit

from tierline.calibration.calibrators import Calibrator
from tierline.calibration.overlay import MacroOverlay
from tierline.calibration.tendency import CentralTendency

Floats = npt.NDArray[np.float64]
PD_FLOOR = 0.0005  # Basel CRE31.13: 0.05 % for retail (domain reference: unverified)
PD_CAP = 1 - 1e-9  # PD 1 is kept for customers in default, and every score stays finite


class Calibration(BaseModel):
    """PD = min(cap, max(floor, sigmoid(calibrated log-odds + tendency shift + overlay shift))).

    Every part is recorded, also where it does nothing: no overlay is the overlay ``none``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    calibrator: Calibrator
    central_tendency: CentralTendency | None = None
    floor: float = Field(PD_FLOOR, ge=0, lt=0.5)
    overlay: MacroOverlay = MacroOverlay()

    def predict(self, margin: Floats) -> Floats:
        """PD of each margin (log-odds before calibration); never falls where the margin rises.

        Raises ``TierlineError`` for a margin that is NaN or infinite.
        """
        shift = self.overlay.shift + (self.central_tendency.shift if self.central_tendency else 0.0)
        pd_12m: Floats = np.clip(expit(self.calibrator.log_odds(margin) + shift), self.floor, PD_CAP)
        return pd_12m

    def with_overlay(self, overlay: MacroOverlay) -> Self:
        """The same calibration under another scenario."""
        return self.model_copy(update={"overlay": overlay})

    def without_overlay(self) -> Self:
        """The same calibration under no scenario."""
        return self.with_overlay(MacroOverlay())
