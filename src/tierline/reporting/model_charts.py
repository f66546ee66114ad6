"""Charts of one model, and the frames they draw: gains, KS, importance with stability, level of each tier.

Belongs here: what a model card and the training assets draw of a bundle. Does not belong here: charts of a book or of
two models (``charts``, ``comparison``).
"""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from tierline.reporting.charts import HEIGHT, WIDTH, require_columns
from tierline.reporting.render import Chart

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
POINTS = 200  # of a curve: more cannot be seen at its size
BANDS = ("below 0.1", "0.1 to 0.25", "above 0.25", "not measured")
DEFAULTS, OTHERS = "defaults", "others"
_INK, _MUTED, _WARM = "#1f5a94", "#9aa5b1", "#c2571a"
_BAND_COLOURS = [_INK, "#e0a030", _WARM, _MUTED]


def gains_frame(pd_12m: Floats, defaulted: Bools) -> pd.DataFrame:
    """What ``gains_chart`` draws: population and caught, cumulative fractions by falling PD; rows of one PD together.

    Raises ``ValueError`` where nobody defaulted.
    """
    if not defaulted.any():
        raise ValueError("gains: no row defaulted")
    bads, rows, _ = _steps(-pd_12m, defaulted)
    curve = pd.DataFrame({"population": np.cumsum(rows) / rows.sum(), "caught": np.cumsum(bads) / bads.sum()})
    start = pd.DataFrame({"population": [0.0], "caught": [0.0]})
    return pd.concat([start, _thinned(curve)], ignore_index=True)


def ks_frame(pd_12m: Floats, defaulted: Bools) -> pd.DataFrame:
    """What ``ks_chart`` draws: pd_12m (rising), defaults and others: the share of each with at most that PD.

    The point where they differ most is always among the rows. Raises ``ValueError`` for outcomes of one kind.
    """
    if defaulted.all() or not defaulted.any():
        raise ValueError("ks: outcomes of one kind only")
    bads, rows, values = _steps(pd_12m, defaulted)
    goods = rows - bads
    frame = pd.DataFrame(
        {"pd_12m": values, DEFAULTS: np.cumsum(bads) / bads.sum(), OTHERS: np.cumsum(goods) / goods.sum()}
    )
    return _thinned(frame, keep=int((frame[OTHERS] - frame[DEFAULTS]).abs().argmax()))


def _steps(order_by: Floats, defaulted: Bools) -> tuple[Floats, Floats, Floats]:
    """Defaults and rows at each distinct value, rising, and the values."""
    values, of = np.unique(order_by, return_inverse=True)
    bads = np.bincount(of, defaulted.astype(np.float64), len(values)).astype(np.float64)
    return bads, np.bincount(of, minlength=len(values)).astype(np.float64), values


def _thinned(frame: pd.DataFrame, keep: int | None = None) -> pd.DataFrame:
    """At most ``POINTS`` rows at even steps, the first and last among them, and row ``keep``."""
    places = np.linspace(0, len(frame) - 1, min(POINTS, len(frame))).round().astype(int)
    return frame.iloc[np.union1d(places, [] if keep is None else [keep]).astype(int)].reset_index(drop=True)


