"""Settings of one home: everything a site may set, typed, with its default.

Belongs here: settings that more than one stage reads. Does not belong here: numbers of a decision (``policy``), what a
source is like (``sources``), parameters of one training run (``training``).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tierline.errors import ConfigurationError

SETTINGS_FILE = "tierline.yaml"


class Settings(BaseModel):
    """Site settings, read from ``tierline.yaml`` in the data directory where it exists."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    business_timezone: str = Field("UTC", description="time zone whose date is the business day")
    schedule_timezone: str = Field("Asia/Shanghai", description="time zone of the nightly schedule")
    schedule_time: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "02:00"
    buckets: int = Field(4, ge=1, le=4096, description="customer buckets; fixed when the lake is made")
    quarantine_threshold: float = Field(0.01, ge=0, le=1, description="share of a table's rows that blocks the night")
    ignored_columns: dict[str, list[str]] = Field(default_factory=dict, description="extra landing columns to ignore")
    waived_days: dict[str, list[date]] = Field(default_factory=dict, description="missing landing days that are waived")
    policy: str = Field("cn-online-micro-lender", description="policy profile: a packaged name or a YAML path")

    @field_validator("business_timezone", "schedule_timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value} is not a time zone") from error
        return value


def load_settings(root: Path) -> Settings:
    """Read the settings of a data directory; defaults where there is no file. Errors name the file and the key."""
    path = root / SETTINGS_FILE
    if not path.exists():
        return Settings()
    try:
        return Settings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: not valid YAML: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {one_line(error)}") from error


def one_line(error: ValidationError) -> str:
    """A pydantic error as one line: path and reason of each fault."""
    return "; ".join(": ".join(filter(None, [_path(item["loc"]), item["msg"]])) for item in error.errors())


def _path(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc)
