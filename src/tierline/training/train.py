"""One training run: from a panel to a bundle.

Belongs here: the order of the steps (select, choose, calibrate, test, refit) and the card. Does not belong here: any
step's arithmetic, or where the panel comes from (``history``, ``frame``).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tierline.calibration import Calibration, CalibratorChoice, choose_calibrator, exact_tendency, reliability
from tierline.features import FEATURES, FeatureContext, feature_set_hash
from tierline.labels import LabelSpec
from tierline.lake import Lake
from tierline.models import BundleCard, ModelBundle
from tierline.shapley import UNIT, reason_model
from tierline.training.booster import Shape, choose_shape, fit_rows, held_out_margins
from tierline.training.config import TrainingConfig
from tierline.training.evaluation import Judged, evaluate, logistic_floor, reliability_rows
from tierline.training.history import PanelRequest, build_panel, newest_rows
from tierline.training.panel import TEST, Panel
from tierline.training.search import search
from tierline.training.selection import drop_constant, drop_unstable
from tierline.version import code_version

LOGGER = logging.getLogger("tierline.training")
REFERENCE_FEATURES = 10
MEAN_ROWS = 50_000
SAME_SHAPE = "same features, shape and trees; newest mature rows learn, the last of them calibrate"
NEW_SHAPE = "same features; shape and trees chosen again by the same rule (tested: {}); all rows learn and calibrate"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrainingRequest:
    """The data of one run: which lake, from which first day, as known at the end of ``as_of``.

    ``tier_bounds``: upper PD bound of each tier, ascending, for the reliability table.
    """

    lake: Lake
    source: str
    first_day: date
    as_of: date
    observation: str
    context: FeatureContext
    tier_bounds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Origin:
    """What the card says of where a panel came from."""

    source: str
    trained_as_of: date | None
    feature_set: str
    label: LabelSpec
    reasons: Mapping[str, str]
    tier_bounds: Mapping[str, float]
    observation: str = "frame"


@dataclass(frozen=True)
class Learned:
    """A booster with its calibration, from one assignment of rows to slices."""

    booster: lgb.Booster
    calibration: Calibration
    choice: CalibratorChoice
    panel: Panel
    shape: Shape

    def predict(self, x: Floats) -> Floats:
        """Calibrated PD of rows of the panel's matrix."""
        return self.calibration.predict(np.asarray(self.booster.predict(x, raw_score=True)))


def train_bundle(request: TrainingRequest, config: TrainingConfig) -> ModelBundle:
    """Train, calibrate, judge and refit a model; the same request and configuration give the same bundle."""
    label = LabelSpec(dpd_threshold=config.dpd_threshold, window_months=config.window_months)
    wanted = PanelRequest(request.lake, request.first_day, request.as_of, request.observation, request.context, label)
    origin = Origin(
        source=request.source,
        trained_as_of=request.as_of,
        feature_set=feature_set_hash(),
        label=label,
        reasons={feature.name: feature.reason for feature in FEATURES},
        tier_bounds=request.tier_bounds,
        observation=request.observation,
    )
    return train_panel(build_panel(wanted, config), origin, config)


def train_panel(panel: Panel, origin: Origin, config: TrainingConfig) -> ModelBundle:
    """The model of a panel, judged on its test rows."""
    data = data_hash(panel)
    panel = drop_unstable(drop_constant(panel), config.stability_limit)
    LOGGER.info("training: %d features, %d left out", len(panel.features), len(panel.columns.dropped))
    shape = search(panel, config, choose_shape(panel, config))
    tested = learn(panel, config, shape)
    test = panel.rows(TEST)
    pd_12m = tested.predict(panel.x[test])
    judged = evaluate(panel, pd_12m, config.seed)
    LOGGER.info("training: %d leaves, %d trees, AUC %.3f", shape.num_leaves, shape.trees, judged.metrics["auc"])
    floor = logistic_floor(panel, config.seed)
    judged = Judged(judged.metrics | floor.metrics, judged.intervals | floor.intervals)
    kept = _refit(panel, origin, config, shape) if config.refit else tested
    card = _card(_Run(panel, origin, config, shape, data), kept, judged, pd_12m)
    return ModelBundle(kept.booster, card, _test_rows(panel, pd_12m), _reference(kept))


def learn(panel: Panel, config: TrainingConfig, shape: Shape) -> Learned:
    """Calibrate on margins of customers held out, then fit the booster on all learning rows."""
    rows, margin, fold = held_out_margins(panel, config, shape)
    customer = np.unique(panel.customers[rows].astype(str), return_inverse=True)[1]
    choice = choose_calibrator(margin, panel.y[rows], fold, customer=customer)
    calibration = Calibration(calibrator=choice.calibrator)
    if config.long_run_rate is not None:
        tendency = exact_tendency(calibration.predict(margin), config.long_run_rate, float(panel.y[rows].mean()))
        calibration = Calibration(calibrator=choice.calibrator, central_tendency=tendency)
    booster = fit_rows(panel, config, shape, np.flatnonzero(panel.learning))
    return Learned(booster, calibration, choice, panel, shape)


