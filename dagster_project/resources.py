"""The data directory as a resource."""

import os
from datetime import date
from pathlib import Path

import dagster as dg

from tierline.config import Settings, load_settings
from tierline.home import Home
from tierline.night import Night, effective_settings, open_night
from tierline.sources.info import INFO_FILE, read_info

HOME_VARIABLE = "TIERLINE_HOME"


def default_home() -> str:
    """``$TIERLINE_HOME``, or ``data`` beside this package."""
    return os.environ.get(HOME_VARIABLE) or str(Path(__file__).resolve().parents[1] / "data")


def site_settings() -> Settings:
    """Settings of the data directory this code location serves; its source, once there, may state the business day."""
    home = Home(Path(default_home()).resolve())
    if not (home.landing / INFO_FILE).exists():
        return load_settings(home.root)
    return effective_settings(home, read_info(home.landing))


class TierlineHome(dg.ConfigurableResource):
    """Where landing zone, lake, models and releases stand."""

    path: str

    def night(self, partition_key: str) -> Night:
        """The night of a partition."""
        return open_night(Path(self.path), date.fromisoformat(partition_key))
