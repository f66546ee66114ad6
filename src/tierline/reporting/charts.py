"""The charts. Words in them are English: a renderer without a CJK font draws Chinese as empty boxes.

Belongs here: what is drawn from which columns. Does not belong here: file formats (``render``).

Every function refuses an empty frame and a frame that lacks a column (``ValueError``), because a blank picture looks
like a result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tierline.reporting.render import Chart

WIDTH, HEIGHT = 420, 300
_AXIS = alt.Axis(format="%")
_INK, _MUTED = "#1f5a94", "#9aa5b1"


def reliability_chart(bins: pd.DataFrame, title: str = "Reliability") -> Chart:
    """Observed against predicted default rate per bin, with 95 % Jeffreys intervals where they are given.

    ``bins``: predicted, observed (fractions), count; optionally lower, upper. On the diagonal the PD is right. Both
    axes are logarithmic because PDs span decades; a bin that saw no default is drawn at the lower edge as a triangle.
    """
    require_columns(bins, ("predicted", "observed", "count"))
    floor = _lowest(bins) / 2
    columns = ["observed", *[name for name in ("lower", "upper") if name in bins]]
    data = bins.assign(none_seen=bins["observed"] <= 0, **{name: bins[name].clip(lower=floor) for name in columns})
    top = float(max(bins["predicted"].max(), data[columns].to_numpy().max()))
    scale = alt.Scale(type="log", domain=[floor, min(1.0, top * 1.2)], nice=False)
    x = alt.X("predicted:Q", title="predicted default rate", scale=scale, axis=alt.Axis(format="~%", tickCount=6))
    y = alt.Y("observed:Q", title="observed default rate", scale=scale, axis=alt.Axis(format="~%", tickCount=6))
    ends = pd.DataFrame({"predicted": [floor, min(1.0, top * 1.2)], "observed": [floor, min(1.0, top * 1.2)]})
    diagonal = alt.Chart(ends).mark_line(color=_MUTED, strokeDash=[4, 4]).encode(x=x, y=y)
    points = (
        alt.Chart(data)
        .mark_point(filled=True, color=_INK, opacity=1)
        .encode(
            x=x,
            y=y,
            size=alt.Size("count:Q", title="customers", scale=alt.Scale(range=[30, 200])),
            shape=alt.Shape(
                "none_seen:N", scale=alt.Scale(domain=[False, True], range=["circle", "triangle-down"]), legend=None
            ),
        )
    )
    layers = [diagonal, points]
    if {"lower", "upper"} <= set(bins.columns):
        bars = alt.Chart(data).mark_rule(color=_INK, opacity=0.5)
        layers.insert(1, bars.encode(x=x, y=alt.Y("lower:Q", scale=scale), y2="upper:Q"))
    return alt.layer(*layers).properties(title=title, width=WIDTH, height=HEIGHT)


def _lowest(bins: pd.DataFrame) -> float:
    """The smallest rate above 0 among predicted and observed."""
    rates = pd.concat([bins["predicted"], bins["observed"]])
    positive = rates[rates > 0]
    if positive.empty:
        raise ValueError("reliability chart: every rate is 0: nothing to draw on a logarithmic scale")
    return float(positive.min())


def gains_chart(gains: pd.DataFrame, title: str = "Gains") -> Chart:
    """Share of defaults caught against share of customers, worst first.

    ``gains``: population, caught (cumulative fractions, rising); optionally model, one line each.
    """
    axes = ("population", "share of customers, worst first"), ("caught", "share of defaults caught")
    return _curve(gains, axes, title)


def roc_chart(roc: pd.DataFrame, title: str = "ROC") -> Chart:
    """True against false positive rate.

    ``roc``: false_positive, true_positive (fractions, rising); optionally model, one line each.
    """
    return _curve(roc, (("false_positive", "false positive rate"), ("true_positive", "true positive rate")), title)


def _curve(points: pd.DataFrame, axes: tuple[tuple[str, str], tuple[str, str]], title: str) -> Chart:
    (x_name, x_title), (y_name, y_title) = axes
    require_columns(points, (x_name, y_name))
    unit = alt.Scale(domain=[0, 1])
    x = alt.X(
        f"{x_name}:Q", title=x_title, scale=unit, axis=_AXIS, sort=None
    )  # as given: a step has two points at one x
    y = alt.Y(f"{y_name}:Q", title=y_title, scale=unit, axis=_AXIS)
    line = alt.Chart(points).encode(x=x, y=y)
    if "model" in points:
        curves = line.mark_line().encode(color=alt.Color("model:N", title="model"))
    else:
        curves = line.mark_line(color=_INK)
    chance = pd.DataFrame({x_name: [0.0, 1.0], y_name: [0.0, 1.0]})
    diagonal = alt.Chart(chance).mark_line(color=_MUTED, strokeDash=[4, 4]).encode(x=x, y=y)
    return alt.layer(diagonal, curves).properties(title=title, width=WIDTH, height=HEIGHT)


def tier_distribution_chart(tiers: pd.DataFrame, title: str = "Tiers", order: Sequence[str] | None = None) -> Chart:
    """Customers per tier as bars, each with its mean PD written above.

    ``tiers``: tier, customers, mean_pd (fraction); one row per tier, drawn in ``order`` or as given.
    """
    require_columns(tiers, ("tier", "customers", "mean_pd"))
    label = tiers["mean_pd"].map("PD {:.2%}".format)
    names = list(order) if order is not None else tiers["tier"].tolist()
    base = alt.Chart(tiers.assign(label=label)).encode(
        x=alt.X("tier:N", title="tier", sort=names, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("customers:Q", title="customers"),
    )
    bars = base.mark_bar(color=_INK)
    words = base.mark_text(dy=-7, fontSize=11).encode(text="label:N")
    return alt.layer(bars, words).properties(title=title, width=WIDTH, height=HEIGHT)


def score_histogram(counts: pd.DataFrame, title: str = "Scores") -> Chart:
    """Share of customers per band of score points, samples laid over one another.

    ``counts``: from_score, to_score (points), share (fraction of the sample); optionally sample (for instance training
    and tonight).
    """
    require_columns(counts, ("from_score", "to_score", "share"))
    data = counts if "sample" in counts else counts.assign(sample="customers")
    chart: Chart = (
        alt.Chart(data)
        .mark_bar(opacity=0.5)
        .encode(
            x=alt.X("from_score:Q", title="score points", scale=alt.Scale(zero=False)),
            x2="to_score:Q",
            y=alt.Y("share:Q", title="share of customers", axis=_AXIS, stack=None),
            y2=alt.datum(0),
            color=alt.Color("sample:N", title="sample"),
        )
        .properties(title=title, width=WIDTH, height=HEIGHT)
    )
    return chart


def score_bands(samples: Mapping[str, ArrayLike], width: float) -> pd.DataFrame:
    """The frame ``score_histogram`` draws: scores of each named sample in bands of ``width`` points.

    Bands are closed below. Raises ``ValueError`` for an empty sample or a score that is not finite.
    """
    rows = []
    for name in sorted(samples):
        scores = np.asarray(samples[name], dtype=float)
        if not scores.size or not np.isfinite(scores).all():
            raise ValueError(f"scores of {name}: empty or not finite")
        bands, counts = np.unique(np.floor(scores / width), return_counts=True)
        rows += [
            (name, band * width, (band + 1) * width, count / scores.size)
            for band, count in zip(bands.tolist(), counts.tolist(), strict=True)
        ]
    return pd.DataFrame(rows, columns=["sample", "from_score", "to_score", "share"])


def require_columns(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise ``ValueError`` for an empty frame, an absent column or a missing value in one."""
    missing = [name for name in columns if name not in frame]
    if missing:
        raise ValueError(f"chart: the frame lacks {', '.join(missing)}")
    if frame.empty:
        raise ValueError("chart: the frame has no rows")
    if frame[list(columns)].isna().to_numpy().any():
        raise ValueError(f"chart: missing values in {', '.join(columns)}")
