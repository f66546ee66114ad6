"""``make bench``: run the paired timings, print them and keep them in ``benchmarks/results/``. SCALE=customers."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks import features
from benchmarks.timing import ROUNDS, ratio_rows

RESULTS = Path(__file__).with_name("results")


def main() -> None:
    title, seconds = features.run(int(os.environ.get("SCALE", "5000")))
    lines = [
        f"# {title}",
        "",
        f"{ROUNDS} paired rounds on {os.cpu_count()} cores; ratio: median (min – max) over rounds.",
        "",
        "| contender | median s | ratio to scansum |",
        "|---|---|---|",
        *(f"| {name} | {median} | {ratio} |" for name, median, ratio in ratio_rows(seconds, "scansum")),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "features.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
