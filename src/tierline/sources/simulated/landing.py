"""Writing the landing zone: one file per table and day.

Belongs here: slicing by day and writing. Does not belong here: what stands in a row.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa

from tierline.home import make_directory
from tierline.parquet import write_arrow
from tierline.schemas.contract import Feed, Table
from tierline.sources.simulated.tables import Dated
from tierline.sources.simulated.timeline import Ints, to_date


def write_days(landing: Path, contract: Table, data: Dated, days: Ints) -> int:
    """Write the rows of ``days`` (consecutive, ascending), one file a day; return the number of rows.

    A daily table gets a file for a day without rows too.
    """
    edges = np.searchsorted(data.day, np.append(days, days[-1] + 1))
    if edges[0] != 0 or edges[-1] != len(data.day):
        raise ValueError(f"{contract.name}: rows outside the days {to_date(days[0])} … {to_date(days[-1])}")
    plain = data.table.combine_chunks()

    def write(part: Ints) -> None:
        for index in part:
            rows = plain.slice(int(edges[index]), int(edges[index + 1] - edges[index]))
            write_arrow(_file(landing, contract, int(days[index])), rows)

    filled = np.flatnonzero(np.diff(edges))
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(write, np.array_split(filled, 8)))
    if contract.feed is Feed.DAILY:
        _write_empty(landing, contract, days[np.diff(edges) == 0], plain.slice(0, 0))
    return len(data.day)


def _write_empty(landing: Path, contract: Table, days: Ints, nothing: pa.Table) -> None:
    """Files without rows: the first is written, the others are its copies, which is six times faster."""
    first: Path | None = None
    for day in days:
        path = _file(landing, contract, int(day))
        if first is None:
            first = path
            write_arrow(path, nothing)
        else:
            make_directory(path.parent)
            shutil.copy(first, path)


def _file(landing: Path, contract: Table, day: int) -> Path:
    return landing / contract.name / f"date={to_date(day).isoformat()}" / "part-0.parquet"
