"""A model bundle: LightGBM text, everything else as JSON, and a hash over both.

Belongs here: the bundle's content, its files and prediction. Does not belong here: which bundle is in use.

Files of ``models/<model_id>/``: ``booster.txt``, ``card.json``, ``test_rows.parquet``, ``reference_rows.parquet`` and
``SHA256SUMS``, which is written last. The hashes are checked before LightGBM sees a byte, because a damaged model file
aborts the process.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from tierline.calibration import Calibration, CalibratorChoice
from tierline.errors import IntegrityError, TierlineError
from tierline.home import DIRECTORY_MODE, make_directory, replace_file
from tierline.models.encoding import feature_matrix
from tierline.parquet import read_arrow, write_arrow
from tierline.shapley import UNIT, ReasonModel, largest_adverse, reason_model

Floats = npt.NDArray[np.float64]
SUMS = "SHA256SUMS"
FILES = ("booster.txt", "card.json", "test_rows.parquet", "reference_rows.parquet")


class BundleCard(BaseModel):
    """Everything about a model that is not its trees; written as ``card.json``.

    ``features``: columns in the booster's order; ``categories``: levels of those that are categories; ``reasons``: the
    code each counts towards. ``dropped_features``: why each was left out; ``instability``: CSI of those measured.
    ``importance``: share of the gain; ``mean_contributions``: log-odds by reason code, mean of the rows learned from.
    ``metrics`` are of the tested model on the test slice, ``intervals`` their 95 %
    bounds by customer bootstrap; ``reliability``: rows per tier and quarter. ``refit``: what the trees were learned
    from after the test; empty where the tested model itself is kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    trained_as_of: date | None
    source: str
    features: list[str]
    categories: dict[str, list[str]]
    monotone: dict[str, int]
    reasons: dict[str, str]
    dropped_features: dict[str, str]
    instability: dict[str, float]
    importance: dict[str, float]
    mean_contributions: dict[str, float]
    feature_set: str
    label_spec: dict[str, int]
    label_hash: str
    data_hash: str
    calibration: Calibration
    calibrator_choice: CalibratorChoice
    training: dict[str, object]
    slices: dict[str, dict[str, object]]
    exclusions: dict[str, int]
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    reliability_bins: list[tuple[int, float, float]]
    reliability: list[dict[str, str | int | float | None]]
    refit: dict[str, object]
    code_version: str


@dataclass(frozen=True)
class ModelBundle:
    """A booster with its card, the out-of-time rows it was judged on, and the learning rows drift is measured from.

    ``test_rows``: customer_key, as_of, defaulted, pd_12m of the tested model, and what describes the customer.
    ``reference_rows``: pd_12m and the most used features of the learning rows, without keys.
    """

    booster: lgb.Booster
    card: BundleCard
    test_rows: pa.Table
    reference_rows: pa.Table

    @property
    def model_id(self) -> str:
        """``m-<trained_as_of>-<hash>`` over trees and card: the same training gives the same name."""
        content = booster_text(self.booster).encode() + self.card.model_dump_json().encode()
        stem = f"m-{self.card.trained_as_of.isoformat()}" if self.card.trained_as_of else "m"
        return f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}"

    @property
    def trained_on(self) -> date:
        """The business day the bundle was trained on; a model of a frame without one cannot be used for nights."""
        if self.card.trained_as_of is None:
            raise TierlineError(f"{self.model_id}: it was trained without a day: give as_of to use it for nights")
        return self.card.trained_as_of

    def matrix(self, features: pa.Table | pd.DataFrame, order: Literal["C", "F"] = "C") -> Floats:
        """The model's columns of a table, in the model's order; a missing one is an error.

        Row-major for LightGBM; column-major (``order="F"``) where only the reason model reads it.
        """
        return feature_matrix(features, self.card.features, self.card.categories, order)

    def predict_margin(self, features: pa.Table | pd.DataFrame) -> Floats:
        """Log-odds before calibration, one per row."""
        return np.asarray(self.booster.predict(self.matrix(features), raw_score=True), dtype=np.float64)

    def predict_pd(self, features: pa.Table | pd.DataFrame) -> Floats:
        """Calibrated 12-month PD, one per row."""
        return self.card.calibration.predict(self.predict_margin(features))

    def reason_model(self) -> ReasonModel:
        """What contributes to each reason code."""
        return reason_model(self.booster, self.card.features, self.card.reasons)

    def reasons(self, features: pa.Table | pd.DataFrame, top: int = 4) -> pa.Table:
        """The largest adverse reasons of each row against the mean of the rows learned from: reason_1 … reason_top.

        Exact Shapley contributions in log-odds, summed by reason code; null where fewer are adverse.
        """
        model = self.reason_model()
        mean = np.array([self.card.mean_contributions[code] for code in model.codes]) / UNIT
        adverse = model.contributions(self.matrix(features)) - np.rint(mean).astype(np.int64)
        ranked = largest_adverse(adverse, top)
        names = pa.array(model.codes, pa.string())
        listed = [names.take(pa.array(rank, mask=rank < 0)) for rank in ranked.T]
        return pa.table({f"reason_{rank}": codes for rank, codes in enumerate(listed, start=1)})

    def save(self, models: Path | str) -> Path:
        """Write the bundle below ``models`` under its id; returns its directory."""
        return save_bundle(Path(models), self)

    @staticmethod
    def load(path: Path | str) -> ModelBundle:
        """Read a bundle's directory; raises ``IntegrityError`` if any byte is not as written."""
        return load_bundle(Path(path))