def ks_chart(curves: pd.DataFrame, title: str = "KS") -> Chart:
    """The share of defaults and of the others up to each PD; the upright line marks where they differ most.

    ``curves``: pd_12m (above 0), defaults, others (cumulative fractions), rows by rising PD.
    """
    require_columns(curves, ("pd_12m", DEFAULTS, OTHERS))
    x = alt.X("pd_12m:Q", title="PD", scale=alt.Scale(type="log", nice=False), axis=alt.Axis(format="~%", tickCount=6))
    y = alt.Y("share:Q", title="share with at most this PD", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    long = curves.melt("pd_12m", [DEFAULTS, OTHERS], "outcome", "share")
    colour = alt.Color(
        "outcome:N", title=None, scale=alt.Scale(domain=[DEFAULTS, OTHERS], range=[_WARM, _INK]), sort=None
    )
    lines = alt.Chart(long).mark_line(interpolate="step-after").encode(x=x, y=y, color=colour)
    widest = curves.loc[[(curves[OTHERS] - curves[DEFAULTS]).abs().idxmax()]]
    label = (widest[OTHERS] - widest[DEFAULTS]).abs().map("KS {:.3f}".format)
    middle = (widest[OTHERS] + widest[DEFAULTS]) / 2
    base = alt.Chart(widest.assign(label=label, middle=middle)).encode(x=x)
    rule = base.mark_rule(strokeDash=[4, 4]).encode(y=f"{DEFAULTS}:Q", y2=f"{OTHERS}:Q")
    word = base.mark_text(align="left", dx=5).encode(y="middle:Q", text="label:N")
    return alt.layer(lines, rule, word).properties(title=title, width=WIDTH, height=HEIGHT)


def importance_frame(importance: Mapping[str, float], instability: Mapping[str, float], most: int = 20) -> pd.DataFrame:
    """What ``importance_chart`` draws: feature, share of the gain, csi (NaN where not measured), band; largest first.

    Equal ones come by name; those the trees do not use are left out, so that there may be no row.
    """
    used = [item for item in importance.items() if item[1] > 0]
    ranked = sorted(used, key=lambda item: (-item[1], item[0]))[:most]
    csi = [instability.get(name, float("nan")) for name, _ in ranked]
    frame = pd.DataFrame(ranked, columns=["feature", "share"])
    return frame.assign(csi=csi, band=[_band(value) for value in csi])


def _band(csi: float) -> str:
    """The customary bands of a stability index: 0.1 watch, 0.25 act (Siddiqi)."""
    if np.isnan(csi):
        return BANDS[3]
    return BANDS[0] if csi < 0.1 else BANDS[1] if csi <= 0.25 else BANDS[2]


def importance_chart(features: pd.DataFrame, title: str = "Importance and stability") -> Chart:
    """Share of the gain as bars, coloured by the band of the CSI, which is written beside each.

    ``features``: feature, share (fraction), csi (may be missing), band (one of ``BANDS``); drawn in the order given.
    """
    require_columns(features, ("feature", "share", "band"))
    label = features["csi"].map(lambda value: "" if pd.isna(value) else f"CSI {value:.2f}")
    top = float(features["share"].max()) * 1.2  # room for the words beside the longest bar
    base = alt.Chart(features.assign(label=label)).encode(
        y=alt.Y("feature:N", title=None, sort=features["feature"].tolist(), axis=alt.Axis(labelLimit=240)),
        x=alt.X("share:Q", title="share of the gain", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, top])),
    )
    scale = alt.Scale(domain=list(BANDS), range=_BAND_COLOURS)
    legend = alt.Legend(title="CSI over the learning dates", orient="bottom")
    bars = base.mark_bar().encode(color=alt.Color("band:N", scale=scale, legend=legend))
    words = base.mark_text(align="left", dx=4, fontSize=10).encode(text="label:N")
    return alt.layer(bars, words).properties(title=title, width=WIDTH, height=max(120, 18 * len(features)))


def tier_level_chart(tiers: pd.DataFrame, title: str = "Level per tier") -> Chart:
    """Observed rate of each tier with its 95 % interval, and the mean PD as a tick; right where the tick is in the bar.

    ``tiers``: tier, mean_pd, observed, low, high (fractions); one row per tier, drawn as given on a logarithmic axis.
    """
    require_columns(tiers, ("tier", "mean_pd", "observed", "low", "high"))
    rates = tiers[["mean_pd", "observed"]].to_numpy()
    if not (rates > 0).any():
        raise ValueError("tier chart: every rate is 0: nothing to draw on a logarithmic scale")
    floor = float(rates[rates > 0].min()) / 3
    data = tiers.assign(**{name: tiers[name].clip(lower=floor) for name in ("mean_pd", "observed", "low", "high")})
    top = min(1.0, float(data[["mean_pd", "high"]].to_numpy().max()) * 1.2)
    scale = alt.Scale(type="log", domain=[floor, top], nice=False)
    y_axis = alt.Axis(format="~%", tickCount=6)
    x = alt.X("tier:N", title="tier", sort=tiers["tier"].tolist(), axis=alt.Axis(labelAngle=0))
    base = alt.Chart(data).encode(x=x)
    bars = base.mark_rule(color=_INK, opacity=0.5, strokeWidth=6).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    points = base.mark_point(filled=True, color=_INK, opacity=1, size=60).encode(
        y=alt.Y("observed:Q", scale=scale, title="rate: observed (dot, bar), predicted (tick)", axis=y_axis)
    )
    ticks = base.mark_tick(color=_WARM, thickness=3, size=28).encode(y=alt.Y("mean_pd:Q", scale=scale))
    return alt.layer(bars, points, ticks).properties(title=title, width=WIDTH, height=HEIGHT)
