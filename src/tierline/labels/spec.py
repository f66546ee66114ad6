"""The label specification: a hashed artefact that says what default means.

Belongs here: the parameters of the label. Does not belong here: applying them.
"""

from __future__ import annotations

import hashlib
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from tierline.months import months_before


class LabelSpec(BaseModel):
    """Default is DPD ≥ ``dpd_threshold`` on any day in (as_of, as_of + ``window_months``] (Basel CRE36: 90, 12)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dpd_threshold: int = Field(90, ge=30, le=360, description="days past due that count as default")
    window_months: int = Field(12, ge=1, le=36, description="length of the performance window in calendar months")

    def window_end(self, as_of: date) -> date:
        """Last day of the performance window of an observation date."""
        return months_before(as_of, -self.window_months)

    @property
    def spec_hash(self) -> str:
        """First 12 digits of the SHA-256 of the specification."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]
