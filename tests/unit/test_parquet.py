"""How contract tables become files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tierline.parquet import write_arrow


def test_a_sorted_file_can_be_read_in_parts(tmp_path: Path) -> None:
    """Who looks for one key finds it in one row group of at most 32,768 rows, by the group's least and greatest key."""
    keys = pa.array([f"{number:06d}" for number in range(80_000)])
    write_arrow(tmp_path / "keys.parquet", pa.table({"customer_key": keys}))
    file = pq.ParquetFile(tmp_path / "keys.parquet")
    groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
    assert [group.num_rows for group in groups] == [32_768, 32_768, 14_464]
    bounds = [(group.column(0).statistics.min, group.column(0).statistics.max) for group in groups]
    assert [low <= "050000" <= high for low, high in bounds] == [False, True, False]
