"""Run configuration of the training job, as the launchpad shows it.

It is made from the domain's own parameters, so that names, defaults, bounds and descriptions stand in one place.
"""

from typing import Any

import dagster as dg
from pydantic import Field, create_model

from tierline.training import TrainingConfig

_FIELDS: dict[str, Any] = {name: (field.annotation, field) for name, field in TrainingConfig.model_fields.items()}


class _TrainingBase(dg.Config):
    author: str = Field("", description="who trains; without a name the model cannot be promoted")

    def training_config(self) -> TrainingConfig:
        """The domain's own, validated form."""
        return TrainingConfig.model_validate(self.model_dump(exclude={"author"}))


class ComparisonRunConfig(dg.Config):
    """Which challenger is held against the champion."""

    challenger: str = Field("", description="model id; empty: the newest challenger")


class WhatIfRunConfig(dg.Config):
    """The policy that is proposed."""

    policy: str = Field(description="a YAML file, or the name of a packaged profile")
    drafts: bool = Field(False, description="let draft rules of the proposal count")


TrainingRunConfig: Any = create_model(
    "TrainingRunConfig", __base__=_TrainingBase, __doc__=TrainingConfig.__doc__, **_FIELDS
)
