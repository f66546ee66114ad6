"""Everything the rules of one night look at, read once.

Belongs here: what is known beside the published tables. Does not belong here: rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tierline.audit.finding import Rows
from tierline.audit.profile import Profile
from tierline.audit.tables import cents
from tierline.errors import TierlineError

IN_DEFAULT = "X"
"""The tier of customers in default."""
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


def joined(rows: Rows, other: Rows, columns: list[str], on: str = "customer_key") -> Rows:
    """``rows`` beside ``columns`` of ``other``, without the rows missing there: rule ``customers`` finds those."""
    return rows.with_frame(rows.frame.merge(other.frame[[on, *columns]], on=on, how="inner", suffixes=("", "_other")))


def in_other(rows: Rows, other: Rows, column: str = "customer_key") -> pd.Series[bool]:
    """For each row, whether its customer stands in ``other``."""
    # not Series.isin: on a million keys it makes a Python object of each and takes ten times as long
    there = pc.is_in(pa.array(rows.frame[column], pa.string()), value_set=pa.array(other.frame[column], pa.string()))
    return pd.Series(there.to_numpy(zero_copy_only=False), dtype=bool)
