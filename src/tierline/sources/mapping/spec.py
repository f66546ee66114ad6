"""What a mapping file may say, and reading one.

Belongs here: the YAML's keys, their types and the rules that need no data. Does not belong here: anything that opens
the mapped files (``files``, ``check``).
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, ValidationError
from pydantic import field_validator as check_field
from pydantic import model_validator as check_model

from tierline.config import one_line
from tierline.errors import ConfigurationError
from tierline.schemas import LANDING
from tierline.schemas.roles import ROLES

_SQL_TYPE = r"VARCHAR|DATE|TIMESTAMP|TIMESTAMPTZ|BOOLEAN|INTEGER|BIGINT|DOUBLE|DECIMAL\(\d{1,2},\d{1,2}\)"

Constant = StrictBool | StrictInt | StrictFloat | datetime | date | str | None
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceFile(_Part):
    """One file of the data folder. CSV is read as text and typed by ``types``; Parquet brings its own types."""

    file: str = Field(description="file name relative to the data folder")
    format: Literal["csv", "parquet"] = "csv"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    encoding: Literal["utf-8", "latin-1", "utf-16"] = "utf-8"
    null_values: list[str] = Field(default=[""], description="texts that stand for a null, beside the empty field")
    types: dict[str, Annotated[str, Field(pattern=f"^({_SQL_TYPE})$")]] = Field(
        default_factory=dict,
        description="SQL type of each column that is not text; a value that does not fit is a fault",
    )

    @check_field("file")
    @classmethod
    def _inside_the_folder(cls, value: str) -> str:
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts or "\\" in value or not path.name:
            raise ValueError("must be a file inside the data folder, relative to it")
        return value


class TableMapping(_Part):
    """How one contract table is made: a SELECT over the files, or literal rows; constants for what is lacking."""

    select: str | None = None
    rows: list[dict[str, Constant]] | None = None
    constants: dict[str, Constant] = Field(default_factory=dict)

    @check_model(mode="after")
    def _one_way(self) -> Self:
        if (self.select is None) == (self.rows is None):
            raise ValueError("give either select or rows")
        if self.rows is not None and not self.rows:
            raise ValueError("rows is empty: leave the table out instead")
        if self.rows and any(set(row) != set(self.rows[0]) for row in self.rows):
            raise ValueError("every row must name the same columns")
        return self

    @check_field("select")
    @classmethod
    def _one_select(cls, value: str | None) -> str | None:
        if value is None:
            return None
        select = value.strip().removesuffix(";")
        fault = _select_fault(select)
        if fault:
            raise ValueError(f"must be exactly one SELECT: {fault}")
        return select

    def uses(self, alias: str) -> bool:
        """True if the SELECT names the file ``alias`` anywhere."""
        return self.select is not None and re.search(rf"\b{alias}\b", self.select, re.IGNORECASE) is not None


class Mapping(_Part):
    """A whole mapping file; see docs/sources.md."""

    name: Name
    description: str
    timezone: str | None = Field(None, description="time zone of the files' timestamps that carry none")
    business_timezone: str | None = Field(None, description="zone whose date is the business day; null: as configured")
    as_of: date
    first_day: date | None = Field(
        None, description="first day of the daily feeds; earlier days have a file only if they have rows"
    )
    knowledge: Literal["observed", "assumed"]
    assumption: str = Field("", description="how recorded_at was made, where knowledge is assumed")
    observation: Literal["month_end", "application"] = "month_end"
    label: Literal["repayments", "outcomes"] = "repayments"
    pseudonym_key: Literal["file"] = "file"
    policy: str | None = None
    notes: list[str] = Field(default_factory=list)
    vocabulary: dict[str, str] = Field(default_factory=dict, description="transaction category -> role")
    files: dict[Name, SourceFile] = Field(min_length=1)
    tables: dict[str, TableMapping] = Field(min_length=1)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything the mapping says; layout and comments of the YAML do not enter."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def delivered(self) -> list[str]:
        """Contract tables the mapping delivers, in the contract's order."""
        return [name for name in LANDING if name in self.tables]

    @check_field("timezone", "business_timezone")
    @classmethod
    def _known_timezone(cls, value: str | None) -> str | None:
        try:
            ZoneInfo(value or "UTC")
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value} is not a time zone") from error
        return value

    @check_field("vocabulary")
    @classmethod
    def _known_roles(cls, value: dict[str, str]) -> dict[str, str]:
        for category, role in value.items():
            if role not in ROLES:
                raise ValueError(f"{category}: {role} is not a role; use one of {', '.join(ROLES)}")
        return value

    @check_field("tables")
    @classmethod
    def _contract_columns(cls, value: dict[str, TableMapping]) -> dict[str, TableMapping]:
        for name, table in value.items():
            if name not in LANDING:
                raise ValueError(f"{name} is not a contract table; use {', '.join(LANDING)}")
            given = [*table.constants, *(table.rows[0] if table.rows else {})]
            unknown = sorted(set(given) - set(LANDING[name].column_names))
            if unknown or len(set(given)) < len(given):
                raise ValueError(f"{name}: {', '.join(unknown) or 'a column'} is not in the contract or stands twice")
        return value

    @check_model(mode="after")
    def _whole(self) -> Self:
        needed = ["customers", "loans"]
        needed += ["outcomes"] if self.label == "outcomes" else ["instalments", "repayments"]
        lacking = [name for name in needed if name not in self.tables]
        if lacking:
            raise ValueError(f"tables: {', '.join(lacking)} needed where label is {self.label}")
        if self.knowledge == "assumed" and not self.assumption:
            raise ValueError("assumption: say how recorded_at was made, since knowledge is assumed")
        if self.first_day and self.first_day > self.as_of:
            raise ValueError("first_day: must not be after as_of")
        unused = [alias for alias in self.files if not any(table.uses(alias) for table in self.tables.values())]
        if unused:
            raise ValueError(f"files: {', '.join(unused)} is used by no SELECT: take it out")
        return self


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises ``ConfigurationError`` naming the file and the key at fault."""
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}: name an existing mapping file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    try:
        return Mapping.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {one_line(error)}") from error


@lru_cache(maxsize=64)
def _select_fault(select: str) -> str:
    """Why ``select`` is not one SELECT; empty if it is. It is parsed as it will stand, inside another one."""
    with duckdb.connect() as parser:
        answer = parser.execute("SELECT json_serialize_sql(?)", [f"SELECT * FROM (\n{select}\n)"]).fetchall()[0][0]
    parsed = json.loads(answer)
    if parsed["error"]:
        return str(parsed["error_message"]).split("\n")[0]
    return "" if len(parsed["statements"]) == 1 else "found several statements"
