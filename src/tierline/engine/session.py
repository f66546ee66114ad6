"""A DuckDB connection with the settings every stage relies on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory

import duckdb

MEMORY_LIMIT = "TIERLINE_MEMORY_LIMIT"


@contextmanager
def session(memory_limit: str | None = None, threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory DuckDB connection in UTC.

    ``memory_limit`` is DuckDB's form, such as ``"2GB"``; by default ``TIERLINE_MEMORY_LIMIT`` or 3GB, so that a night
    stays inside a 4 GiB process. ``threads`` is by default the number of cores. Sums must be over DECIMAL or integers:
    sums of DOUBLE depend on the threads.
    """
    with ExitStack() as stack:
        spill = stack.enter_context(TemporaryDirectory(prefix="tierline-"))  # private to this process, gone with it
        connection = stack.enter_context(duckdb.connect())
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"SET memory_limit = '{memory_limit or os.environ.get(MEMORY_LIMIT, '3GB')}'")
        connection.execute(f"SET temp_directory = '{spill}'")
        if threads:
            connection.execute(f"SET threads = {threads}")
        yield connection
