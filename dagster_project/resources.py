"""The data directory as a resource."""

import os
from datetime import date
from pathlib import Path

import dagster as dg

from tierline.config import Settings, load_settings
from tierline.night import Night, open_night

HOME_VARIABLE = "TIERLINE_HOME"


def default_home() -> str:
    """``$TIERLINE_HOME``, or ``data`` beside this package."""
    return os.environ.get(HOME_VARIABLE) or str(Path(__file__).resolve().parents[1] / "data")


def site_settings() -> Settings:
    """Settings of the data directory this code location serves."""
    return load_settings(Path(default_home()))


class TierlineHome(dg.ConfigurableResource):
    """Where landing zone, lake, models and releases stand."""

    path: str

    def night(self, partition_key: str) -> Night:
        """The night of a partition."""
        return open_night(Path(self.path), date.fromisoformat(partition_key))
