"""The jobs: the night, and on request a training run or a comparison of two models."""

import dagster as dg

_SIX_HOURS = {"dagster/max_runtime": "21600"}

nightly_job = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all() - dg.AssetSelection.assets("challenger_model", "model_comparison"),
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

compare_job = dg.define_asset_job(
    "compare",
    selection=dg.AssetSelection.assets("model_comparison"),
    description="Hold a challenger against the champion, on the partition's book and on outcomes known to both.",
    executor_def=dg.in_process_executor,
    run_tags=_SIX_HOURS,
)
