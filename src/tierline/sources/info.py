"""What a source says of itself: ``_source.json`` in the landing zone.

Belongs here: facts later stages must know about the data and cannot read off it. Does not belong here: how to get it.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tierline.config import one_line
from tierline.errors import ConfigurationError
from tierline.home import replace_file
from tierline.schemas import LANDING

INFO_FILE = "_source.json"


class SourceInfo(BaseModel):
    """The declaration of a landing zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    tables: list[str]  # landing tables this source delivers; any other is left out, and said so
    first_day: date  # first landing day; every daily table has a partition for each day from here on
    as_of: date  # the night to run when none is asked for
    knowledge: Literal["observed", "assumed"] = "observed"  # assumed: recorded_at was made from event times
    observation: Literal["month_end", "application"] = "month_end"  # where training rows are observed
    label: Literal["repayments", "outcomes"] = "repayments"  # where labels come from
    pseudonym_key: Literal["demo", "file"] = "file"  # demo: the published key of invented data
    vocabulary: dict[str, str] = {}  # transaction category -> role; an unmapped word is role other, counted and warned
    policy: str | None = None  # a packaged profile name other than the configured one
    business_timezone: str | None = None  # where the source's business day ends, if not as configured
    notes: list[str] = []  # what was left out or assumed, for the reader of the run

    @property
    def left_out(self) -> list[str]:
        """Landing tables the source does not deliver."""
        return [name for name, table in LANDING.items() if name not in self.tables and not table.optional]


def write_info(landing: Path, info: SourceInfo) -> None:
    """Write the declaration of a landing zone."""
    replace_file(landing / INFO_FILE, (info.model_dump_json(indent=2) + "\n").encode())


def read_info(landing: Path) -> SourceInfo:
    """Read the declaration of a landing zone; an absent or damaged one is a configuration error."""
    path = landing / INFO_FILE
    if not path.exists():
        raise ConfigurationError(
            f"{path}: missing: say what this landing zone holds (docs/sources.md), or run a source"
        )
    try:
        return SourceInfo.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {one_line(error)}") from error
