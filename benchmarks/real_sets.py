"""Public data as the pipeline sees it: mapped, ingested, with the registry's features, one row per labelled loan.

Belongs here: from a mapping and its files to a table of features. Does not belong here: splits or judging.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.rivals import TARGET
from tierline.config import Settings
from tierline.features import FEATURES, FeatureContext, feature_set_hash
from tierline.home import Home
from tierline.ingest import ingest_through
from tierline.labels import LabelSpec
from tierline.lake import Lake
from tierline.models import ModelBundle
from tierline.sources.mapping import load_mapping, write_landing
from tierline.training import FrameOptions, TrainingConfig, fit
from tierline.training.history import PanelRequest, build_panel
from tierline.training.panel import TEST, Panel
from tierline.training.selection import drop_constant
from tierline.training.train import Origin, train_panel

SOURCES = Path(__file__).parents[1] / "src" / "tierline" / "sources"
QUIET_DAYS = {"transactions": [date(1998, 12, 31)]}  # berka's last transaction is of 5 December
CONFIG = TrainingConfig(min_defaults=2)
REASONS = {feature.name: feature.reason for feature in FEATURES}


@dataclass(frozen=True)
class RealTable:
    """A labelled panel in order of approval."""

    panel: Panel

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Features and ``bad``; features with one value are left out, since the scorecard's binning refuses them."""
        panel = drop_constant(self.panel)
        table = pd.DataFrame(panel.x, columns=panel.features)
        return table.assign(**{TARGET: panel.y.astype(np.int64)})

    def ours(self, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> npt.NDArray[np.float64]:
        """``fit`` with the registry's directions, as the pipeline knows them."""
        monotone = {feature.name: feature.monotone for feature in FEATURES if feature.name in train.columns}
        options = FrameOptions(monotone=monotone)
        bundle = fit(train, target=TARGET, options=options, config=CONFIG.model_copy(update={"seed": seed}))
        return np.asarray(bundle.predict_pd(test))

    def last(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rows to learn from and the last ``test_share`` by approval."""
        held = self.panel.rows(TEST)
        return self.frame[~held], self.frame[held]

    @cached_property
    def bundle(self) -> ModelBundle:
        """The nightly training of the same panel; its test rows were scored before the refit."""
        label = LabelSpec(dpd_threshold=CONFIG.dpd_threshold, window_months=CONFIG.window_months)
        origin = Origin("real", None, feature_set_hash(), label, REASONS, {}, "application")
        return train_panel(self.panel, origin, CONFIG)

    def pipeline(self, *_: object) -> npt.NDArray[np.float64]:
        """PD of the test rows as the nightly training gave them, in the panel's order."""
        rows = self.bundle.test_rows.to_pandas().set_index("loan_id")["pd_12m"]
        tested = self.panel.keys.column("loan_id").to_numpy()[self.panel.rows(TEST)]
        return np.asarray(rows.reindex(tested))


def real_table(name: str, data: Path, work: Path) -> RealTable:
    """Land, ingest and label one of the packaged mappings; a home is made once below ``work``."""
    mapping = load_mapping(SOURCES / f"{name}.yaml")
    home = Home((work / ".lakes" / name).absolute())
    settings = Settings(buckets=1, business_timezone=mapping.business_timezone or "UTC", waived_days=QUIET_DAYS)
    info = write_landing(mapping, data / name, home.landing)
    ingest_through(home, settings, info.as_of)
    request = PanelRequest(
        lake=Lake(home.lake),
        first_day=info.first_day,
        knowledge=info.as_of,
        observation=info.observation,
        context=FeatureContext(settings.business_timezone, info.vocabulary),
        label=LabelSpec(dpd_threshold=CONFIG.dpd_threshold, window_months=CONFIG.window_months),
    )
    return RealTable(build_panel(request, CONFIG))
