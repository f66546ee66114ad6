"""Is one model's log-loss worse than another's on the same rows? Tables with paired intervals.

Belongs here: figures, intervals and verdicts from predictions. Does not belong here: making the predictions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.rivals import OURS
from tierline.calibration import figures

Floats = npt.NDArray[np.float64]
DRAWS = 400
TINY = 1e-15  # an isotonic peer says 0 of rows that default: its log-loss is taken there, as scikit-learn does
Z = 1.959964


@dataclass(frozen=True)
class Round:
    """One split: outcomes of the test rows, each contender's probabilities, and how many rows it learned from."""

    y: npt.NDArray[np.bool_]
    predicted: dict[str, Floats]
    learned: int


Interval = Callable[[Sequence[Floats], Sequence[Round]], tuple[float, float, float]]


def log_losses(p: Floats, y: npt.NDArray[np.bool_]) -> Floats:
    p = np.clip(p, TINY, 1 - TINY)
    return -np.log(np.where(y, p, 1 - p))


def briers(p: Floats, y: npt.NDArray[np.bool_]) -> Floats:
    return np.asarray((p - y) ** 2)


def drawn(differences: Sequence[Floats], rounds: Sequence[Round]) -> tuple[float, float, float]:
    """Mean difference and 95 % interval where each round has rows of its own: rounds are drawn, then their rows."""
    rng = np.random.default_rng(1)
    means = []
    for _ in range(DRAWS):
        chosen = rng.integers(len(rounds), size=len(rounds)) if len(rounds) > 1 else [0]
        means.append(np.mean([rng.choice(differences[index], len(differences[index])).mean() for index in chosen]))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(np.mean([part.mean() for part in differences])), float(low), float(high)


def resplit(differences: Sequence[Floats], rounds: Sequence[Round]) -> tuple[float, float, float]:
    """The same where rounds are splits of the same rows: the variance of Nadeau & Bengio (2003), which counts that."""
    means = np.array([part.mean() for part in differences])
    overlap = float(np.mean([len(part.y) / part.learned for part in rounds]))
    error = np.sqrt((1 / len(means) + overlap) * means.var(ddof=1))
    return float(means.mean()), float(means.mean() - Z * error), float(means.mean() + Z * error)


def compared(title: str, rounds: Sequence[Round], interval: Interval) -> list[str]:
    """Markdown lines: mean figures of each contender, and the difference of ours to the best peer of each measure."""
    head = ["contender", "AUC", "log-loss", "Brier", "slope"]
    lines = [f"### {title}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name in rounds[0].predicted:
        lines.append(f"| {' | '.join([name, *_cells(name, rounds)])} |")
    lines.append("")
    for measure, loss in (("log-loss", log_losses), ("Brier", briers)):
        lines.append(_verdict(measure, loss, rounds, interval))
    return [*lines, ""]


def _cells(name: str, rounds: Sequence[Round]) -> list[str]:
    found = []
    for part in rounds:
        p = np.clip(part.predicted[name], TINY, 1 - TINY)
        values = figures(p, part.y, np.ones(len(p)))
        found.append([values["auc"], log_losses(p, part.y).mean(), briers(p, part.y).mean(), values["slope"]])
    auc, loss, brier, slope = np.mean(found, axis=0)
    return [f"{auc:.4f}", f"{loss:.5f}", f"{brier:.5f}", f"{slope:.2f}"]


def _verdict(
    measure: str,
    loss: Callable[[Floats, npt.NDArray[np.bool_]], Floats],
    rounds: Sequence[Round],
    interval: Interval,
) -> str:
    losses = {name: [loss(part.predicted[name], part.y) for part in rounds] for name in rounds[0].predicted}
    peers = [name for name in losses if name != OURS]
    best = min(peers, key=lambda name: float(np.mean([part.mean() for part in losses[name]])))
    differences = [ours - other for ours, other in zip(losses[OURS], losses[best], strict=True)]
    middle, low, high = interval(differences, rounds)
    word = "no worse" if low <= 0 else "**worse**"
    return f"- {measure}, ours − best peer ({best}): {middle:+.5f} [{low:+.5f}, {high:+.5f}]: {word}"
