"""The challengers of a home: scored beside the champion, compared with it, and put in its place.

Belongs here: what shadow scoring, the comparison and a change of champion need of a night and of what is published.
Does not belong here: scores (``scoring``), figures (``comparison``), who may decide (``models``).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from lightgbm.basic import LightGBMError

from tierline.comparison import (
    BookComparison,
    BookSide,
    OutcomeComparison,
    common_rows,
    compare_books,
    compare_outcomes,
)
from tierline.errors import BlockedError, ConfigurationError, TierlineError
from tierline.features import feature_set_hash
from tierline.home import Home
from tierline.labels import customers_in_bad_outcome
from tierline.models import ModelBundle, Registry
from tierline.monitoring import load_thresholds
from tierline.night import Night
from tierline.parquet import read_arrow, write_arrow, write_contract
from tierline.policy import Policy, load_policy
from tierline.policy.model import DEFAULT_TIER
from tierline.publishing import open_snapshot, previous_snapshot
from tierline.schemas import SHADOW_SCORES
from tierline.scoring import shadow_scores
from tierline.tiers import assign_tiers, tiers_of

LOGGER = logging.getLogger("tierline.challengers")
SEED = 7
# What a bundle may do that is damaged, was written by other code, or cannot be written: the night must go on.
_CHALLENGER_FAULTS = (TierlineError, LightGBMError, pa.ArrowException, OSError, ValueError, KeyError)


@dataclass(frozen=True)
class ShadowReport:
    """``rows`` scored by challenger, and why the others were not."""

    rows: dict[str, int]
    left_out: dict[str, str]


@dataclass(frozen=True)
class Comparison:
    """Champion and challenger of one night; ``outcomes`` is None where no outcome can be compared, as a note says."""

    as_of: date
    champion: str
    challenger: str
    book: BookComparison
    outcomes: OutcomeComparison | None
    notes: tuple[str, ...]


def shadow_path(night: Night, model_id: str) -> Path:
    """Where a challenger's scores of a night stand: one file each, so that memory holds one at a time."""
    return night.home.work(night.as_of) / SHADOW_SCORES.name / f"{model_id}.parquet"


def score_challengers(night: Night) -> ShadowReport:
    """Stage the scores of every challenger that can score the night; a fault costs that challenger a warning only."""
    report = ShadowReport({}, {})
    for stale in sorted(shadow_path(night, "any").parent.glob("*.parquet")):
        stale.unlink()
    challengers = night.registry.challengers(night.as_of)
    if not challengers:
        return report
    features, bad = night.features(), customers_in_bad_outcome(night.lake, night.as_of)
    for entry in challengers:
        try:
            report.rows[entry.model_id] = _score_challenger(night, entry.model_id, features, bad)
        except _CHALLENGER_FAULTS as error:
            line = " ".join(str(error).split())
            report.left_out[entry.model_id] = line
            LOGGER.warning("shadow: %s was not scored, the champion is untouched: %s", entry.model_id, line)
    return report


def _score_challenger(night: Night, model_id: str, features: pa.Table, bad: list[str]) -> int:
    bundle = night.registry.load(model_id, night.as_of)
    _require_feature_set(bundle)
    scored = shadow_scores(bundle, features, bad, night.as_of)
    scale = load_policy(night.policy_name, night.effective_on).scale
    before = previous_snapshot(night.home, night.as_of)  # as the champion: its tiers are kept within the hysteresis
    tiers = tiers_of(scored, scale, before.read("scores") if before else None)
    table = scored.append_column("tier", pa.array(tiers.tolist(), pa.string()))
    write_contract(shadow_path(night, model_id), table, SHADOW_SCORES)
    return int(table.num_rows)


def compare_with_champion(night: Night, model_id: str = "") -> Comparison:
    """Compare a challenger (by default the newest) with the champion of the night, on its book and on outcomes.

    Scores the challenger first if the night did not. Writes the tables to ``work/…/comparison/<model id>/``. Raises
    ``TierlineError`` where the night's tables or the challenger are missing.
    """
    champion = night.registry.load_champion(night.as_of)
    challenger = night.registry.load(model_id or newest_challenger(night), night.as_of)
    if challenger.model_id == champion.model_id:
        raise ConfigurationError(f"{champion.model_id}: it is the champion of {night.as_of}: name a challenger")
    if not shadow_path(night, challenger.model_id).exists():
        _score_challenger(
            night, challenger.model_id, night.features(), customers_in_bad_outcome(night.lake, night.as_of)
        )
    policy = load_policy(night.policy_name, night.effective_on)
    outcomes, notes = _outcomes(champion, challenger, policy)
    comparison = Comparison(
        night.as_of, champion.model_id, challenger.model_id, _books(night, challenger, policy), outcomes, notes
    )
    _stage(night, comparison)
    return comparison