def booster_text(booster: lgb.Booster) -> str:
    """The trees as text, without LightGBM's list of parameters: it names the number of threads, which changes nothing.

    What matters of the parameters stands in the card. A booster read back from the text gives the same text again.
    """
    return re.sub(r"\nparameters:\n.*?end of parameters\n", "", booster.model_to_string(), flags=re.DOTALL)


def save_bundle(models: Path, bundle: ModelBundle) -> Path:
    """Write the bundle below ``models`` under its id; an existing one of the same id is left as it is."""
    target = models / bundle.model_id
    if target.exists():
        load_bundle(target)
        return target
    partial = models / f".{bundle.model_id}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    make_directory(partial)
    replace_file(partial / "booster.txt", booster_text(bundle.booster).encode())
    replace_file(partial / "card.json", bundle.card.model_dump_json(indent=2).encode())
    write_arrow(partial / "test_rows.parquet", bundle.test_rows)
    write_arrow(partial / "reference_rows.parquet", bundle.reference_rows)
    replace_file(partial / SUMS, _sums([_sum_line(partial / name) for name in FILES]))
    partial.chmod(DIRECTORY_MODE)
    partial.rename(target)
    return target


def load_bundle(path: Path) -> ModelBundle:
    """Read a bundle after checking every hash; raises ``IntegrityError`` naming the file."""
    if not (path / SUMS).is_file():
        raise IntegrityError(f"{path.name}: {SUMS} is missing: the bundle is incomplete; train again or restore it")
    written = (path / SUMS).read_bytes()
    promised, found = written.splitlines(), []
    for name in FILES:
        if not (path / name).is_file() or (line := _sum_line(path / name)) not in promised:
            raise IntegrityError(f"{path.name}/{name}: content does not match its SHA-256: restore the file")
        found.append(line)
    if written != _sums(found):  # the register holds the hash of this file: one line feed more is another bundle
        raise IntegrityError(f"{path.name}/{SUMS}: not as it was written: restore the file")
    return ModelBundle(
        booster=lgb.Booster(model_str=(path / "booster.txt").read_text(encoding="utf-8")),
        card=BundleCard.model_validate_json((path / "card.json").read_bytes()),
        test_rows=read_arrow(path / "test_rows.parquet"),
        reference_rows=read_arrow(path / "reference_rows.parquet"),
    )


def _sum_line(path: Path) -> bytes:
    """The line of ``sha256sum`` for a file."""
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}".encode()


def _sums(lines: list[bytes]) -> bytes:
    """The content of ``SHA256SUMS``."""
    return b"".join(line + b"\n" for line in lines)