def _refit(panel: Panel, origin: Origin, config: TrainingConfig, shape: Shape) -> Learned:
    """Learn again from the newest mature rows, the test's among them.

    The shape is the tested one, unless rows have no time: then it is chosen again, by the same rule, on all of them. A
    shape chosen on later rows has no such rows left to be chosen by.
    """
    again = replace(panel, part=newest_rows(panel, origin.observation, config))
    LOGGER.info("training: refit on %d rows", int(again.learning.sum()))
    if origin.observation == "frame" and not config.search_minutes:
        shape = choose_shape(again, config)
    return learn(again, config, shape)


@dataclass(frozen=True)
class _Run:
    panel: Panel
    origin: Origin
    config: TrainingConfig
    shape: Shape
    data: str


def _card(run: _Run, kept: Learned, judged: Judged, pd_12m: Floats) -> BundleCard:
    panel, origin, config = run.panel, run.origin, run.config
    fit = reliability(pd_12m, panel.y[panel.rows(TEST)])
    gain = kept.booster.feature_importance("gain")
    total = float(gain.sum()) or 1.0
    reasons = {name: origin.reasons.get(name, name) for name in panel.features}
    return BundleCard(
        trained_as_of=origin.trained_as_of,
        source=origin.source,
        features=panel.features,
        categories=dict(panel.columns.categories),
        monotone={name: panel.columns.monotone.get(name, 0) for name in panel.features},
        reasons=reasons,
        dropped_features=dict(panel.columns.dropped),
        instability={name: min(value, 1e6) for name, value in sorted(panel.columns.instability.items())},
        importance={name: float(part) / total for name, part in zip(panel.features, gain, strict=True)},
        mean_contributions=_mean_contributions(kept, reasons),
        feature_set=origin.feature_set,
        label_spec=origin.label.model_dump(),
        label_hash=origin.label.spec_hash,
        data_hash=run.data,
        calibration=kept.calibration,
        calibrator_choice=kept.choice,
        training={**config.model_dump(), **_shape(kept.shape)},
        slices=panel.describe(),
        exclusions={
            "already_default": panel.counts.already_default,
            "no_loan": panel.counts.no_loan,
            "immature": panel.counts.immature,
        },
        metrics=judged.metrics,
        intervals=judged.intervals,
        reliability_bins=[(b.rows, b.predicted, b.observed) for b in fit.bins],
        reliability=reliability_rows(panel, pd_12m, origin.tier_bounds),
        refit=_refit_facts(kept, run.shape) if config.refit else {},
        code_version=code_version(),
    )


def _mean_contributions(kept: Learned, reasons: Mapping[str, str]) -> dict[str, float]:
    """Mean contribution by reason code of the newest rows learned from: what one row alone is compared with."""
    model = reason_model(kept.booster, kept.panel.features, reasons)
    newest = np.flatnonzero(kept.panel.learning)[-MEAN_ROWS:]
    units = model.contributions(kept.panel.x[newest]).sum(axis=0)
    return {code: float(total) / len(newest) * UNIT for code, total in zip(model.codes, units, strict=True)}


def _shape(shape: Shape) -> dict[str, object]:
    return {
        "num_leaves": shape.num_leaves,
        "trees": shape.trees,
        "random_thresholds": shape.random_thresholds,
        "log_loss_by_leaves": dict(shape.tried),
        "found_by_search": dict(shape.found),
    }


def _refit_facts(kept: Learned, tested: Shape) -> dict[str, object]:
    described = kept.panel.describe()
    learned: dict[str, object] = {name: described[name] for name in ("train", "calibrate") if name in described}
    tried = f"{tested.trees} trees of {tested.name} leaves"
    return {"rule": SAME_SHAPE if kept.shape is tested else NEW_SHAPE.format(tried), **learned}


def _test_rows(panel: Panel, pd_12m: Floats) -> pa.Table:
    test = pa.array(panel.rows(TEST))
    rows = panel.keys.filter(test).append_column("defaulted", pa.array(panel.y[panel.rows(TEST)]))
    rows = rows.append_column("pd_12m", pa.array(pd_12m))
    last = [name for name in rows.column_names if name not in ("customer_key", "as_of", "defaulted", "pd_12m")]
    order = [("as_of", "ascending"), ("customer_key", "ascending")]
    return rows.select(["customer_key", "as_of", "defaulted", "pd_12m", *last]).sort_by(order)


def _reference(kept: Learned) -> pa.Table:
    """PD and the features of most gain on the rows learned from, in panel order."""
    panel, learning = kept.panel, kept.panel.learning
    gain = kept.booster.feature_importance("gain")
    most = np.argsort(-gain, kind="stable")[:REFERENCE_FEATURES]
    columns = {panel.features[index]: pa.array(panel.x[learning, index], from_pandas=True) for index in sorted(most)}
    return pa.table({"pd_12m": pa.array(kept.predict(panel.x[learning])), **columns})


def data_hash(panel: Panel) -> str:
    """First 12 digits of the SHA-256 over the rows: keys, slices, outcomes and every feature value."""
    digest = hashlib.sha256("\n".join(panel.features).encode())
    digest.update("\n".join(map(str, panel.customers.tolist())).encode())
    for values in (panel.part, panel.y, panel.x):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:12]