def newest_challenger(night: Night) -> str:
    """The challenger trained last by the night; of one day, the one registered last."""
    known = {entry.model_id for entry in night.registry.challengers(night.as_of)}
    entries = [entry for entry in night.registry.entries() if entry.model_id in known]
    if not entries:
        raise ConfigurationError(f"comparison: no challenger by {night.as_of}: train one with `tierline train`")
    return max(reversed(entries), key=lambda entry: entry.trained_as_of).model_id


def _books(night: Night, challenger: ModelBundle, policy: Policy) -> BookComparison:
    scored = night.staged("scores").select(["customer_key", "tier", "pd_12m", "model_id"])
    champion = scored.column("model_id")[0].as_py()
    if champion != night.registry.load_champion(night.as_of).model_id:
        raise BlockedError(f"scores of {night.as_of}: made by {champion}, not by its champion: run the night again")
    frame = scored.to_pandas()
    prices = night.staged("pricing")
    accepted = pc.unique(prices.filter(prices.column("offered")).column("tier")).to_pylist()
    return compare_books(
        BookSide(champion, frame.assign(in_default=frame["tier"] == DEFAULT_TIER)),
        BookSide(challenger.model_id, read_arrow(shadow_path(night, challenger.model_id)).to_pandas()),
        [*policy.scale.tiers, DEFAULT_TIER],
        accepted,
        load_thresholds().drift.bins,
    )


def _outcomes(
    champion: ModelBundle, challenger: ModelBundle, policy: Policy
) -> tuple[OutcomeComparison | None, tuple[str, ...]]:
    if champion.card.label_hash != challenger.card.label_hash:
        return None, ("the two learned different labels: their outcomes cannot be compared",)
    newer = challenger.trained_on >= champion.trained_on
    judged = common_rows(champion.test_rows, challenger.test_rows, challenger_is_newer=newer)
    if judged.rows.empty:
        return None, ("the two were tested on different dates or customers: no outcome is common to both",)
    notes = []
    if judged.disagreeing:
        notes.append(f"{judged.disagreeing} common rows had another outcome when the older one was trained")
    rows = judged.rows
    if rows["defaulted"].all() or not rows["defaulted"].any():
        return None, (*notes, f"the {len(rows)} common rows hold outcomes of one kind only")
    none_in_default = pd.Series(False, index=rows.index).to_numpy()
    tier_of = {
        side: assign_tiers(rows[f"{side}_pd"].to_numpy(), none_in_default, policy.scale).tolist()
        for side in ("champion", "challenger")
    }
    return compare_outcomes(judged, tier_of, policy.scale.tiers, SEED), tuple(notes)


def _stage(night: Night, comparison: Comparison) -> None:
    directory = comparison_directory(night, comparison.challenger)
    tables = {"migration": comparison.book.migration, "changes": comparison.book.changes}
    tables["movers"] = comparison.book.movers
    if comparison.outcomes is not None:
        tables |= {"figures": comparison.outcomes.figures, "calibration": comparison.outcomes.calibration}
    for name in ("figures", "calibration"):
        (directory / f"{name}.parquet").unlink(missing_ok=True)
    for name, frame in tables.items():
        write_arrow(directory / f"{name}.parquet", pa.Table.from_pandas(frame, preserve_index=False))


def comparison_directory(night: Night, challenger: str) -> Path:
    """Where the tables of a comparison stand."""
    return night.home.work(night.as_of) / "comparison" / challenger


def decision_day(home: Home, given: date | None) -> date:
    """The business day a change of champion is decided on: that of the live release, or a given one not before it.

    Raises ``BlockedError`` for a day before the live release, whose champion is history, and ``ConfigurationError``
    where nothing is published and no day is given.
    """
    if given is not None and not home.published.exists():
        return given
    live = open_snapshot(home.published).as_of
    if given is not None and given < live:
        raise BlockedError(f"--on {given}: the night of {live} is published with its champion: give {live} or later")
    return given or live


def require_scorable(registry: Registry, model_id: str, on: date) -> None:
    """Raise ``BlockedError`` for a model that learned from other features than the nights to come have."""
    if any(entry.model_id == model_id for entry in registry.entries()):
        _require_feature_set(registry.load(model_id, on))


def _require_feature_set(bundle: ModelBundle) -> None:
    if bundle.card.feature_set != feature_set_hash():
        raise BlockedError(f"{bundle.model_id}: it learned from other features than the nights have now: train again")


def frame_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a comparison table as plain values, NaN as None; for metadata and printing."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict(orient="records")
    ]
