"""Parameters of one training run, with the defaults of the first champion.

Belongs here: what a data scientist may turn. Does not belong here: site settings or policy.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TrainingConfig(BaseModel):
    """Parameters of one training run; all have defaults that train a sensible model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dpd_threshold: int = Field(90, ge=30, le=360, description="days past due that count as default")
    window_months: int = Field(12, ge=1, le=36, description="performance window in calendar months")
    min_history_months: int = Field(
        3, ge=1, le=24, description="month ends earlier than this after the first landing day are not observed"
    )
    max_training_months: int = Field(24, ge=2, le=120, description="newest month ends used before the embargo")
    calibration_months: int = Field(3, ge=1, le=12, description="newest of them, used to calibrate")
    test_share: float = Field(0.30, gt=0, lt=0.9, description="last share by time; application sources only")
    folds: int = Field(5, ge=2, le=20, description="customer folds for early stopping and calibration")
    learning_rate: float = Field(0.05, gt=0, le=0.5, description="LightGBM learning rate")
    num_leaves: int = Field(12, ge=2, le=255, description="LightGBM leaves per tree")
    min_data_in_leaf: int = Field(60, ge=1, description="LightGBM rows per leaf")
    feature_fraction: float = Field(0.4, gt=0, le=1, description="LightGBM share of features per tree")
    bagging_fraction: float = Field(0.8, gt=0, le=1, description="LightGBM share of rows per tree")
    lambda_l2: float = Field(20.0, ge=0, description="LightGBM L2 regularisation")
    max_trees: int = Field(600, ge=10, le=5000, description="upper bound on trees before early stopping")
    min_defaults: int = Field(20, ge=5, description="fewest defaults a training or calibration slice may have")
    seed: int = Field(7, ge=0, description="seed of bagging and feature sampling")
