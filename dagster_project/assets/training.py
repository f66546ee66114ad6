"""train: the champion the night scores with, and challengers trained on request."""

import logging

import dagster as dg

from dagster_project.config import TrainingRunConfig
from dagster_project.partitions import nightly_partitions
from dagster_project.resources import TierlineHome
from tierline.calibration import reliability_frame
from tierline.features import feature_set_hash
from tierline.models import ModelBundle, load_bundle
from tierline.night import Night
from tierline.reporting import markdown_image, reliability_chart
from tierline.training import TrainingConfig, TrainingRequest, train_bundle

LOGGER = logging.getLogger("tierline.training")


def _train(night: Night, config: TrainingConfig) -> ModelBundle:
    request = TrainingRequest(
        lake=night.lake,
        source=night.info.name,
        first_day=night.info.first_day,
        as_of=night.as_of,
        observation=night.info.observation,
        context=night.context,
    )
    return train_bundle(request, config)


def _model_result(bundle: ModelBundle) -> dg.MaterializeResult:
    metrics = {name: dg.MetadataValue.float(value) for name, value in sorted(bundle.card.metrics.items())}
    test = bundle.card.slices["test"]
    title = f"Out of time, observed {test['first']} to {test['last']}"
    chart = reliability_chart(reliability_frame(bundle.card.reliability_bins), title)
    return dg.MaterializeResult(
        metadata={
            "model_id": dg.MetadataValue.text(bundle.model_id),
            "calibration": dg.MetadataValue.md(markdown_image(chart, "calibration")),
            "slices": dg.MetadataValue.json(bundle.card.slices),
            "parameters": dg.MetadataValue.json(bundle.card.training),
            "label": dg.MetadataValue.json(bundle.card.label_spec),
            "features": dg.MetadataValue.int(len(bundle.card.features)),
            **metrics,
        }
    )


@dg.asset(
    group_name="train",
    partitions_def=nightly_partitions,
    deps=["validated_lake"],
    kinds={"lightgbm"},
)
def champion_model(context: dg.AssetExecutionContext, tierline_home: TierlineHome) -> dg.MaterializeResult:
    """The champion of the night; the first night trains it with the default configuration."""
    night = tierline_home.night(context.partition_key)
    entry = night.registry.champion(night.as_of)
    if entry and load_bundle(night.home.models / entry.model_id).card.feature_set != feature_set_hash():
        LOGGER.warning("training: the features have changed since %s was trained: training anew", entry.model_id)
        entry = None
    if entry is None:
        LOGGER.info("training: no champion yet for %s: training one", night.as_of)
        entry = night.registry.add(_train(night, TrainingConfig()), "champion")
    bundle = load_bundle(night.home.models / entry.model_id)
    LOGGER.info("champion: %s, trained as of %s", entry.model_id, entry.trained_as_of)
    return _model_result(bundle)


@dg.asset(
    group_name="train",
    partitions_def=nightly_partitions,
    deps=["validated_lake"],
    kinds={"lightgbm"},
)
def challenger_model(
    context: dg.AssetExecutionContext, config: TrainingRunConfig, tierline_home: TierlineHome
) -> dg.MaterializeResult:
    """A model trained with the run's own configuration; registered as challenger, used by no decision."""
    night = tierline_home.night(context.partition_key)
    bundle = _train(night, config.training_config())
    entry = night.registry.add(bundle, "challenger")
    LOGGER.info("challenger: %s", entry.model_id)
    return _model_result(bundle)
