"""The map over customer buckets: one function of one bucket, run for all of them.

Belongs here: how the map is executed, and its progress. Does not belong here: what is done with a bucket.

A task is small and can be pickled; its function reads and writes shared storage and returns something small. The
result does not depend on how many workers there are, or where: each bucket has a DuckDB of its own with one thread.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import duckdb

from tierline.engine.session import session
from tierline.errors import ConfigurationError

LOGGER = logging.getLogger("tierline.engine")
ENGINE = "TIERLINE_ENGINE"
WORKERS = "TIERLINE_WORKERS"
BUCKET_MEMORY = "TIERLINE_BUCKET_MEMORY"

Task = TypeVar("Task")
Result = TypeVar("Result")


@contextmanager
def bucket_session() -> Iterator[duckdb.DuckDBPyConnection]:
    """The DuckDB of one bucket: one thread and ``TIERLINE_BUCKET_MEMORY`` (by default 1GB)."""
    with session(memory_limit=os.environ.get(BUCKET_MEMORY, "1GB"), threads=1) as connection:
        connection.execute("SET parquet_metadata_cache = true")  # a bucket reads the same files several times
        yield connection


def map_buckets(work: Callable[[Task], Result], tasks: Sequence[Task], label: str) -> list[Result]:
    """Results of ``work`` for every task, in the order of the tasks; the first error stops the map and is raised.

    ``TIERLINE_ENGINE`` chooses where: ``local`` (threads of this process: DuckDB works outside Python's lock) or
    ``ray``. ``TIERLINE_WORKERS`` is the number of buckets at a time on this machine, by default its cores.
    """
    engine = os.environ.get(ENGINE, "local")
    if engine == "ray":
        from tierline.engine.on_ray import ray_results

        return list(_with_progress(ray_results(work, tasks), len(tasks), label))
    if engine != "local":
        raise ConfigurationError(f"{ENGINE}={engine}: not an engine; use local or ray")
    workers = worker_count()
    if workers == 1 or len(tasks) < 2:
        return list(_with_progress((work(task) for task in tasks), len(tasks), label))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="bucket")
    try:
        return list(_with_progress(pool.map(work, tasks), len(tasks), label))
    finally:
        pool.shutdown(cancel_futures=True)


def worker_count() -> int:
    """Buckets at a time on this machine."""
    given = os.environ.get(WORKERS, "")
    if given and (not given.isdigit() or int(given) < 1):
        raise ConfigurationError(f"{WORKERS}={given}: not a number of workers; use 1 or more")
    return int(given) if given else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def _with_progress(results: Iterable[Result], total: int, label: str) -> Iterator[Result]:
    """Pass results on, with a line at every tenth of the way (none for a handful of buckets)."""
    for done, result in enumerate(results, start=1):
        if total > 10 and (done * 10 // total > (done - 1) * 10 // total):
            LOGGER.info("%s: %d of %d buckets", label, done, total)
        yield result
