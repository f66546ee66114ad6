"""Paired timing: each round runs every contender once, so that a machine that slows down slows all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

ROUNDS = 5


def paired(contenders: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds of each contender per round, after one warm-up each."""
    for run in contenders.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = perf_counter()
            run()
            seconds[name].append(perf_counter() - start)
    return seconds


def ratio_rows(seconds: Mapping[str, list[float]], base: str) -> list[tuple[str, str, str]]:
    """Per contender: name, median seconds, and the median (min – max) of its round-by-round ratio to ``base``."""
    rows = []
    for name, measured in seconds.items():
        ratios = [a / b for a, b in zip(measured, seconds[base], strict=True)]
        rows.append((name, f"{median(measured):.2f}", f"{median(ratios):.2f} ({min(ratios):.2f} – {max(ratios):.2f})"))
    return rows
