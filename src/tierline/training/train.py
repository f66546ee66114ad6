"""One training run: panel, booster, calibration, test, bundle.

Belongs here: the order of the steps and the card. Does not belong here: any step's arithmetic.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from tierline.calibration import Calibration, fit_platt, reliability
from tierline.features import FeatureContext, feature_set_hash
from tierline.labels import LabelSpec
from tierline.lake import Lake
from tierline.models import BundleCard, ModelBundle
from tierline.training.booster import Fitted, fit_booster
from tierline.training.config import TrainingConfig
from tierline.training.evaluation import evaluate, logistic_floor
from tierline.training.panel import CALIBRATE, TEST, TRAIN, Panel, PanelRequest, build_panel
from tierline.version import code_version

LOGGER = logging.getLogger("tierline.training")
REFERENCE_FEATURES = 10


@dataclass(frozen=True)
class TrainingRequest:
    """The data of one run: which lake, from which first day, as known at the end of ``as_of``."""

    lake: Lake
    source: str
    first_day: date
    as_of: date
    observation: str
    context: FeatureContext


def train_bundle(request: TrainingRequest, config: TrainingConfig) -> ModelBundle:
    """Train, calibrate and judge a model; the same request and configuration give the same bundle."""
    label = LabelSpec(dpd_threshold=config.dpd_threshold, window_months=config.window_months)
    panel = build_panel(
        PanelRequest(request.lake, request.first_day, request.as_of, request.observation, request.context, label),
        config,
    )
    LOGGER.info("training: %d features (%d left out as constant)", len(panel.features), len(panel.dropped))
    fitted = fit_booster(panel, config)
    calibration = Calibration(calibrator=fit_platt(fitted.forward_margin, panel.y[panel.rows(CALIBRATE)]))
    pd_12m = calibration.predict(np.asarray(fitted.booster.predict(panel.x, raw_score=True)))
    test = panel.rows(TEST)
    metrics = evaluate(panel, pd_12m[test], config.seed) | logistic_floor(panel, config.seed)
    LOGGER.info("training: %d trees, out-of-time AUC %.3f", fitted.trees, metrics["auc"])
    card = _card(request, config, label, panel, _Result(fitted, calibration, pd_12m, metrics))
    rows = panel.keys.filter(pa.array(test)).select(["customer_key", "as_of"])
    rows = rows.append_column("defaulted", pa.array(panel.y[test])).append_column("pd_12m", pa.array(pd_12m[test]))
    rows = rows.sort_by([("as_of", "ascending"), ("customer_key", "ascending")])
    return ModelBundle(fitted.booster, card, rows, _reference(panel, fitted, pd_12m))


def _reference(panel: Panel, fitted: Fitted, pd_12m: np.ndarray) -> pa.Table:
    """PD and the features of most gain on the learning rows, in panel order."""
    learning = panel.rows(TRAIN, CALIBRATE)
    gain = fitted.booster.feature_importance("gain")
    most = np.argsort(-gain, kind="stable")[:REFERENCE_FEATURES]
    columns = {panel.features[index]: pa.array(panel.x[learning, index], from_pandas=True) for index in sorted(most)}
    return pa.table({"pd_12m": pa.array(pd_12m[learning]), **columns})


@dataclass(frozen=True)
class _Result:
    fitted: Fitted
    calibration: Calibration
    pd_12m: np.ndarray
    metrics: dict[str, float]


def _card(
    request: TrainingRequest, config: TrainingConfig, label: LabelSpec, panel: Panel, result: _Result
) -> BundleCard:
    test = panel.rows(TEST)
    fit = reliability(result.pd_12m[test], panel.y[test])
    return BundleCard(
        trained_as_of=request.as_of,
        source=request.source,
        features=panel.features,
        dropped_features=panel.dropped,
        feature_set=feature_set_hash(),
        label_spec=label.model_dump(),
        label_hash=label.spec_hash,
        calibration=result.calibration,
        training={**config.model_dump(), "trees": result.fitted.trees},
        slices=panel.describe(),
        exclusions={
            "already_default": panel.counts.already_default,
            "no_loan": panel.counts.no_loan,
            "immature": panel.counts.immature,
        },
        metrics=result.metrics,
        reliability_bins=[(b.rows, b.predicted, b.observed) for b in fit.bins],
        code_version=code_version(),
    )
