"""The map over buckets on a Ray cluster: the same function of one bucket, on whichever node is free.

Belongs here: starting or joining the cluster, and carrying tasks, results and errors. Does not belong here: what is
done with a bucket.

A task that is lost with its node is run again elsewhere; files are written whole or not at all and each bucket has its
own, so a second run changes nothing. A task that fails by itself is not tried again: its error is the map's error.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from tierline.errors import ConfigurationError, TierlineError

Task = TypeVar("Task")
Result = TypeVar("Result")
LOST_TASK_RETRIES = 3
REACH_SECONDS = 10
CARRIED = "TIERLINE_"
"""Settings of this process whose names begin so reach the workers."""


def ray_results(work: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
    """Results in the order of the tasks. ``RAY_ADDRESS`` names the cluster, as Ray documents it; without it a local
    one is started and stopped again. An error of ``work`` arrives as itself and cancels what has not begun.
    """
    ray = _import_ray()
    started = _join(ray)
    try:
        remote = ray.remote(num_cpus=1, max_retries=LOST_TASK_RETRIES)(_attempt)
        pending = [remote.remote(work, task) for task in tasks]
        try:
            for reference in pending:
                yield _outcome(ray, reference)
        finally:
            for reference in pending:
                ray.cancel(reference, force=False)
    finally:
        if started:
            ray.shutdown()


def _attempt(work: Callable[[Any], Any], task: Any) -> tuple[Any, TierlineError | None]:
    """Run in a worker: errors of the domain travel as values, so that they arrive unwrapped."""
    try:
        return work(task), None
    except TierlineError as error:
        return None, error


def _outcome(ray: Any, reference: Any) -> Any:
    try:
        result, error = ray.get(reference)
    except ray.exceptions.RayTaskError as failed:
        raise failed.as_instanceof_cause() from None
    except ray.exceptions.RayError as failed:
        line = str(failed).strip().splitlines()[0] if str(failed).strip() else type(failed).__name__
        raise TierlineError(
            f"ray: a bucket was lost {LOST_TASK_RETRIES + 1} times or the cluster is gone ({line}):"
            " look at its nodes, then run the night again: finished buckets are kept"
        ) from failed
    if error is not None:
        raise error
    return result


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise ConfigurationError(
            "TIERLINE_ENGINE=ray: ray is not installed: pip install 'tierline[ray]', or unset TIERLINE_ENGINE"
        ) from error
    return ray


def _join(ray: Any) -> bool:
    """Connect to the cluster; True if this process did it and must leave it again."""
    if ray.is_initialized():
        return False
    address = os.environ.get("RAY_ADDRESS")
    _require_reachable(address)
    settings = {name: value for name, value in sorted(os.environ.items()) if name.startswith(CARRIED)}
    try:
        ray.init(
            address=address,
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"env_vars": settings},
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise _cannot_join(address, str(error).strip().splitlines()[0]) from error
    return True


def _require_reachable(address: str | None) -> None:
    """Ray waits minutes for a head that is not there; a closed port can be told at once."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_SECONDS).close()
    except OSError as error:
        raise _cannot_join(address, str(error)) from error


def _cannot_join(address: str | None, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"RAY_ADDRESS={address or ''}: cannot join the cluster ({why}): start its head with 'ray start --head',"
        " or unset RAY_ADDRESS"
    )
