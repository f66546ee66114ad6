"""Features left out: those that say nothing, and those that tell dates apart."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from unit.training.panels import assemble

from tierline.errors import TierlineError
from tierline.training.panel import TEST, TRAIN, TUNE, Panel, with_enough_to_train
from tierline.training.selection import drop_constant, drop_unstable

PER_DATE = 50


def panel_with(*columns: np.ndarray) -> Panel:
    """Fifty rows on each of ten dates; eight dates are learned from, so that a third is two of them, or 100 rows."""
    rows = 10 * PER_DATE
    when = np.repeat(np.arange(10), PER_DATE)
    x = np.column_stack(columns)
    return assemble(np.arange(rows), when, x, np.arange(rows) % 2 == 0)


def shares(*ones: int) -> np.ndarray:
    """A flag that the given number of the fifty customers of each date has; the last number holds for later dates."""
    counts = [*ones, *[ones[-1]] * (10 - len(ones))]
    return np.concatenate([(np.arange(PER_DATE) < count).astype(float) for count in counts])


def by_hand(early: int, late: int) -> float:
    """PSI of a flag that ``early`` and ``late`` of 100 rows have, half a case added to each cell."""
    p, q = ((100.5 - early) / 101, (early + 0.5) / 101), ((100.5 - late) / 101, (late + 0.5) / 101)
    return sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True))


def test_a_feature_that_moves_is_left_out_with_its_csi() -> None:
    """Of the flags, 40 then 70 of 100 rows have the first; 40 then 62 the second."""
    moving, steady = shares(20, 20, 25, 30, 30, 30, 35), shares(20, 20, 25, 30, 30, 30, 31)
    panel = drop_unstable(panel_with(moving, steady), 0.25)
    assert by_hand(40, 70) > 0.25 > by_hand(40, 62)
    assert panel.features == ["gambling_share_90d"]
    assert panel.x.tolist() == steady[:, None].tolist()
    assert panel.columns.instability == {
        "dpd_now": pytest.approx(by_hand(40, 70), rel=1e-12),
        "gambling_share_90d": pytest.approx(by_hand(40, 62), rel=1e-12),
    }
    assert panel.columns.dropped == {
        "dpd_now": f"unstable: CSI {by_hand(40, 70):.2f} over the learning dates",
    }


def test_what_lasts_is_measured_but_not_left_out() -> None:
    panel = panel_with(shares(20, 20, 25, 30, 30, 30, 35), shares(20, 20, 25, 30, 30, 30, 31))
    panel = drop_unstable(replace(panel, columns=replace(panel.columns, lasting=frozenset({"dpd_now"}))), 0.25)
    assert panel.features == ["dpd_now", "gambling_share_90d"]
    assert panel.columns.dropped == {}
    assert panel.columns.instability["dpd_now"] == pytest.approx(by_hand(40, 70), rel=1e-12)


@pytest.mark.parametrize(("fewest", "spared"), [(3, True), (5, False)])
def test_a_tune_slice_that_training_cannot_spare_is_given_back(fewest: int, spared: bool) -> None:
    """Training alone holds four defaults of its eight rows, every other row of a panel being one."""
    panel = panel_with(np.arange(10.0 * PER_DATE))
    parts = np.full(len(panel.y), TEST, dtype=np.int8)
    parts[:8], parts[8:20] = TRAIN, TUNE
    found = with_enough_to_train(replace(panel, part=parts), fewest)
    assert int((found.part == TUNE).sum()) == (12 if spared else 0)
    assert int((found.part == TRAIN).sum()) == (8 if spared else 20)
    assert (found.part[20:] == TEST).all()


def test_what_chance_explains_is_no_instability() -> None:
    """Ten quantiles of 100 rows each differ by more than 0.1 in most draws."""
    rng = np.random.default_rng(2)
    panel = drop_unstable(panel_with(rng.normal(size=500), rng.normal(size=500)), 0.001)
    assert panel.columns.instability == {"dpd_now": 0.0, "gambling_share_90d": 0.0}
    assert panel.columns.dropped == {}


def test_a_feature_that_begins_to_be_delivered_is_left_out() -> None:
    late = np.where(np.arange(500) < 2 * PER_DATE, np.nan, 1.0)
    never = np.full(500, np.nan)
    panel = drop_unstable(panel_with(late, never, np.arange(500) % 7.0), 0.25)
    assert panel.columns.instability == {"dpd_now": math.inf, "gambling_share_90d": 0.0, "credit_amount_90d": 0.0}
    assert list(panel.columns.dropped) == ["dpd_now"]


def test_the_test_dates_are_not_looked_at() -> None:
    moving_later = shares(20, 20, 20, 20, 20, 20, 20, 20, 50)
    panel = panel_with(moving_later, np.arange(500) % 7.0)
    assert drop_unstable(panel, 0.25).columns.instability["dpd_now"] == 0
    constant_before = np.where(np.arange(500) < 8 * PER_DATE, 3.0, np.arange(500.0))
    dropped = drop_constant(panel_with(constant_before, moving_later))
    assert dropped.features == ["gambling_share_90d"]
    assert set(panel.part[-2 * PER_DATE :]) == {TEST}


def test_never_all_are_left_out() -> None:
    panel = panel_with(shares(10, 10, 10, 10, 10, 10, 45))
    assert drop_unstable(panel, 0.25) is panel


@pytest.mark.parametrize("why", ["no limit", "no time", "five dates"])
def test_where_nothing_can_be_measured_nothing_is_left_out(why: str) -> None:
    panel = panel_with(shares(10, 10, 10, 10, 10, 10, 45), np.arange(500) % 7.0)
    if why == "no time":
        panel = replace(panel, keys=panel.keys.set_column(1, "as_of", pa.nulls(500, pa.date32())))
    if why == "five dates":
        part = np.where(np.arange(500) < 5 * PER_DATE, TRAIN, TEST).astype(np.int8)
        panel = replace(panel, part=part)
    assert drop_unstable(panel, 0.0 if why == "no limit" else 0.25) is panel


def test_constant_and_empty_features_say_nothing_but_a_gap_does() -> None:
    gap = np.where(np.arange(500) % 9 == 0, np.nan, 2.0)
    panel = drop_constant(panel_with(np.full(500, 2.0), np.full(500, np.nan), gap))
    assert panel.features == ["credit_amount_90d"]
    assert set(panel.columns.dropped) == {"dpd_now", "gambling_share_90d"}
    assert {reason.partition(":")[0] for reason in panel.columns.dropped.values()} == {"says nothing"}
    with pytest.raises(TierlineError, match="no feature is left"):
        drop_constant(panel_with(np.full(500, 2.0)))
