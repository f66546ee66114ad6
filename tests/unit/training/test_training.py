"""Training end to end on the tiny book, and the parts of it that must not leak."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import lakes
import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from lakes import at
from sklearn.metrics import roc_auc_score
from unit.training.tiny_world import (
    AS_OF,
    CONFIG,
    CONTEXT,
    FIRST_DAY,
    bundle_as_tested,
    tiny_bundle,
    tiny_lake,
    tiny_request,
    tiny_world,
    train,
)

from tierline.errors import TierlineError
from tierline.features import FEATURES, build_features, customer_spine, feature_set_hash
from tierline.labels import LabelSpec
from tierline.models.bundle import booster_text
from tierline.training import TrainingRequest
from tierline.training.history import PanelRequest, build_panel
from tierline.training.panel import CALIBRATE, TEST, TRAIN, TUNE

LABEL = LabelSpec(dpd_threshold=30, window_months=3)


def request_of(**change: object) -> PanelRequest:
    return replace(PanelRequest(tiny_lake(), FIRST_DAY, AS_OF, "month_end", CONTEXT, LABEL), **change)


def test_the_same_training_gives_the_same_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From another copy of the lake: other paths, buckets and loads, another time zone, same rows."""
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    lake = lakes.write_lake(tmp_path, tiny_world(), buckets=3, splits=[date(2023, 9, 14)])
    again = train(tiny_request(lake), CONFIG)
    assert again.model_id == tiny_bundle().model_id
    assert again.test_rows.equals(tiny_bundle().test_rows)


def test_the_card_tells_what_was_done() -> None:
    card = tiny_bundle().card
    assert (card.trained_as_of, card.source, card.feature_set) == (AS_OF, "tiny", feature_set_hash())
    assert card.label_spec == {"dpd_threshold": 30, "window_months": 3}
    assert card.label_hash == LABEL.spec_hash
    assert sorted([*card.features, *card.dropped_features]) == sorted(feature.name for feature in FEATURES)
    assert "cash_advance_count_90d" in card.dropped_features  # nobody in the tiny book draws cash
    assert card.exclusions["already_default"] > 0
    assert card.training["max_trees"] == 30
    assert 1 <= int(str(card.training["trees"])) <= 30


def test_the_slices_leave_an_embargo_of_one_window() -> None:
    slices = tiny_bundle().card.slices
    assert (slices["test"]["first"], slices["test"]["last"]) == ("2023-12-31", "2023-12-31")
    assert (slices["calibrate"]["first"], slices["calibrate"]["last"]) == ("2023-08-31", "2023-09-30")
    assert (slices["tune"]["first"], slices["tune"]["last"]) == ("2023-07-31", "2023-07-31")
    assert (slices["train"]["first"], slices["train"]["last"]) == ("2023-03-31", "2023-06-30")
    assert (slices["later"]["first"], slices["later"]["last"]) == ("2023-10-31", "2023-11-30")
    assert LABEL.window_end(date(2023, 9, 30)) <= date(2023, 12, 31)


def test_the_figures_are_those_of_the_test_rows() -> None:
    bundle = tiny_bundle()
    rows, metrics = bundle.test_rows, bundle.card.metrics
    y, pd_12m = rows["defaulted"].to_numpy(), rows["pd_12m"].to_numpy()
    assert metrics["auc"] == pytest.approx(roc_auc_score(y, pd_12m))
    assert metrics["brier"] == pytest.approx(np.mean((pd_12m - y) ** 2))
    assert metrics["test_rows"] == rows.num_rows == bundle.card.slices["test"]["rows"]
    assert set(rows["as_of"].to_pylist()) == {date(2023, 12, 31)}


def test_the_refit_learns_from_the_newest_dates_and_leaves_the_test_as_it_was() -> None:
    kept, tested = tiny_bundle(), bundle_as_tested()
    assert kept.card.metrics == tested.card.metrics
    assert kept.card.intervals == tested.card.intervals
    assert kept.card.reliability == tested.card.reliability
    assert kept.test_rows.equals(tested.test_rows)
    assert kept.card.refit["calibrate"]["first"] == "2023-11-30"
    assert kept.card.refit["calibrate"]["last"] == kept.card.slices["test"]["last"]
    assert kept.card.refit["train"]["first"] == "2023-03-31"
    assert tested.card.refit == {}
    assert kept.booster.num_trees() == tested.booster.num_trees() == kept.card.training["trees"]
    assert booster_text(kept.booster) != booster_text(tested.booster)


def test_the_trees_are_kept_without_the_number_of_threads() -> None:
    bundle = bundle_as_tested()
    assert "num_threads: 1" in bundle.booster.model_to_string()
    text = booster_text(bundle.booster)
    assert "thread" not in text
    again = lgb.Booster(model_str=text)
    rows = np.random.default_rng(2).normal(size=(50, len(bundle.card.features)))
    assert np.array_equal(again.predict(rows), bundle.booster.predict(rows))
    assert booster_text(again) == text


def test_the_test_rows_are_scored_as_a_night_would_score_them() -> None:
    """Features built for one night of all customers, the tested model's prediction: the PD of the evaluation."""
    bundle = bundle_as_tested()
    day = date(2023, 12, 31)
    features = build_features(tiny_lake(), customer_spine(tiny_lake(), day), CONTEXT)
    night = dict(zip(features["customer_key"].to_pylist(), bundle.predict_pd(features), strict=True))
    for row in bundle.test_rows.to_pylist():
        assert row["pd_12m"] == night[row["customer_key"]]


