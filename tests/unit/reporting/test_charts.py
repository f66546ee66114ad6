from __future__ import annotations

import base64
import io
import struct
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tierline.reporting import (
    NIGHTS,
    difference_chart,
    gains_chart,
    markdown_image,
    migration_chart,
    reliability_chart,
    roc_chart,
    score_bands,
    score_histogram,
    tier_distribution_chart,
    to_png,
    to_svg,
)
from tierline.reporting.charts import Chart

SVG = "{http://www.w3.org/2000/svg}"

BINS = pd.DataFrame(
    {
        "predicted": [0.002, 0.005, 0.01, 0.03, 0.12],
        "observed": [0.0, 0.006, 0.011, 0.028, 0.14],
        "count": [400, 400, 300, 200, 100],
        "lower": [0.0, 0.001, 0.003, 0.01, 0.08],
        "upper": [0.006, 0.02, 0.03, 0.06, 0.22],
    }
)
CURVE = pd.DataFrame({"population": [0, 0.1, 0.5, 1], "caught": [0, 0.4, 0.9, 1.0]})
ROC = pd.DataFrame(
    {
        "false_positive": [0, 0.2, 1, 0, 0.3, 1],
        "true_positive": [0, 0.7, 1, 0, 0.5, 1],
        "model": ["new"] * 3 + ["old"] * 3,
    }
)
TIERS = pd.DataFrame({"tier": ["A", "B", "X"], "customers": [700, 250, 50], "mean_pd": [0.004, 0.03, 1.0]})
SCORES = pd.DataFrame(
    {
        "from_score": [500, 520, 500, 520],
        "to_score": [520, 540, 520, 540],
        "share": [0.3, 0.7, 0.5, 0.5],
        "sample": ["training", "training", "tonight", "tonight"],
    }
)
MIGRATION = pd.DataFrame(
    {"champion_tier": ["A", "A", "B", "B"], "challenger_tier": ["A", "B", "A", "B"], "customers": [90, 10, 0, 0]}
)
DIFFERENCES = pd.DataFrame(
    {"measure": ["gini", "brier"], "difference": [0.02, -0.001], "low": [-0.01, -0.002], "high": [0.05, 0.0]}
)


def migration_of_ab(migration: pd.DataFrame, title: str = "Tier migration") -> Chart:
    return migration_chart(migration, ["A", "B"], title)


CHARTS: list[tuple[Callable[..., Chart], pd.DataFrame]] = [
    (reliability_chart, BINS),
    (gains_chart, CURVE),
    (roc_chart, ROC),
    (tier_distribution_chart, TIERS),
    (score_histogram, SCORES),
    (migration_of_ab, MIGRATION),
]


def pixels(png: bytes) -> tuple[int, int, int]:
    """Width, height and number of different bytes in a PNG, decoded by hand; checks every chunk's CRC."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    stream, data, size = io.BytesIO(png[8:]), b"", (0, 0)
    while header := stream.read(8):
        length, kind = struct.unpack(">I4s", header)
        body = stream.read(length)
        assert zlib.crc32(kind + body) == struct.unpack(">I", stream.read(4))[0]
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        elif kind == b"IDAT":
            data += body
    return *size, len(set(zlib.decompress(data)))


@pytest.mark.parametrize(("draw", "frame"), CHARTS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_chart_is_a_valid_picture_with_ink(draw: Callable[..., Chart], frame: pd.DataFrame) -> None:
    width, height, values = pixels(to_png(draw(frame)))
    assert width > 500
    assert height > 400
    assert values > 20  # a blank picture has a handful
    svg = to_svg(draw(frame, title="A title of one's own"))
    assert "A title of one's own" in "".join(ET.fromstring(svg).itertext())
    assert to_svg(draw(frame)) == to_svg(draw(frame))


@pytest.mark.parametrize(("draw", "frame"), CHARTS, ids=lambda value: getattr(value, "__name__", ""))
def test_nothing_to_draw_is_refused(draw: Callable[..., Chart], frame: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="no rows"):
        draw(frame.iloc[:0])
    with pytest.raises(ValueError, match=f"lacks {frame.columns[0]}"):
        draw(frame.drop(columns=frame.columns[0]))
    with pytest.raises(ValueError, match="missing values"):
        draw(frame.assign(**{frame.columns[1]: np.nan}))


def words(chart: Chart) -> list[str]:
    return [text for node in ET.fromstring(to_svg(chart)).iter(f"{SVG}text") if (text := node.text)]


def test_the_tier_chart_writes_the_mean_pd_in_the_order_given() -> None:
    found = words(tier_distribution_chart(TIERS, order=["X", "B", "A"]))
    assert {"PD 0.40%", "PD 3.00%", "PD 100.00%"} <= set(found)
    assert [word for word in found if word in {"A", "B", "X"}] == ["X", "B", "A"]


def test_reliability_draws_every_bin_also_one_without_defaults() -> None:
    root = ET.fromstring(to_svg(reliability_chart(BINS)))
    marks = [node for node in root.iter(f"{SVG}path") if node.get("aria-roledescription") in ("point", "circle")]
    assert len(marks) == len(BINS)
    with pytest.raises(ValueError, match="every rate is 0"):
        reliability_chart(BINS.assign(predicted=0.0, observed=0.0))


def test_curves_name_their_models() -> None:
    assert {"new", "old"} <= set(words(roc_chart(ROC)))


def test_moves_from_night_to_night_name_both_nights() -> None:
    moves = MIGRATION.rename(columns={"champion_tier": "before", "challenger_tier": "now"})
    found = words(migration_chart(moves, ["A", "B"], "Moves", NIGHTS))
    assert {"Moves", "tonight", "in the release before", "90", "10"} <= set(found)


def test_markdown_holds_the_picture_itself() -> None:
    text = markdown_image(tier_distribution_chart(TIERS), "tiers of the night")
    head, data = text.removesuffix(")").split("base64,")
    assert head == "![tiers of the night](data:image/png;"
    assert base64.b64decode(data, validate=True) == to_png(tier_distribution_chart(TIERS), scale=1)
    assert "\n" not in text


def test_score_bands_are_closed_below_and_sum_to_one() -> None:
    bands = score_bands({"tonight": [500.0, 509.9, 510.0, 531.0], "before": [-1.0]}, width=10)
    assert bands.to_numpy().tolist() == [
        ["before", -10.0, 0.0, 1.0],
        ["tonight", 500.0, 510.0, 0.5],
        ["tonight", 510.0, 520.0, 0.25],
        ["tonight", 530.0, 540.0, 0.25],
    ]
    assert pixels(to_png(score_histogram(bands)))[2] > 20
    for bad in ([], [float("nan")], [float("inf")]):
        with pytest.raises(ValueError, match="scores of x"):
            score_bands({"x": bad}, width=10)


def test_differences_have_an_axis_each_with_their_intervals() -> None:
    assert {"gini", "brier", "New minus old"} <= set(words(difference_chart(DIFFERENCES, "New minus old")))
    assert pixels(to_png(difference_chart(DIFFERENCES)))[2] > 20
    with pytest.raises(ValueError, match="lacks high"):
        difference_chart(DIFFERENCES.drop(columns="high"))
