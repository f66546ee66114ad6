"""``make bench``: paired runs at a chosen scale, printed and kept in ``benchmarks/results/``.

``SCALE`` is small (the default, minutes), 100k or 1m (the tables in the docs; about an hour and 10 GB of disk). Lakes
are made once, below ``benchmarks/.lakes``. ``SECTION`` chooses one section, by default all of them.
"""

from __future__ import annotations

import os
import platform
import sys
from datetime import timedelta
from pathlib import Path

from benchmarks import decisions, features, peers, polars_peers, quality, reasons, validation
from benchmarks.skewed import LAST, VOCABULARY, Skewed, make_lake
from benchmarks.timing import Job, Measured, alone, paired, paired_jobs, ratios, table

HERE = Path(__file__).parent
SCALES = {"small": 12_500, "100k": 100_000, "1m": 1_000_000}


def main() -> None:
    scale = os.environ.get("SCALE") or "small"
    if scale not in SCALES:
        sys.exit(f"SCALE={scale}: not a scale; use one of {', '.join(SCALES)}")
    lines = [
        f"# Benchmarks, SCALE={scale}",
        "",
        f"{os.cpu_count()} cores, Python {platform.python_version()}."
        " Ratios are medians (min – max) over paired rounds.",
        "",
    ]
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    sections = {
        "recompute": recompute, "other_tools": other_tools, "twelve_dates": twelve_dates, "rules": rules,
        "reasons": reason_codes, "model": quality.run, "decisions": decisions.run,
    }  # fmt: skip
    only = os.environ.get("SECTION") or ""
    if only and only not in sections:
        sys.exit(f"SECTION={only}: not a section; use one of {', '.join(sections)}")
    name = f"{scale}-{only}" if only else scale
    for part in [sections[only]] if only else sections.values():
        found = part(scale)
        print("\n".join(found), flush=True)
        lines += found
        (results / f"{name}.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def lake_of(customers: int) -> Path:
    """Make the lake of a scale, once."""
    root = HERE / ".lakes" / str(customers)
    print(f"lake of {customers:,} customers: {root}", file=sys.stderr, flush=True)
    make_lake(Skewed(root, customers))
    return root


def recompute(scale: str) -> list[str]:
    """One date in full, and the next night from state; a tenth of the customers in the same rounds shows the growth."""
    customers, few = SCALES[scale], max(SCALES[scale] // 10, 1_250)
    root, small = lake_of(customers), lake_of(few)
    work = root.parent / f"work-{customers}"
    alone(Job(features.night, {"root": root, "work": work, "as_of": LAST - timedelta(days=1)}))
    fewer = f"full recompute, {few:,} customers"
    jobs = {
        "scansum": Job(features.scansum, {"root": root}),
        "full recompute": Job(features.full_recompute, {"root": root, "target": work / "full"}),
        "next night, from state": Job(features.next_night, {"root": root, "work": work}),
        fewer: Job(features.full_recompute, {"root": small, "target": work / "small"}),
    }
    measured = paired_jobs(jobs)
    each = [value / few for value in measured[fewer].seconds]
    grown = ratios([value / customers for value in measured["full recompute"].seconds], each)
    return [
        *table(f"All features at one date: {size_of(root, customers)}", measured, "scansum", "full recompute"),
        f"Growth: a customer of {customers:,} takes {grown} times as long as one of {few:,}.",
        "",
    ]


def size_of(root: Path, customers: int) -> str:
    return f"{customers:,} customers, {features.rows_in_window(root):,} transactions in the files of the window"


def other_tools(scale: str) -> list[str]:
    """The windows of the same account features by other tools; at most 100,000 customers."""
    customers = min(SCALES[scale], SCALES["100k"])
    root = lake_of(customers)
    given = {"files": features.window_files(root), "as_of": LAST, "vocabulary": VOCABULARY}
    target = root.parent / f"work-{customers}" / "full"
    jobs = {
        "full recompute": Job(features.full_recompute, {"root": root, "target": target}),
        "pandas": Job(peers.pandas_features, given),
        "Polars streaming, one pass": Job(polars_peers.polars_one_pass, given),
        "Polars streaming, two steps": Job(polars_peers.polars_two_steps, given),
        "DuckDB, naive one-pass SQL": Job(peers.naive_sql, given),
    }
    return table(f"Other tools, account windows only: {size_of(root, customers)}", paired_jobs(jobs), "full recompute")


def twelve_dates(scale: str) -> list[str]:
    """Twelve month ends at once against twelve recomputes; at most 100,000 customers."""
    customers = min(SCALES[scale], SCALES["100k"])
    root = lake_of(customers)
    dates = features.month_ends_before(12)
    target = root.parent / f"work-{customers}" / "panel"
    jobs = {
        "twelve recomputes": Job(features.one_by_one, {"root": root, "target": target / "one", "dates": dates}),
        "panel of twelve dates": Job(features.panel, {"root": root, "target": target / "all", "dates": dates}),
    }
    return table(f"Twelve observation dates, {customers:,} customers", paired_jobs(jobs), "twelve recomputes")


def rules(scale: str) -> list[str]:
    """Ten rules over one day."""
    rows = {"small": 500_000, "100k": 10_000_000, "1m": 10_000_000}[scale]
    title, seconds = validation.run(rows, 3)
    measured = {name: Measured(values) for name, values in seconds.items()}
    return table(title, measured, "tierline")


def reason_codes(scale: str) -> list[str]:
    """Exact contributions against ``pred_contrib``, and a book from feature files to its scores."""
    book = reasons.Book(HERE / ".lakes" / f"reasons-{SCALES[scale]}", SCALES[scale])
    reasons.make_book(book)
    lines = []
    for trees, leaves, few in ((100, 12, 4_000), (500, 12, 1_000), (100, 31, 1_000)):
        model, x = reasons.make_model(book, trees, leaves), reasons.columns(3, 50_000)
        contenders = {
            "pred_contrib": lambda model=model, x=x, few=few: reasons.pred_contrib(model, x[:few]),
            "kernel": lambda model=model, x=x: reasons.kernel(model, x),
        }
        seconds = paired(contenders)
        per_row = [value / few for value in seconds["pred_contrib"]], [value / len(x) for value in seconds["kernel"]]
        apart = reasons.greatest_difference(model, few)
        said = f"{ratios(*per_row)} × pred_contrib, greatest difference {apart:.1e}"
        lines += [f"- {trees} trees of {leaves} leaves: {said}"]
    model, files = reasons.make_model(book, 100), 1
    given = {"features": book.features, "model": model}
    jobs = {
        "pred_contrib, first file": Job(reasons.pred_contrib_of_files, given | {"files": files}),
        "book to scores and reasons": Job(reasons.whole_book, given | {"target": book.root / "scored.parquet"}),
    }
    measured = paired_jobs(jobs)
    share = min(files * reasons.BUCKET, book.customers) / book.customers
    slow, fast = measured["pred_contrib, first file"].seconds, measured["book to scores and reasons"].seconds
    faster = ratios([value / share for value in slow], fast)
    title = f"Exact reasons, {book.customers:,} customers, 100 trees"
    said = f"pred_contrib on all rows, from the pace of its first file, takes {faster} times as long as the whole."
    return [*table(title, measured, "book to scores and reasons"), said, "", *lines, ""]


if __name__ == "__main__":
    main()
