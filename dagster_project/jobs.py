"""The jobs: the night, and a training run on request."""

import dagster as dg

_SIX_HOURS = {"dagster/max_runtime": "21600"}

nightly_job = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all() - dg.AssetSelection.assets("challenger_model"),
    description="One night, from landing to release. Finishes, or leaves yesterday's release in place.",
    executor_def=dg.in_process_executor,
    run_tags=_SIX_HOURS,
)

training_job = dg.define_asset_job(
    "training",
    selection=dg.AssetSelection.assets("challenger_model"),
    description="Train a challenger on the lake as it is known at the end of the partition's day.",
    executor_def=dg.in_process_executor,
    run_tags=_SIX_HOURS,
)
