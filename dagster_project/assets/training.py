"""train: the champion the night scores with, and challengers trained on request."""

import logging
from pathlib import Path

import dagster as dg

from dagster_project.config import TrainingRunConfig
from dagster_project.partitions import nightly_partitions
from dagster_project.resources import TierlineHome
from tierline.features import feature_set_hash
from tierline.models import SCHEDULE, UNKNOWN, ModelBundle, require_author
from tierline.night import Night
from tierline.policy import load_policy
from tierline.reporting import markdown_image
from tierline.reporting.model_card import calibration_chart, ranking_charts, write_model_card
from tierline.reporting.model_charts import importance_chart, importance_frame
from tierline.tracking import log_training, require_tracking
from tierline.training import TrainingConfig, TrainingRequest, train_bundle

LOGGER = logging.getLogger("tierline.training")
AUTHOR_TAG = "tierline/author"  # of a run: who trains, where the configuration does not say


def _train(night: Night, config: TrainingConfig) -> ModelBundle:
    request = TrainingRequest(
        lake=night.lake,
        source=night.info.name,
        first_day=night.info.first_day,
        as_of=night.as_of,
        observation=night.info.observation,
        context=night.context,
        tier_bounds=load_policy(night.policy_name, night.effective_on).scale.tier_bounds,
    )
    return train_bundle(request, config)


def _model_result(bundle: ModelBundle, card: Path) -> dg.MaterializeResult:
    """Quick figures and charts of a model, and where its card stands."""
    metrics = {name: dg.MetadataValue.float(value) for name, value in sorted(bundle.card.metrics.items())}
    charts = {"calibration": calibration_chart(bundle), **ranking_charts(bundle)}
    used = importance_frame(bundle.card.importance, bundle.card.instability)
    if len(used):
        charts["importance"] = importance_chart(used)
    return dg.MaterializeResult(
        metadata={
            "model_id": dg.MetadataValue.text(bundle.model_id),
            "model_card": dg.MetadataValue.path(str(card)),
            **{name: dg.MetadataValue.md(markdown_image(chart, name)) for name, chart in charts.items()},
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
    why = _why_to_train(night)
    if why:
        LOGGER.info("training: %s: training a champion", why)
        require_tracking()
        bundle = _train(night, TrainingConfig())
        night.registry.add(bundle, "champion", SCHEDULE, why)
        log_training(bundle, night.home.models, SCHEDULE)
    bundle = night.registry.load_champion(night.as_of)
    LOGGER.info("champion: %s, trained as of %s", bundle.model_id, bundle.card.trained_as_of)
    card = night.home.cards / f"{bundle.model_id}.html"
    return _model_result(bundle, card if card.exists() else write_model_card(bundle, night.home.cards))


def _why_to_train(night: Night) -> str:
    """Why the night has no champion it can score with; empty where it has one."""
    entry = night.registry.champion(night.as_of)
    if entry is None:
        return f"no champion yet for {night.as_of}"
    if night.registry.load_champion(night.as_of).card.feature_set != feature_set_hash():
        return f"the features have changed since {entry.model_id} was trained"
    return ""


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
    author = config.author or context.run.tags.get(AUTHOR_TAG, UNKNOWN)
    require_author(author)
    require_tracking()
    bundle = _train(night, config.training_config())
    entry = night.registry.add(bundle, "challenger", author, "trained on request")
    LOGGER.info("challenger: %s, trained by %s", entry.model_id, author)
    if author == UNKNOWN:
        LOGGER.warning("challenger: no author was given: train it again with one before it can be promoted")
    log_training(bundle, night.home.models, author)
    return _model_result(bundle, write_model_card(bundle, night.home.cards))
