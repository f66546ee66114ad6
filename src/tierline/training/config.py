"""Parameters of one training run, with the defaults of the first champion.

Belongs here: what a data scientist may turn. Does not belong here: site settings or policy.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class TrainingConfig(BaseModel):
    """Parameters of one training run; all have defaults that train a sensible model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dpd_threshold: int = Field(90, ge=30, le=360, description="days past due that count as default")
    window_months: int = Field(12, ge=1, le=36, description="performance window in calendar months")
    min_history_months: int = Field(
        3, ge=1, le=24, description="month ends earlier than this after the first landing day are not observed"
    )
    max_training_months: int = Field(24, ge=3, le=120, description="newest month ends used before the embargo")
    tune_months: int = Field(2, ge=1, le=12, description="of them, those before the calibrated: they stop boosting")
    calibration_months: int = Field(3, ge=1, le=12, description="newest of them, used to calibrate")
    test_share: float = Field(0.30, gt=0, lt=0.9, description="last share by time; not for month ends")
    stability_limit: float = Field(
        0.25, ge=0, description="features whose CSI over the learning dates is above this are left out; 0: none is"
    )
    folds: int = Field(5, ge=2, le=20, description="customer folds for early stopping and calibration")
    leaves: list[int] = Field(
        [2, 4, 12], min_length=1, description="sizes of tree to try; a larger one must earn its place"
    )
    learning_rate: float = Field(0.05, gt=0, le=0.5, description="LightGBM learning rate")
    min_data_in_leaf: int = Field(60, ge=1, description="LightGBM rows per leaf")
    feature_fraction: float | None = Field(
        None, gt=0, le=1, description="LightGBM share of features per tree; none: about 40 features, from 0.4 to 0.9"
    )
    bagging_fraction: float = Field(0.8, gt=0, le=1, description="LightGBM share of rows per tree")
    lambda_l2: float = Field(20.0, ge=0, description="LightGBM L2 regularisation")
    max_trees: int = Field(1000, ge=10, le=10_000, description="upper bound on trees before early stopping")
    search_minutes: float = Field(
        0.0, ge=0, le=600, description="time for a search of LightGBM parameters (needs the extra 'search'); 0: none"
    )
    min_defaults: int = Field(20, ge=2, description="fewest defaults a training, calibration or test slice may have")
    long_run_rate: float | None = Field(
        None, gt=0, lt=1, description="long-run default rate that the mean PD of the calibration slice is moved to"
    )
    refit: bool = Field(True, description="after the test, learn again from the newest mature rows")
    seed: int = Field(7, ge=0, description="seed of bagging, feature sampling and bootstraps")

    @field_validator("leaves", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """A comma-joined list, as a command line gives it."""
        return value.split(",") if isinstance(value, str) else value

    @field_validator("leaves")
    @classmethod
    def _sizes(cls, value: list[int]) -> list[int]:
        if not all(2 <= size <= 1023 for size in value):
            raise ValueError("a tree has 2 to 1023 leaves")
        return sorted(set(value))
