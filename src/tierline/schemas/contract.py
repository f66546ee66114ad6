"""The vocabulary of a contract: kinds of columns, columns, tables.

Belongs here: what a contract can say. Does not belong here: any particular table.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum

import pyarrow as pa


class Kind(StrEnum):
    """What a column holds; each kind has one Arrow type everywhere."""

    STRING = "string"
    TIMESTAMP = "timestamp"  # UTC microseconds
    DATE = "date"
    MONEY = "money"  # decimal(18,2), yuan
    RATE = "rate"  # a fraction: 0.155 is 15.5 %
    COUNT = "count"
    BOOLEAN = "boolean"


ARROW_TYPES: dict[Kind, pa.DataType] = {
    Kind.STRING: pa.string(),
    Kind.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    Kind.DATE: pa.date32(),
    Kind.MONEY: pa.decimal128(18, 2),
    Kind.RATE: pa.float64(),
    Kind.COUNT: pa.int32(),
    Kind.BOOLEAN: pa.bool_(),
}


class Versioning(StrEnum):
    """What a later version of the same key means."""

    EVENT = "event"  # it was always so
    STATE = "state"  # from now on


class Feed(StrEnum):
    """How often a landing table arrives."""

    DAILY = "daily"  # one partition for every day, with zero rows if nothing happened
    AS_PUBLISHED = "as_published"  # whenever there is something new


@dataclass(frozen=True)
class Column:
    """One column of a table. ``minimum`` and ``maximum`` are inclusive; ``allowed`` lists a closed vocabulary.

    An ``optional`` column may be missing from a file, and is null there: a source need not have it, and what was
    written before the contract had it stays readable.
    """

    name: str
    kind: Kind
    description: str
    nullable: bool = False
    personal: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] = ()
    optional: bool = False

    @property
    def arrow_field(self) -> pa.Field:
        """The Arrow field with the type of its kind."""
        return pa.field(self.name, ARROW_TYPES[self.kind], nullable=self.nullable)


@dataclass(frozen=True)
class Table:
    """One table: its key, its columns in file order, and what it is for."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    knowledge_time: str = ""  # the column that says when a row became known; landing and lake tables only
    event_time: str = ""  # the column that says when it happened
    versioning: Versioning = Versioning.EVENT
    feed: Feed = Feed.DAILY
    optional: bool = False
    min_rows_per_day: int = 0

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in file order."""
        return tuple(column.name for column in self.columns)

    @property
    def money_columns(self) -> tuple[str, ...]:
        """Names of the columns that hold money."""
        return tuple(column.name for column in self.columns if column.kind is Kind.MONEY)

    @property
    def optional_columns(self) -> tuple[Column, ...]:
        """Columns that may be missing from a file."""
        return tuple(column for column in self.columns if column.optional)

    @property
    def arrow_schema(self) -> pa.Schema:
        """The exact Arrow schema of a file of this table."""
        return pa.schema([column.arrow_field for column in self.columns])

    @property
    def schema_hash(self) -> str:
        """SHA-256 over everything the contract says; changes whenever the contract does."""
        described = asdict(self)
        for column in described["columns"]:
            if not column["optional"]:
                del column["optional"]  # a contract that knows nothing of it keeps the hash it had
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
