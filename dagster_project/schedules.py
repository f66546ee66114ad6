"""The nightly schedule."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from dagster_project.jobs import nightly_job
from dagster_project.resources import site_settings

_SETTINGS = site_settings()
_HOUR, _MINUTE = _SETTINGS.schedule_time.split(":")


@dg.schedule(
    job=nightly_job,
    cron_schedule=f"{int(_MINUTE)} {int(_HOUR)} * * *",
    execution_timezone=_SETTINGS.schedule_timezone,
    description="Runs the night of the last business day that is over.",
)
def nightly_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The partition is the last day that is over in the business time zone when the schedule ticks."""
    day = last_business_day(context.scheduled_execution_time, _SETTINGS.business_timezone).isoformat()
    return dg.RunRequest(run_key=day, partition_key=day)


def last_business_day(tick: datetime, business_timezone: str) -> date:
    """The last day that is over in the business time zone at the moment of a tick."""
    return tick.astimezone(ZoneInfo(business_timezone)).date() - timedelta(days=1)
