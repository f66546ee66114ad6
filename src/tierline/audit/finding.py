"""What the checker says, and rows that can be judged.

Belongs here: ``Finding`` and the one way to make it from rows and a rule. Does not belong here: any rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from tierline.schemas import DECISION_INPUTS, PUBLISHED

_MONEY = {name for table in (*PUBLISHED.values(), DECISION_INPUTS) for name in table.money_columns}


@dataclass(frozen=True)
class Finding:
    """One rule that a table breaks: ``count`` rows of it; ``line`` names the first by key and what should hold."""

    rule: str
    table: str
    count: int
    line: str

    def __str__(self) -> str:
        return self.line


def finding(rule: str, table: str, count: int, text: str) -> Finding:
    """A finding with its line ``table: rule: text``."""
    return Finding(rule, table, count, f"{table}: {rule}: {text}")


@dataclass(frozen=True)
class Rows:
    """Rows of one table, money in whole cents, perhaps beside columns of other tables.

    ``key`` names the columns that identify a row in a finding; the index of ``frame`` is 0 … n-1.
    """

    table: str
    frame: pd.DataFrame
    key: tuple[str, ...]

    def with_frame(self, frame: pd.DataFrame) -> Rows:
        """The same table with other rows or more columns."""
        return Rows(self.table, frame.reset_index(drop=True), self.key)

    def judge(self, rule: str, holds: pd.Series[bool], must: str, show: Sequence[str] = ()) -> list[Finding]:
        """One finding if the rule does not hold for every row, none otherwise.

        ``holds`` says where the rule holds, so that a comparison with NaN counts as broken; ``must`` says what should
        be; ``show`` names the columns whose values the line gives for the first broken row in order of key.
        """
        broken = ~holds.to_numpy(dtype=bool)
        if not broken.any():
            return []
        bad = self.frame[broken]
        first = bad.sort_values(list(self.key), kind="stable").iloc[0]
        where = " ".join(_shown(name, first[name]) for name in self.key)
        values = ", ".join(_shown(name, first[name]) for name in show)
        example = f"{where} has {values}" if values else where
        return [finding(rule, self.table, len(bad), f"{must}; {len(bad)} rows do not, first {example}")]


def _shown(name: str, value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return f"{name} null"
    if name in _MONEY:
        return f"{name} {float(str(value)) / 100:.2f}"
    return f"{name} {value:.12g}" if isinstance(value, float) else f"{name} {value}"
