"""Central tendency: moving PDs from the default rate they were fitted on to a long-run rate.

Belongs here: the correction, in closed form and exact. Does not belong here: where a long-run rate comes from; it is
configured.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import logit

from tierline.calibration.shift import solve_shift
from tierline.errors import TierlineError

Rate = Annotated[float, Field(gt=0, lt=1)]


class CentralTendency(BaseModel):
    """A shift of the log-odds towards ``long_run_rate``; ``observed_rate`` is the mean before it.

    ``prior``: ln(τ/(1−τ)) − ln(y/(1−y)) (King & Zeng 2001), right for rows sampled at another default rate than the
    population's; the mean PD of a given book then only comes near τ. ``exact_mean``: the shift that gives the mean PD
    of a reference sample the value τ, to rounding.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    long_run_rate: Rate
    observed_rate: Rate
    method: Literal["prior", "exact_mean"] = "prior"
    shift: float

    @model_validator(mode="after")
    def _as_derived(self) -> Self:
        if self.method == "prior" and abs(self.shift - _prior_shift(self.long_run_rate, self.observed_rate)) > 1e-9:
            raise ValueError("the shift of a prior correction follows from its two rates: use prior_correction")
        return self


def prior_correction(long_run_rate: float, observed_rate: float) -> CentralTendency:
    """The closed form; ``observed_rate`` is the default rate of the rows the calibrator was fitted on."""
    _between(long_run_rate, observed_rate)
    shift = _prior_shift(long_run_rate, observed_rate)
    return CentralTendency(long_run_rate=long_run_rate, observed_rate=observed_rate, shift=shift)


def exact_tendency(pd: npt.ArrayLike, long_run_rate: float, observed_rate: float) -> CentralTendency:
    """The shift that makes the mean of ``pd`` (one per row of the reference sample, before floor) the long-run rate."""
    _between(long_run_rate, observed_rate)
    return CentralTendency(
        long_run_rate=long_run_rate,
        observed_rate=observed_rate,
        method="exact_mean",
        shift=solve_shift(pd, long_run_rate),
    )


def _prior_shift(long_run_rate: float, observed_rate: float) -> float:
    return float(logit(long_run_rate) - logit(observed_rate))


def _between(*rates: float) -> None:
    for rate in rates:
        if not 0 < rate < 1:
            raise TierlineError(
                f"calibration: a central tendency needs rates strictly between 0 and 1, not {rate}: 3 % is 0.03"
            )
