"""The map over what has to be read first: the next items are read while earlier ones are worked on.

Belongs here: threads of one process. Does not belong here: the map over buckets, which may run elsewhere (``buckets``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tierline.engine.buckets import worker_count

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 8
"""Items that may lie read before a worker is free: enough to read on while a kernel is compiled."""


def map_while_reading(
    work: Callable[[Item], Result], items: Iterable[Item], first: Callable[[], None] | None = None
) -> list[Result]:
    """Results of ``work`` for every item, in the order of the items.

    ``items`` is read by the calling thread, ``work`` runs on as many threads as there are workers; at most ``AHEAD``
    items lie between them. ``first`` is called by one of these threads while the first items are read. The first error
    of any of them stops the map and is raised.
    """
    workers = worker_count()
    results: list[Result] = []
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="ahead")
    try:
        begun = pool.submit(first) if first else None
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= workers + AHEAD:
                results.append(waiting.popleft().result())
        results += [future.result() for future in waiting]
        if begun:
            begun.result()
    finally:
        pool.shutdown(cancel_futures=True)
    return results