def test_what_happens_after_the_training_night_changes_nothing(tmp_path: Path) -> None:
    world = {name: list(rows) for name, rows in tiny_world().items()}
    tomorrow = at("2024-04-01")
    world["repayments"] += [
        lakes.repayment(f"X{row['loan_id']}", row["loan_id"], 1, tomorrow, 1) for row in world["loans"][:200]
    ]
    world["transactions"] += [row | {"recorded_at": tomorrow} for row in world["transactions"][:500]]
    later = train(tiny_request(lakes.write_lake(tmp_path, world)), CONFIG)
    assert later.model_id == tiny_bundle().model_id


def test_constraints_of_the_registry_reach_the_booster() -> None:
    bundle = tiny_bundle()
    direction = {feature.name: feature.monotone for feature in FEATURES}
    row = np.tile(np.zeros(len(bundle.card.features)), (200, 1))
    checked = 0
    for index, name in enumerate(bundle.card.features):
        if direction[name]:
            matrix = row.copy()
            matrix[:, index] = np.linspace(-10, 1_000, 200)
            steps = np.diff(bundle.booster.predict(matrix, raw_score=True)) * direction[name]
            assert (steps >= -1e-12).all(), name
            checked += bool(steps.any())
    assert checked >= 3


def test_the_panel_is_sorted_and_sliced_by_date() -> None:
    panel = build_panel(request_of(), CONFIG)
    keys = list(zip(panel.keys["as_of"].to_pylist(), panel.keys["customer_key"].to_pylist(), strict=True))
    assert keys == sorted(set(keys))
    as_of = panel.keys["as_of"].to_numpy()
    assert as_of[panel.rows(TRAIN)].max() < as_of[panel.rows(TUNE)].min()
    assert as_of[panel.rows(TUNE)].max() < as_of[panel.rows(CALIBRATE)].min()
    assert as_of[panel.rows(CALIBRATE)].max() < as_of[panel.rows(TEST)].min()
    assert panel.x.shape == (len(panel.y), len(panel.features))


def test_too_few_defaults_are_told_by_slice() -> None:
    with pytest.raises(TierlineError, match=r"slice has .* defaults, fewer than min_defaults=5000"):
        build_panel(request_of(), CONFIG.model_copy(update={"min_defaults": 5_000}))


def application_world(loans: int) -> dict:
    """Loans of one payment with outcomes; the big ones go bad more often."""
    rng = np.random.default_rng(4)
    world: dict = {name: [] for name in ("customers", "loans", "instalments", "repayments", "outcomes")}
    for number in range(loans):
        key, day = lakes.key(number), date(2024, 1, 1 + number // 2 % 10)
        big = number % 2
        world["customers"].append(lakes.customer(key, date(2023, 12, 1)))
        world["loans"].append(
            lakes.loan(f"L{number}", key, day, 2_000 if big else 500, recorded_at=at(day, number % 24))
        )
        bad = bool(rng.random() < (0.6 if big else 0.1))
        world["outcomes"].append(lakes.outcome(f"L{number}", bad, date(2024, 6, 1)))
    return world


def test_applications_train_on_outcomes_given_from_outside(tmp_path: Path) -> None:
    lake = lakes.write_lake(tmp_path, application_world(400))
    request = TrainingRequest(lake, "outside", date(2024, 1, 1), date(2024, 6, 1), "application", CONTEXT)
    bundle = train(request, CONFIG)
    slices = bundle.card.slices
    assert [slices[name]["rows"] for name in ("train", "calibrate", "test")] == [168, 70, 120]
    assert slices["train"]["last"] <= slices["calibrate"]["first"] <= slices["calibrate"]["last"]
    assert slices["calibrate"]["last"] <= slices["test"]["first"]
    assert bundle.card.metrics["auc"] > 0.7
    assert "last_loan_principal" in bundle.card.features
    assert "dpd_now" in bundle.card.dropped_features


def test_without_any_labelled_row_the_error_is_one_clear_line(tmp_path: Path) -> None:
    lake = lakes.write_lake(tmp_path, application_world(20))
    with pytest.raises(TierlineError, match="the train slice has 0 defaults"):
        build_panel(request_of(lake=lake, observation="application", knowledge=date(2024, 5, 31)), CONFIG)


def test_reference_rows_are_learning_rows() -> None:
    bundle = tiny_bundle()
    rows = bundle.reference_rows
    assert rows.num_rows == sum(bundle.card.refit[name]["rows"] for name in ("train", "calibrate"))
    slices = bundle_as_tested().card.slices
    learned = sum(slices[name]["rows"] for name in ("train", "tune", "calibrate"))
    assert bundle_as_tested().reference_rows.num_rows == learned
    assert "customer_key" not in rows.column_names
    assert set(rows.column_names) - {"pd_12m"} <= set(bundle.card.features)
    assert 0 < pc.min(rows["pd_12m"]).as_py() <= pc.max(rows["pd_12m"]).as_py() < 1
    assert isinstance(rows, pa.Table)
    assert isinstance(bundle.booster, lgb.Booster)
