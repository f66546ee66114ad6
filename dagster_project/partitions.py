"""One partition is one night: the business day whose end the decisions stand for."""

import dagster as dg

from dagster_project.resources import site_settings

FIRST_NIGHT = "2016-01-01"

# A partition exists once its business day is over. A backfill runs one partition a run, in order (the default for
# assets): each night reads the release of the night before it.
nightly_partitions = dg.DailyPartitionsDefinition(start_date=FIRST_NIGHT, timezone=site_settings().business_timezone)
