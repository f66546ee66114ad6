"""Paired timing: each round runs every contender once, so that a machine that slows down slows all of them.

Belongs here: running and comparing contenders. Does not belong here: what they do.

A contender may run in this process, or as a ``Job`` in a fresh process of its own, whose peak memory is then known and
whose leftovers slow nobody.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

ROUNDS = 3


@dataclass(frozen=True)
class Job:
    """A function of a module, called with ``given`` in a fresh process."""

    function: Callable[..., object]
    given: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """Seconds of each round and the greatest peak memory in GiB (0 where it ran in this process)."""

    seconds: list[float]
    peak: float = 0.0


def paired(contenders: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds of each contender per round, in this process, after one warm-up each."""
    for run in contenders.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = perf_counter()
            run()
            seconds[name].append(perf_counter() - start)
    return seconds


def paired_jobs(jobs: Mapping[str, Job], rounds: int = ROUNDS) -> dict[str, Measured]:
    """Each job per round in a process of its own; starting it and importing are not timed."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    peaks = dict.fromkeys(jobs, 0.0)
    for _ in range(rounds):
        for name, job in jobs.items():
            took, peak = alone(job)
            seconds[name].append(took)
            peaks[name] = max(peaks[name], peak)
    return {name: Measured(seconds[name], peaks[name]) for name in jobs}


def alone(job: Job) -> tuple[float, float]:
    """Seconds and peak GiB of one job in a fresh process."""
    here, there = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_report, args=(there, job))
    process.start()
    there.close()
    try:
        took, peak = here.recv()
    except EOFError as error:
        process.join()
        raise RuntimeError(f"{job.function.__name__} ended with exit code {process.exitcode}") from error
    process.join()
    return took, peak


def _report(pipe: Any, job: Job) -> None:
    start = perf_counter()
    job.function(**job.given)
    took = perf_counter() - start
    pipe.send((took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20))
    pipe.close()


def ratios(seconds: list[float], base: list[float]) -> str:
    """Median (min - max) of the round-by-round ratio."""
    found = [a / b for a, b in zip(seconds, base, strict=True)]
    return f"{median(found):.2f} ({min(found):.2f} – {max(found):.2f})"


def ratio_rows(seconds: Mapping[str, list[float]], base: str) -> list[tuple[str, str, str]]:
    """Per contender: name, median seconds, and the median (min – max) of its round-by-round ratio to ``base``."""
    return [(name, f"{median(measured):.2f}", ratios(measured, seconds[base])) for name, measured in seconds.items()]


def table(title: str, measured: Mapping[str, Measured], base: str, other: str = "") -> list[str]:
    """Markdown lines: median seconds, ratio to ``base`` (and to ``other``), peak memory."""
    head = ["contender", "median s", f"ratio to {base}", *([f"ratio to {other}"] if other else []), "peak GiB"]
    lines = [f"## {title}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name, found in measured.items():
        cells = [name, f"{median(found.seconds):.2f}", ratios(found.seconds, measured[base].seconds)]
        cells += [ratios(found.seconds, measured[other].seconds)] if other else []
        lines.append(f"| {' | '.join([*cells, f'{found.peak:.2f}' if found.peak else 'not taken'])} |")
    return [*lines, ""]
