"""The jobs: the night, and on request training, a comparison of two models, a what-if and stress."""

import dagster as dg

_SIX_HOURS = {"dagster/max_runtime": "21600"}

_ON_REQUEST = ("challenger_model", "model_comparison", "policy_whatif", "stress_tests", "efficient_frontier")

nightly_job = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all() - dg.AssetSelection.assets(*_ON_REQUEST),
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

whatif_job = dg.define_asset_job(
    "whatif",
    selection=dg.AssetSelection.assets("policy_whatif"),
    description="Decide a published night again under a proposed policy; nothing is published.",
    executor_def=dg.in_process_executor,
    run_tags=_SIX_HOURS,
)

stress_job = dg.define_asset_job(
    "stress",
    selection=dg.AssetSelection.assets("stress_tests", "efficient_frontier"),
    description="Bad days on a published night, and its efficient frontier; nothing is published.",
    executor_def=dg.in_process_executor,
    run_tags=_SIX_HOURS,
)
