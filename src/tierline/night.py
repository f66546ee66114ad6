"""One night: the date, the home it runs in, and what the source says of itself.

Belongs here: what every stage of one night needs to find its inputs and stage its outputs. Does not belong here: any
stage, or the order of stages (the orchestrator's).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from tierline.config import Settings, load_settings
from tierline.errors import ConfigurationError, TierlineError
from tierline.features import FeatureContext, NightlyRun, feature_parts, read_features
from tierline.home import Home
from tierline.lake import Lake
from tierline.models import Registry
from tierline.parquet import read_arrow, write_arrow, write_contract
from tierline.schemas import Table
from tierline.sources.info import SourceInfo, read_info


@dataclass(frozen=True)
class Night:
    """The night of ``as_of`` in one home."""

    home: Home
    settings: Settings
    info: SourceInfo
    as_of: date

    @property
    def lake(self) -> Lake:
        """Read access to the lake."""
        return Lake(self.home.lake)

    @property
    def registry(self) -> Registry:
        """The register of model bundles."""
        return Registry(self.home.models)

    @property
    def context(self) -> FeatureContext:
        """What features need besides rows."""
        return FeatureContext(self.settings.business_timezone, self.info.vocabulary)

    @property
    def feature_run(self) -> NightlyRun:
        """What the night's features are made of, and where they stand."""
        return NightlyRun(
            self.lake, self.as_of, self.context, self.home.work(self.as_of) / "customer_features", self.home.state
        )

    def features(self) -> pa.Table:
        """The night's features, one row per customer; absent ones say which stage is missing."""
        return read_features(self._features_made())

    def feature_parts(self) -> Iterator[pa.Table]:
        """The same one bucket at a time, for work that must not hold the whole book."""
        return feature_parts(self._features_made())

    def _features_made(self) -> Path:
        target = self.feature_run.target
        if not target.exists():
            raise TierlineError(
                f"customer_features of {self.as_of} is not there yet: run the stage that makes it first"
            )
        return target

    @property
    def effective_on(self) -> date:
        """The day the night's decisions are used, the morning after: the rules in force on that day hold."""
        return self.as_of + timedelta(days=1)

    @property
    def policy_name(self) -> str:
        """The policy profile of this night: the source's, or else the site's."""
        return self.info.policy or self.settings.policy

    def staged_path(self, name: str) -> Path:
        """Where an unpublished table of this night stands."""
        return self.home.work(self.as_of) / f"{name}.parquet"

    def stage(self, name: str, table: pa.Table) -> Path:
        """Write an unpublished table; returns its path."""
        path = self.staged_path(name)
        write_arrow(path, table)
        return path

    def stage_contract(self, contract: Table, table: pa.Table) -> Path:
        """Write an unpublished table that keeps a contract; returns its path."""
        path = self.staged_path(contract.name)
        write_contract(path, table, contract)
        return path

    def staged(self, name: str) -> pa.Table:
        """Read an unpublished table of this night; an absent one says which stage is missing."""
        path = self.staged_path(name)
        if not path.exists():
            raise TierlineError(f"{name} of {self.as_of} is not there yet: run the stage that makes it first")
        return read_arrow(path)


def open_night(root: Path, as_of: date | None = None) -> Night:
    """Open a night in the data directory ``root``; without a date, the one the source proposes."""
    home = Home(root.resolve())
    info = read_info(home.landing)
    return Night(home, effective_settings(home, info), info, as_of or info.as_of)


def effective_settings(home: Home, info: SourceInfo) -> Settings:
    """Settings of a home, with the business time zone its source states, if it states one."""
    settings = load_settings(home.root)
    if info.business_timezone:
        settings = settings.model_copy(update={"business_timezone": info.business_timezone})
    return settings


def parse_day(text: str | None, option: str = "--as-of") -> date | None:
    """The day of an option; None where none was given."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} {text}: not a date of the form YYYY-MM-DD") from error
