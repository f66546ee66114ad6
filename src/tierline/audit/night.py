"""Everything the rules of one night look at, read once.

Belongs here: what is known beside the published tables. Does not belong here: rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tierline.audit.finding import Rows
from tierline.audit.profile import Profile
from tierline.audit.tables import cents
from tierline.errors import TierlineError

IN_DEFAULT = "X"
"""The tier of customers in default."""
Positions = npt.NDArray[np.int64]
OWN = "OWN"
"""The funder that is the lender itself."""


@dataclass(frozen=True)
class AuditContext:
    """What the decisions of ``as_of`` were made from.

    ``policy`` is a packaged profile name or a YAML path; ``inputs`` keeps ``DECISION_INPUTS``; ``partners`` and
    ``position`` are the lake tables ``funding_partners`` and ``lender_position`` as known at ``as_of``, None where the
    source has none; ``previous`` holds the tables ``scores``, ``credit_limits`` and ``funding_allocation`` of the
    release before by name, None on the first night.
    """

    as_of: date
    policy: str
    inputs: Path | pa.Table
    partners: pa.Table | None
    position: pa.Table | None
    previous: Mapping[str, Path | pa.Table] | None = None


@dataclass(frozen=True)
class Night:
    """The readable tables by name, the inputs, the profile's numbers, partners by id and net assets in cents.

    ``previous`` holds the readable tables of the release before; empty on the first night.
    """

    as_of: date
    tables: Mapping[str, Rows]
    inputs: Rows
    profile: Profile
    partners: Mapping[str, Mapping[str, object]]
    net_assets: int | None
    previous: Mapping[str, Rows] = field(default_factory=dict)

    def has(self, *names: str) -> bool:
        """True if all these tables can be judged; one that cannot is a finding already."""
        return all(name in self.tables for name in names)


def net_assets(position: pa.Table | None, as_of: date) -> int | None:
    """Net assets in cents by the newest position that is not after ``as_of``; None where there is none."""
    if position is None:
        return None
    known = zip(position.column("as_of").to_pylist(), cents(position.column("net_assets")).to_pylist(), strict=True)
    return max(((day, amount) for day, amount in known if day <= as_of), default=(None, None))[1]


def partners_by_id(partners: pa.Table | None) -> dict[str, dict[str, object]]:
    """Rows of the partner table by ``partner_id``; raises ``TierlineError`` if one stands there twice."""
    rows: list[dict[str, object]] = [] if partners is None else partners.to_pylist()
    by_id = {str(row["partner_id"]): row for row in rows}
    if len(by_id) != len(rows):
        raise TierlineError("funding_partners: partner_id must be unique: give only the version known at as_of")
    return by_id


def joined(rows: Rows, other: Rows, columns: list[str]) -> Rows:
    """``rows`` beside ``columns`` of ``other``, without the rows missing there: rule ``customers`` finds those.

    A column that stands in both is that of ``rows``; the other's gets the suffix ``_other``.
    """
    at = positions(rows.frame["customer_key"], other.frame["customer_key"])
    there = rows if (at >= 0).all() else rows.with_frame(rows.frame[at >= 0])
    names = {name: f"{name}_other" for name in columns if name in rows.frame}
    found = taken(other.frame[columns], at[at >= 0]).rename(columns=names)
    return there.with_frame(pd.concat([there.frame, found], axis=1))


def beside(rows: pd.DataFrame, other: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """``columns`` of ``other`` for each row of ``rows`` by customer; null where the customer does not stand there."""
    return taken(other[columns], positions(rows["customer_key"], other["customer_key"]))


def in_other(rows: Rows, other: Rows) -> pd.Series[bool]:
    """For each row, whether its customer stands in ``other``."""
    there: pd.Series[bool] = pd.Series(positions(rows.frame["customer_key"], other.frame["customer_key"]) >= 0)
    return there


def positions(keys: pd.Series, among: pd.Series) -> Positions:
    """The first row of ``among`` with each of ``keys``, -1 where there is none.

    Tables of one night mostly have the same keys in the same order, which costs next to nothing here; ``merge``,
    ``map`` and ``isin`` make a table of a million keys each time.
    """
    mine, theirs = (pa.chunked_array(pa.array(column, pa.string())) for column in (keys, among))
    if mine.equals(theirs):
        return np.arange(len(keys))
    at = pc.fill_null(pc.index_in(mine, value_set=theirs), -1)
    return np.asarray(at.to_numpy(), dtype=np.int64)


def taken(frame: pd.DataFrame, at: Positions) -> pd.DataFrame:
    """Rows of ``frame`` by position, null for -1, numbered anew."""
    if len(at) == len(frame) and bool((at == np.arange(len(frame))).all()):
        return frame
    return frame.reset_index(drop=True).reindex(at).reset_index(drop=True)
