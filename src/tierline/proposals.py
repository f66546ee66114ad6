"""What-if, attribution, stress and frontier of a published night: read, decide again, write.

Belongs here: gathering a published night as a case, and keeping what comes out below ``<home>/whatif``. Does not belong
here: the comparison itself (``whatif``), the decisions (``decide``), anything that touches a release.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tierline.decide import Case, decide
from tierline.errors import BlockedError, ConfigurationError, TierlineError
from tierline.labels import customers_in_bad_outcome
from tierline.models import ModelBundle
from tierline.night import Night
from tierline.parquet import write_contract
from tierline.policy import Policy, load_policy
from tierline.publishing import Snapshot, open_snapshot
from tierline.release import known_of
from tierline.schemas import WHATIF
from tierline.scoring import decision_inputs, score_book
from tierline.whatif import (
    SCENARIOS,
    Book,
    Difference,
    attribute,
    book_of,
    compare,
    frontier,
)

LOGGER = logging.getLogger("tierline.whatif")
FACTORS = ("data", "model", "policy")


@dataclass(frozen=True)
class WhatIf:
    """A proposed policy on a published night; ``notes`` are for the reader."""

    before: Book
    after: Book
    difference: Difference
    policies: tuple[str, str]
    notes: tuple[str, ...]


def published_case(night: Night) -> tuple[Case, Snapshot]:
    """The published night of ``night.as_of``, ready to be decided again.

    The decision inputs are the night's own, from its work directory. Raises ``ConfigurationError`` where the night is
    not published and ``BlockedError`` where the work directory belongs to another run than the release.
    """
    snapshot = open_snapshot(night.home.published, night.as_of)
    case = Case(known_of(night), night.staged("scored"), night.staged("decision_inputs"))
    published = snapshot.read("scores").select(["customer_key", "pd_12m", "model_id"])
    if not published.equals(case.scored.select(published.column_names).cast(published.schema)):
        raise BlockedError(
            f"night of {night.as_of}: its work directory is of another run than the release {snapshot.name}: run the"
            " night again"
        )
    return case, snapshot


def run_whatif(night: Night, proposed: str, *, drafts: bool = False) -> WhatIf:
    """Decide a published night again under ``proposed`` (a packaged profile's name or a YAML file).

    ``drafts`` lets draft entries of the proposal stand in for what is in force.
    """
    case, snapshot = published_case(night)
    current = load_policy(night.policy_name, night.effective_on)
    policy = load_policy(proposed, night.effective_on, drafts=drafts)
    before, notes = _as_published(case, current, snapshot)
    after = book_of(case, decide(case, policy), policy)
    LOGGER.info("what-if: %s against %s on the night of %s", policy.policy_id, current.policy_id, night.as_of)
    return WhatIf(before, after, compare(before, after), (current.policy_id, policy.policy_id), notes)


def _as_published(case: Case, policy: Policy, snapshot: Snapshot) -> tuple[Book, tuple[str, ...]]:
    """The night decided again under its own policy, and a note where that is not what was published."""
    decisions = decide(case, policy)
    made = sorted(decisions.tables.items())
    differing = [name for name, table in made if name in snapshot.tables and table != snapshot.read(name)]
    note = (
        f"{', '.join(differing)} of {snapshot.name} were decided by other code or another policy: both sides are"
        " decided anew"
    )
    return book_of(case, decisions, policy), (note,) if differing else ()


def run_attribution(later: Night, earlier: Night) -> pd.DataFrame:
    """What of the change between two published nights is due to data, model and policy; ``WHATIF_ATTRIBUTION``.

    Each night's data are its features, customers, partners and previous release; every mixture is scored and decided.
    """
    nights = {False: earlier, True: later}
    bundles = {key: night.registry.load_champion(night.as_of) for key, night in nights.items()}
    policies = {key: load_policy(night.policy_name, night.effective_on) for key, night in nights.items()}
    cases: dict[tuple[bool, bool], Case] = {}

    def figures(new: frozenset[str]) -> Mapping[str, float]:
        data, model = "data" in new, "model" in new
        if (data, model) not in cases:
            cases[data, model] = _scored_by(nights[data], bundles[model])
        policy = policies["policy" in new]
        case = cases[data, model]
        LOGGER.info("attribution: %s new", ", ".join(sorted(new)) or "nothing")
        return book_of(case, decide(case, policy), policy).totals()

    parts = attribute(FACTORS, figures)
    ends = {"before": figures(frozenset()), "after": figures(frozenset(FACTORS))}
    rows = [
        (metric, factor, part, ends["before"][metric], ends["after"][metric])
        for metric, of in sorted(parts.items())
        for factor, part in of.items()
    ]
    return pd.DataFrame(rows, columns=["metric", "factor", "part", "before", "after"])


def _scored_by(night: Night, bundle: ModelBundle) -> Case:
    bad = customers_in_bad_outcome(night.lake, night.as_of)
    scored = score_book(bundle, night.feature_parts(), bad, night.as_of)
    return Case(known_of(night), scored, decision_inputs(night.lake, scored, night.features(), night.as_of))


def run_stress(night: Night) -> pd.DataFrame:
    """Every scenario on a published night; the table ``stress``. A scenario without a feasible plan says why."""
    case, _ = published_case(night)
    policy = load_policy(night.policy_name, night.effective_on)
    before = book_of(case, decide(case, policy), policy)
    rows: list[tuple[str, str, float, float | None, float | None, str]] = []
    for scenario in SCENARIOS:
        stressed, under = scenario.shock(case, policy, before)
        note, after = scenario.text, None
        try:
            after = book_of(stressed, decide(stressed, under), under).totals()
        except TierlineError as error:
            note = f"{scenario.text}: {error}"
        LOGGER.info("stress: %s%s", scenario.name, "" if after else ": no plan keeps every rule")
        for metric, value in before.totals().items():
            then = None if after is None else after[metric]
            rows.append((scenario.name, metric, value, then, None if then is None else then - value, note))
    return pd.DataFrame(rows, columns=["scenario", "metric", "before", "after", "change", "note"])


def run_frontier(night: Night, steps: int = 9) -> pd.DataFrame:
    """The efficient frontier of a published night; the table ``frontier``."""
    case, _ = published_case(night)
    return frontier(case, load_policy(night.policy_name, night.effective_on), steps)


def keep(night: Night, label: str, frames: Mapping[str, pd.DataFrame]) -> Path:
    """Write tables of a what-if as Parquet, by the contracts of ``schemas.whatif``; returns their directory."""
    if not label or "/" in label:
        raise ConfigurationError(f"{label!r}: give a name without a slash")
    directory = night.home.root / "whatif" / f"as_of={night.as_of.isoformat()}" / label
    for name, frame in sorted(frames.items()):
        contract = WHATIF[name]
        table = pa.Table.from_pandas(frame[list(contract.column_names)], preserve_index=False)
        write_contract(directory / f"{name}.parquet", table, contract)
    return directory
