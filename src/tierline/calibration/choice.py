"""Which calibrator the calibration slice can carry.

Belongs here: the comparison by cross-validated log-loss and its guard against overfitting. Does not belong here: the
fits.

The calibrators are tried from the simplest on. One that is more complex replaces the one kept so far only if its
held-out log-loss is lower by more than one standard error of the paired difference; the error is clustered by customer,
because overlapping windows show the same default several times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import log_expit
from scipy.stats import rankdata

from tierline.calibration.calibrators import FITS, Calibrator, Kind
from tierline.calibration.inputs import Rows, check_rows
from tierline.errors import TierlineError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BACKWARDS_ERRORS = 2.0


class ChoiceConfig(BaseModel):
    """When a calibrator may be considered. Defaults and non-defaults both count: the rarer class limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line_defaults: int = Field(20, ge=2, description="fewest rows of either class for a slope (Platt, beta)")
    isotonic_defaults: int = Field(500, ge=2, description="fewest rows of either class for isotonic")
    standard_errors: float = Field(1.0, ge=0, description="a more complex calibrator must gain more than this many")


class Candidate(BaseModel):
    """One calibrator in the comparison; figures are absent where it was not compared.

    ``difference`` is the mean held-out log-loss of ``compared_with``, the simplest not beaten until then, less its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Kind
    log_loss: float | None
    compared_with: Kind | None = None
    difference: float | None = None
    standard_error_of_difference_to_simplest: float | None = None
    eligible: bool
    why: str


class CalibratorChoice(BaseModel):
    """The calibrator, fitted on all rows, and how it was chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    calibrator: Calibrator
    candidates: tuple[Candidate, ...]
    chosen_because: str
    rows: int
    defaults: int


@dataclass(frozen=True)
class _Slice:
    rows: Rows
    fold: Ints
    customer: Ints


def choose_calibrator(
    margin: npt.ArrayLike,
    defaulted: npt.ArrayLike,
    customer_fold: npt.ArrayLike,
    config: ChoiceConfig | None = None,
    customer: npt.ArrayLike | None = None,
) -> CalibratorChoice:
    """Choose among shift, Platt, beta and isotonic, and fit the chosen one on all rows.

    ``customer_fold``: one integer per row, the same for all rows of a customer. ``customer``: one identifier per row,
    by which standard errors are clustered; without it the folds are the clusters, which is cruder. A calibrator that
    cannot be fitted in some fold is not eligible, and says why; if none can be compared the shift is kept.
    Raises ``TierlineError`` for one class, for bad rows, and for margins that rank at least ``line_defaults`` defaults
    backwards by more than chance (else it is recorded).
    """
    limits = config or ChoiceConfig()
    data = _checked(check_rows(margin, defaulted), customer_fold, customer)
    fewest = int(min(data.rows.defaulted.sum(), (~data.rows.defaulted).sum()))
    if fewest >= limits.line_defaults:
        _refuse_backwards(data.rows)
    losses: dict[Kind, Floats] = {}
    candidates: list[Candidate] = []
    kept: Kind | None = None
    for kind in FITS:
        candidate = _compare(kind, data, losses, kept, limits)
        candidates.append(candidate)
        if candidate.eligible and (kept is None or _gains(candidate, limits)):
            kept = kind
    chosen = FITS[kept or "shift"](data.rows.margin, data.rows.defaulted, None)
    return CalibratorChoice(
        calibrator=chosen,
        candidates=tuple(candidates),
        chosen_because=_because(kept, candidates, data.rows, limits),
        rows=len(data.rows.margin),
        defaults=int(data.rows.defaulted.sum()),
    )


def clustered_mean(value: Floats, cluster: Ints) -> tuple[float, float]:
    """Mean and its standard error when rows of one cluster (numbered from 0) are not independent; inf for one cluster.

    √(G/(G−1) · Σ_g (Σ_{i∈g} (v_i − v̄))²) / N, the sandwich estimator of a mean over G clusters and N rows.
    """
    mean = float(value.mean())
    sums = np.bincount(cluster, value - mean)
    if len(sums) < 2:
        return mean, float("inf")
    return mean, float(np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(value))


