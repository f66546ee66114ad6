"""One partition is one night: the business day whose end the decisions stand for."""

import dagster as dg

from dagster_project.resources import site_settings

# a partition exists once its business day is over
nightly_partitions = dg.DailyPartitionsDefinition(start_date="2016-01-01", timezone=site_settings().business_timezone)
# each night reads the one before it, so a backfill runs night by night
nightly_backfill = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
