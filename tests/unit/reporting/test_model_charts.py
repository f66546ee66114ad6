"""Curves of one model against scikit-learn's and plain counting; every chart is a picture with its words."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_curve
from unit.reporting.test_charts import SVG, pixels

from tierline.reporting import to_png, to_svg
from tierline.reporting.charts import Chart
from tierline.reporting.model_charts import (
    POINTS,
    gains_frame,
    importance_chart,
    importance_frame,
    ks_chart,
    ks_frame,
    tier_level_chart,
)

TIERS = pd.DataFrame(
    {
        "tier": ["A", "B"],
        "mean_pd": [0.01, 0.05],
        "observed": [0.0, 0.06],
        "low": [0.00001, 0.04],
        "high": [0.02, 0.09],
    }
)


def sample(rows: int, ties: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(rows)
    p = rng.beta(1, 9, rows)
    return (np.round(p, ties) if ties else p), rng.random(rows) < p


def words(chart: Chart) -> list[str]:
    return [text for node in ET.fromstring(to_svg(chart)).iter(f"{SVG}text") if (text := node.text)]


def test_gains_of_four_customers_by_hand() -> None:
    # worst first: 0.9 defaulted, the two of 0.5 are one step with one default, 0.1 did not
    frame = gains_frame(np.array([0.1, 0.5, 0.9, 0.5]), np.array([False, True, True, False]))
    assert frame["population"].tolist() == [0, 0.25, 0.75, 1]
    assert frame["caught"].tolist() == [0, 0.5, 1, 1]
    with pytest.raises(ValueError, match="no row defaulted"):
        gains_frame(np.array([0.1]), np.array([False]))


@pytest.mark.parametrize(("rows", "ties"), [(50, 0), (3_000, 0), (3_000, 2)])
def test_the_widest_gap_is_that_of_the_roc_and_never_thinned_away(rows: int, ties: int) -> None:
    p, y = sample(rows, ties)
    frame = ks_frame(p, y)
    false, true, _ = roc_curve(y, p)
    assert (frame["others"] - frame["defaults"]).max() == pytest.approx((true - false).max(), abs=1e-12)
    assert len(frame) <= POINTS + 1
    for _, row in frame.iterrows():
        assert row["defaults"] == pytest.approx((p[y] <= row["pd_12m"]).mean())
        assert row["others"] == pytest.approx((p[~y] <= row["pd_12m"]).mean())
    assert frame["pd_12m"].is_monotonic_increasing
    assert frame.iloc[-1][["defaults", "others"]].tolist() == [1, 1]
    assert f"KS {(true - false).max():.3f}" in words(ks_chart(frame))


@pytest.mark.parametrize("outcome", [True, False])
def test_outcomes_of_one_kind_have_no_ks(outcome: bool) -> None:
    with pytest.raises(ValueError, match="one kind"):
        ks_frame(np.array([0.1, 0.2]), np.array([outcome, outcome]))


def test_importance_is_ranked_with_the_band_of_its_csi() -> None:
    shares = {"b": 0.3, "a": 0.3, "c": 0.4, "d": 0.0}
    frame = importance_frame(shares, {"a": 0.05, "b": 0.1, "c": 0.3}, most=3)
    assert frame["feature"].tolist() == ["c", "a", "b"]
    assert frame["band"].tolist() == ["above 0.25", "below 0.1", "0.1 to 0.25"]
    assert importance_frame(shares, {})["band"].unique().tolist() == ["not measured"]
    found = words(importance_chart(frame))
    assert {"CSI 0.30", "CSI 0.05", "CSI 0.10"} <= set(found)
    assert [word for word in found if word in shares] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("draw", "frame"),
    [
        (ks_chart, ks_frame(*sample(300))),
        (importance_chart, importance_frame({"a": 0.7, "b": 0.3}, {"a": 0.2})),
        (tier_level_chart, TIERS),
    ],
)
def test_every_chart_is_a_picture_and_refuses_nothing_to_draw(draw: object, frame: pd.DataFrame) -> None:
    assert callable(draw)
    width, height, values = pixels(to_png(draw(frame)))
    assert width > 500
    assert height > 200
    assert values > 20
    assert "Of one's own" in words(draw(frame, title="Of one's own"))
    assert to_svg(draw(frame)) == to_svg(draw(frame))
    with pytest.raises(ValueError, match="no rows"):
        draw(frame.iloc[:0])
    with pytest.raises(ValueError, match=f"lacks {frame.columns[0]}"):
        draw(frame.drop(columns=frame.columns[0]))


def test_tiers_without_any_rate_are_not_drawn() -> None:
    with pytest.raises(ValueError, match="every rate is 0"):
        tier_level_chart(TIERS.assign(mean_pd=0.0, observed=0.0))
