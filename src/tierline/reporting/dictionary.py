"""The data dictionary: every table and feature in words, made from the contracts and the registry.

Belongs here: the Markdown text. Does not belong here: what it describes.
"""

from __future__ import annotations

from collections.abc import Iterable

from tierline.features import FEATURES
from tierline.schemas import LANDING, PUBLISHED, Column, Table
from tierline.scoring import load_reasons

_DIRECTIONS = {1: "PD may only rise with it", -1: "PD may only fall with it", 0: "free"}


def data_dictionary() -> str:
    """The whole dictionary as Markdown; the same code gives the same text."""
    lines = [
        "# Data dictionary",
        "",
        "Made by `tierline dictionary` from the contracts and the feature registry; do not edit.",
        "",
        "## Landing zone",
        *_tables(LANDING.values()),
        "## Published tables",
        *_tables(PUBLISHED.values()),
        "## Reason codes",
        "",
        "`reason_1` … `reason_4` of `scores`; the texts are also in `MANIFEST.json` under `model.reasons`.",
        "",
        "| code | English | Chinese |",
        "|---|---|---|",
        *(f"| {code} | {texts['en']} | {texts['zh']} |" for code, texts in sorted(load_reasons().items())),
        "",
        "## Features",
        "",
        f"{len(FEATURES)} features. `latest_event_on` and `latest_known_on` beside them are the business days of the",
        "newest event and of the newest knowledge that a row used: never after its `as_of`.",
        "",
        "| feature | family | window | unit | direction | reason code | made of | null means |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for feature in FEATURES:
        window = f"{feature.window_days} d" if feature.window_days else ""
        direction = _DIRECTIONS[feature.monotone] + (f": {feature.why}" if feature.why else "")
        lines.append(
            f"| {feature.name} | {feature.family} | {window} | {feature.unit} | {direction} | {feature.reason}"
            f" | {', '.join(feature.sources)} | {feature.null_means} |"
        )
    return "\n".join(lines) + "\n"


def _tables(tables: Iterable[Table]) -> list[str]:
    lines: list[str] = []
    for table in tables:
        lines += ["", f"### {table.name}", "", table.description, "", f"Key: {', '.join(table.key)}."]
        if table.knowledge_time:
            lines[-1] += f" Known since `{table.knowledge_time}`; feed: {table.feed.value}."
        lines += ["", "| column | type | required | what | range |", "|---|---|---|---|---|"]
        lines += [_column(column) for column in table.columns]
    return [*lines, ""]


def _column(column: Column) -> str:
    required = "no" if column.nullable else "yes"
    personal = " (personal: never leaves ingest in clear)" if column.personal else ""
    bounds = ", ".join(
        f"{sign} {value:g}" for sign, value in (("≥", column.minimum), ("≤", column.maximum)) if value is not None
    )
    limits = ", ".join(column.allowed) or bounds
    kind = str(column.arrow_field.type)
    return f"| {column.name} | {kind} | {required} | {column.description}{personal} | {limits} |"