def _checked(rows: Rows, customer_fold: npt.ArrayLike, customer: npt.ArrayLike | None) -> _Slice:
    fold = np.asarray(customer_fold)
    who = fold if customer is None else np.asarray(customer)
    if not len(fold) == len(who) == len(rows.margin):
        raise TierlineError(f"calibration: {len(fold)} folds, {len(who)} customers for {len(rows.margin)} rows")
    folds, fold_of = np.unique(fold, return_inverse=True)
    customers, customer_of = np.unique(who, return_inverse=True)
    if len(folds) < 2:
        raise TierlineError("calibration: all rows are in one customer fold: choosing a calibrator needs two or more")
    if len(np.unique(customer_of * len(folds) + fold_of)) != len(customers):
        raise TierlineError("calibration: a customer stands in two folds: their defaults would be on both sides")
    return _Slice(rows, fold_of, customer_of)


def _refuse_backwards(rows: Rows) -> None:
    """Chance: two standard errors of a score that says nothing, √((D + G + 1) / (12·D·G)) (Mann and Whitney 1947)."""
    auc = _auc(rows)
    bad, good = int(rows.defaulted.sum()), int((~rows.defaulted).sum())
    if auc < 0.5 - BACKWARDS_ERRORS * np.sqrt((bad + good + 1) / (12 * bad * good)):
        raise TierlineError(
            f"calibration: the score ranks the slice backwards (AUC {auc:.3f}): the model is not usable"
        )


def _auc(rows: Rows) -> float:
    ranks = rankdata(rows.margin)
    bad, good = int(rows.defaulted.sum()), int((~rows.defaulted).sum())
    return float((ranks[rows.defaulted].sum() - bad * (bad + 1) / 2) / (bad * good))


def _compare(
    kind: Kind, data: _Slice, losses: dict[Kind, Floats], kept: Kind | None, limits: ChoiceConfig
) -> Candidate:
    fewest = int(min(data.rows.defaulted.sum(), (~data.rows.defaulted).sum()))
    needed = {"shift": 1, "isotonic": limits.isotonic_defaults}.get(kind, limits.line_defaults)
    if fewest < needed:
        why = f"needs {needed} defaults and as many non-defaults, there are {fewest} of the rarer"
        return Candidate(kind=kind, log_loss=None, eligible=False, why=why)
    try:
        FITS[kind](data.rows.margin, data.rows.defaulted, None)
        losses[kind] = _held_out(kind, data)
    except TierlineError as error:
        return Candidate(kind=kind, log_loss=None, eligible=False, why=str(error))
    mean = float(losses[kind].mean())
    if kept is None:
        return Candidate(kind=kind, log_loss=mean, eligible=True, why="the simplest that can be fitted")
    gain, error_of_gain = clustered_mean(losses[kept] - losses[kind], data.customer)
    side = "lower" if gain > 0 else "higher"
    return Candidate(
        kind=kind,
        log_loss=mean,
        compared_with=kept,
        difference=gain,
        standard_error_of_difference_to_simplest=error_of_gain,
        eligible=True,
        why=f"log-loss {side} than {kept}'s by {abs(gain):.2e}, standard error {error_of_gain:.1e}",
    )


def _held_out(kind: Kind, data: _Slice) -> Floats:
    """Log-loss of each row under the calibrator fitted on the other folds."""
    rows, loss = data.rows, np.empty(len(data.rows.margin))
    for fold in range(int(data.fold.max()) + 1):
        held = data.fold == fold
        fitted = FITS[kind](rows.margin[~held], rows.defaulted[~held], None)
        z = fitted.log_odds(rows.margin[held])
        loss[held] = -log_expit(np.where(rows.defaulted[held], z, -z))
    return loss


def _gains(candidate: Candidate, limits: ChoiceConfig) -> bool:
    gain, error = candidate.difference, candidate.standard_error_of_difference_to_simplest
    return cast(float, gain) > limits.standard_errors * cast(float, error)


def _because(kept: Kind | None, candidates: list[Candidate], rows: Rows, limits: ChoiceConfig) -> str:
    compared = [one for one in candidates if one.eligible]
    if kept is None:
        reason = "shift: no calibrator could be cross-validated, so the one with a single parameter is kept"
    elif len(compared) == 1:
        reason = f"{kept}: no other was eligible"
    elif kept == compared[0].kind:
        reason = f"{kept}: none more complex is better by more than {limits.standard_errors:g} standard error"
    else:
        reason = f"{kept}: {next(one for one in compared if one.kind == kept).why}"
    auc = _auc(rows)
    return reason if auc >= 0.5 else f"{reason}; the margins rank these few rows backwards (AUC {auc:.3f})"
