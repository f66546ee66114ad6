"""Writing the landing zone: one file per table and day.

Belongs here: slicing by day and writing. Does not belong here: what stands in a row.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa

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

    def one(index: int) -> None:
        first, last = int(edges[index]), int(edges[index + 1])
        if last > first or contract.feed is Feed.DAILY:
            _write(landing, contract, int(days[index]), plain.slice(first, last - first))

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(one, range(len(days))))
    return len(data.day)


def _write(landing: Path, contract: Table, day: int, rows: pa.Table) -> None:
    write_arrow(landing / contract.name / f"date={to_date(day).isoformat()}" / "part-0.parquet", rows)
