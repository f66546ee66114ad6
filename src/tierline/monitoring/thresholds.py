"""The figures monitoring uses, as data with their source: ``thresholds.yaml``.

Belongs here: their types and how they are read. Does not belong here: any figure.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Severity = Literal["low", "medium", "high"]


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sourced(_Rule):
    """Where a figure comes from and how far to trust it."""

    source: str
    effective_from: date | None
    status: Literal["in_force", "draft", "superseded", "convention", "own_choice"]
    confidence: Literal["text_seen", "secondary", "unverified"]


class Band(_Rule):
    """A class of loans from ``from_dpd`` days past due (inclusive) to the next band."""

    code: str
    from_dpd: int = Field(ge=0)
    label_zh: str | None = None


class Bands(Sourced):
    """Classes by days past due, the first from 0, in rising order."""

    bands: tuple[Band, ...]

    @model_validator(mode="after")
    def _rising_from_zero(self) -> Self:
        starts = [band.from_dpd for band in self.bands]
        if not starts or starts[0] != 0 or any(low >= high for low, high in pairwise(starts)):
            raise ValueError(f"bands must rise from 0, not {starts}")
        return self

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the bands, best first."""
        return tuple(band.code for band in self.bands)


class FiveCategory(Bands):
    """The regulatory classes and which of them are non-performing."""

    non_performing: tuple[str, ...]


class ProvisionTable(Sourced):
    """Provision rates as fractions of the balance: ``general`` on all loans plus one by class."""

    general: float = Field(ge=0, le=1)
    by_class: dict[str, float]


class Provisions(_Rule):
    """The tables to choose from and the one chosen."""

    selected: str
    tables: dict[str, ProvisionTable]

    @model_validator(mode="after")
    def _selected_exists(self) -> Self:
        if self.selected not in self.tables:
            raise ValueError(f"selected table {self.selected} is not among {sorted(self.tables)}")
        return self

    @property
    def table(self) -> ProvisionTable:
        """The chosen table."""
        return self.tables[self.selected]


class Default(Sourced):
    """The day of default: first day on which DPD reaches ``dpd``."""

    dpd: int = Field(ge=1)


class Vintages(Sourced):
    """Ages at which a cohort is read."""

    months_on_book: tuple[int, ...]


class Drift(Sourced):
    """Bins of the PSI and its conventional levels."""

    bins: int = Field(ge=2)
    warning: float
    breach: float


class Trigger(_Rule):
    """A watch-list trigger that needs no figure."""

    severity: Severity


class DpdTrigger(Trigger):
    """Fires from ``from_dpd`` days past due."""

    from_dpd: int


class CountTrigger(Trigger):
    """Fires from ``from_loans`` overdue loans of one customer."""

    from_loans: int


class ExposureTrigger(Trigger):
    """Fires from ``from_exposure`` yuan of principal outstanding of one overdue customer."""

    from_exposure: int


class Triggers(_Rule):
    """Every trigger of the watch list."""

    newly_overdue: Trigger
    first_payment_missed: Trigger
    overdue_over_30: DpdTrigger
    in_default: DpdTrigger
    several_loans_overdue: CountTrigger
    large_exposure_overdue: ExposureTrigger


class WatchRules(Sourced):
    """The watch list's triggers and their source."""

    triggers: Triggers


class Thresholds(_Rule):
    """Everything in ``thresholds.yaml``."""

    buckets: Bands
    five_category: FiveCategory
    stages: Bands
    provisions: Provisions
    default: Default
    vintages: Vintages
    drift: Drift
    watch_list: WatchRules

    @model_validator(mode="after")
    def _classes_agree(self) -> Self:
        codes = set(self.five_category.codes)
        for name, table in self.provisions.tables.items():
            if set(table.by_class) != codes:
                raise ValueError(f"provisions {name} must give a rate to each of {sorted(codes)}")
        if not set(self.five_category.non_performing) <= codes:
            raise ValueError(f"non_performing must be among {sorted(codes)}")
        return self


@cache
def load_thresholds() -> Thresholds:
    """Read and check the packaged figures."""
    text = resources.files(__package__).joinpath("thresholds.yaml").read_text(encoding="utf-8")
    return Thresholds.model_validate(yaml.safe_load(text))
