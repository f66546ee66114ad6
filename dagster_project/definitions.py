"""Everything Dagster needs to know, on one screen."""

import dagster as dg

from dagster_project.assets import (
    challengers,
    decisions,
    features,
    ingest,
    monitoring,
    publishing,
    scoring,
    training,
    whatif,
)
from dagster_project.jobs import compare_job, nightly_job, stress_job, training_job, whatif_job
from dagster_project.resources import TierlineHome, default_home
from dagster_project.schedules import nightly_schedule

defs = dg.Definitions(
    assets=dg.load_assets_from_modules(
        [ingest, features, training, scoring, challengers, decisions, monitoring, publishing, whatif]
    ),
    jobs=[nightly_job, training_job, compare_job, whatif_job, stress_job],
    schedules=[nightly_schedule],
    resources={"tierline_home": TierlineHome(path=default_home())},
    executor=dg.in_process_executor,
)
