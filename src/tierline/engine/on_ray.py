"""The map over buckets on a Ray cluster: the same function of one bucket, on whichever node is free.

Belongs here: starting or joining the cluster, checking its nodes, and carrying tasks, results and errors. Does not
belong here: what is done with a bucket.

A task that is lost with its node is run again elsewhere; files are written whole or not at all and each bucket has its
own, so a second run changes nothing. A task that fails by itself is not tried again: its error is the map's error.

A node with another directory at the same path would write its buckets where nobody reads them, and one with other
software might write other bytes: either stops the map.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import duckdb
import numpy as np
import pyarrow as pa

from tierline.engine.buckets import worker_count
from tierline.errors import ConfigurationError, TierlineError
from tierline.home import FILE_MODE
from tierline.version import code_version

Task = TypeVar("Task")
Result = TypeVar("Result")
LOST_TASK_RETRIES = 3
CARRIED = "TIERLINE_"
"""Settings of this process whose names begin so reach the workers."""
CLIENT = "ray://"
REACH_SECONDS = 10  # Ray itself would wait minutes for a head that is not there
LOOK_SECONDS = 5
HEAD_SECONDS = 30  # without a head for 60 seconds, Ray ends this process without a word to Python
NODE_SECONDS = 300  # a cluster that grows on demand may take minutes to bring its first node
STOP_SECONDS = 30


class LostClusterError(TierlineError):
    """Nothing can be asked of the cluster any more."""


def ray_results(work: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
    """Results in the order of the tasks. ``RAY_ADDRESS`` names the cluster, as Ray documents it; without it a local
    one is started and stopped again. An error of ``work`` arrives as itself and stops what has not ended.
    """
    if not tasks:
        return
    ray = _import_ray()
    started = _join(ray)
    try:
        with _landmarks(tasks) as placed:
            yield from _results(ray, work, tasks, _Terms(placed, _software()))
    finally:
        if started:
            ray.shutdown()


def _results(ray: Any, work: Callable[[Any], Any], tasks: Sequence[Any], terms: _Terms) -> Iterator[Any]:
    settings = {name: value for name, value in sorted(os.environ.items()) if name.startswith(CARRIED)}
    remote = ray.remote(num_cpus=1, max_retries=LOST_TASK_RETRIES, runtime_env={"env_vars": settings})(_attempt)
    pending = deque(remote.remote(work, task, terms) for task in tasks)
    address = os.environ.get("RAY_ADDRESS", "")
    watch = _Watch(ray, address if address.startswith(CLIENT) else ray.get_runtime_context().gcs_address)
    try:
        while pending:
            while not ray.wait([pending[0]], timeout=LOOK_SECONDS)[0]:
                watch.look()
            result = _outcome(ray, pending[0])
            pending.popleft()  # and with it Ray's copy of the result
            yield result
    except LostClusterError:
        raise
    except BaseException:
        _stop(ray, list(pending), terms)
        raise


def _stop(ray: Any, pending: list[Any], terms: _Terms) -> None:
    """Let nothing more begin, and wait for what has begun: at the end of the map no bucket is being written.

    Not by ``ray.cancel``: where a task ends at that moment, it brings this whole process down (Ray 2.60).
    """
    terms.withdraw()
    ray.wait(pending, num_returns=len(pending), timeout=STOP_SECONDS)


@dataclass(frozen=True)
class _Terms:
    """What a node must have in common with this process: files that it sees, each with its directory, and software."""

    landmarks: dict[Path, Path]
    software: str

    def check(self) -> None:
        """Refuse the node on which this runs if these do not hold there."""
        node = socket.gethostname()
        if _software() != self.software:
            raise ConfigurationError(
                f"node {node}: runs {_software()}; the night runs {self.software}: install the same on every node"
            )
        for directory, landmark in self.landmarks.items():
            try:
                landmark.stat()
            except OSError as error:
                raise ConfigurationError(
                    f"node {node}: {directory}: not the directory that the night uses ({error.strerror}):"
                    " mount the data directory at the same path on every node, for the same user"
                ) from error

    def withdraw(self) -> None:
        """Make them hold nowhere: a task that has not begun will refuse to."""
        for directory, landmark in self.landmarks.items():
            if landmark != directory:
                landmark.unlink(missing_ok=True)


def _software() -> str:
    """Everything whose version can change a byte of what a bucket writes."""
    return f"tierline {code_version()}, DuckDB {duckdb.__version__}, pyarrow {pa.__version__}, numpy {np.__version__}"


@contextmanager
def _landmarks(tasks: Sequence[Any]) -> Iterator[dict[Path, Path]]:
    """A new file in each directory that the tasks name, or in its nearest parent that exists, while the map runs.

    Where nothing may be written, the directory itself has to do.
    """
    named = {path for task in tasks for path in _paths(task)}
    directories = sorted({next(place for place in (path, *path.parents) if place.is_dir()) for path in named})
    name = f".seen-from-{socket.gethostname()}-{uuid4().hex}"
    placed = {}
    try:
        for directory in directories:
            placed[directory] = directory / name
            try:
                placed[directory].touch(mode=FILE_MODE)
            except OSError:
                placed[directory] = directory
        yield placed
    finally:
        _Terms(placed, "").withdraw()


def _paths(value: Any) -> Iterator[Path]:
    """Paths in a task: it is a dataclass, or holds some."""
    if isinstance(value, Path):
        yield value
    elif is_dataclass(value):
        for part in fields(value):
            yield from _paths(getattr(value, part.name))


@dataclass(frozen=True)
class _Failure:
    """An error of the domain as a value: Ray would wrap it, and some are not made from their message."""

    kind: type[TierlineError]
    args: tuple[Any, ...]
    state: dict[str, Any]

    def error(self) -> TierlineError:
        made = self.kind.__new__(self.kind)
        made.args = self.args
        made.__dict__.update(self.state)
        return made


def _attempt(work: Callable[[Any], Any], task: Any, terms: _Terms) -> Any:
    """Run in a worker."""
    try:
        terms.check()
        return work(task)
    except TierlineError as error:
        return _Failure(type(error), error.args, dict(error.__dict__))


def _outcome(ray: Any, reference: Any) -> Any:
    try:
        result = ray.get(reference)
    except ray.exceptions.RayTaskError as failed:
        if isinstance(failed.cause, ray.exceptions.RayError):
            raise TierlineError(
                f"ray: a bucket failed on its node ({_first_line(failed.cause)}):"
                " install the same tierline[ray] on every node"
            ) from failed
        raise failed.cause from failed
    except ray.exceptions.OutOfMemoryError as failed:
        raise TierlineError(
            f"ray: a bucket was stopped {LOST_TASK_RETRIES + 1} times because its node ran out of memory:"
            " give the node fewer CPUs ('ray start --num-cpus'), then run the night again: finished buckets are kept"
        ) from failed
    except ray.exceptions.RayError as failed:
        raise TierlineError(
            f"ray: a bucket was lost with its node and could not be run elsewhere ({_first_line(failed)}):"
            " look at the cluster's nodes, then run the night again: finished buckets are kept"
        ) from failed
    if isinstance(result, _Failure):
        raise result.error()
    return result


@dataclass
class _Watch:
    """Notices what Ray would wait for without end, or end this process for."""

    ray: Any
    head: str
    since: dict[str, float] = field(default_factory=dict)

    def look(self) -> None:
        """Raise if the cluster has been of no use for too long."""
        why, patience = self._trouble()
        now = time.monotonic()
        self.since = {why: self.since.get(why, now)} if why else {}
        if why and now - self.since[why] >= patience:
            raise LostClusterError(
                f"ray: {why} for {patience} seconds: mend the cluster, then run the night again: finished buckets"
                " are kept"
            )

    def _trouble(self) -> tuple[str, int]:
        if _unreachable(self.head):
            return f"the head {self.head} has not answered", HEAD_SECONDS
        if self.ray.cluster_resources().get("CPU", 0) < 1:
            return "the cluster has had no node with a CPU", NODE_SECONDS
        return "", 0


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns
    os.environ.setdefault("RAY_task_oom_retries", str(LOST_TASK_RETRIES))  # or it tries without end
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise ConfigurationError(
            "TIERLINE_ENGINE=ray: ray is not installed: pip install 'tierline[ray]', or unset TIERLINE_ENGINE"
        ) from error
    return ray


def _join(ray: Any) -> bool:
    """Connect to the cluster, or start a local one; True if this process did it and must leave it again."""
    if ray.is_initialized():
        return False
    address = os.environ.get("RAY_ADDRESS") or "local"
    why = _unreachable(address)
    if why:
        raise _cannot_join(address, why)
    local = {"num_cpus": worker_count(), "include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **local)
    except (ConnectionError, RuntimeError, ValueError, OSError, ImportError) as error:
        raise _cannot_join(address, _one_line(error)) from error
    return True


def _unreachable(address: str) -> str:
    """Why nothing listens at ``host:port``; empty if something does, or if it is another kind of address."""
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    if not host or not port.isdigit():
        return ""
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_SECONDS).close()
    except OSError as error:
        return _one_line(error)
    return ""


def _cannot_join(address: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"RAY_ADDRESS={address}: cannot join the cluster ({why}): start its head with 'ray start --head' and the same"
        " Ray and Python, or unset RAY_ADDRESS"
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
