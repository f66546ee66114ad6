"""What all calibrators are: frozen, JSON, from a margin to a PD that never falls where the margin rises.

Belongs here: their common base. Does not belong here: any one of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from scipy.special import expit

from tierline.calibration.inputs import finite_margins

Floats = npt.NDArray[np.float64]


class CalibratorBase(BaseModel, ABC):
    """A map from margins (log-odds before calibration) to PD, without floor or cap."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def log_odds(self, margin: Floats) -> Floats:
        """Calibrated log-odds of each margin; raises ``TierlineError`` for a margin that is not finite."""
        return self._log_odds(finite_margins(margin))

    def predict(self, margin: Floats) -> Floats:
        """Calibrated PD of each margin; raises ``TierlineError`` for a margin that is not finite."""
        pd_12m: Floats = expit(self.log_odds(margin))
        return pd_12m

    @abstractmethod
    def _log_odds(self, margin: Floats) -> Floats: ...
