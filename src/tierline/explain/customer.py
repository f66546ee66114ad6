"""Why one customer of a release stands where they stand, and the smallest change that would move them up a tier.

Belongs here: gathering the decision, its reasons and the change, and verifying the change with the model itself. Does
not belong here: printing (``cli_explain``).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tierline.errors import ConfigurationError, IntegrityError, TierlineError
from tierline.explain.book import Beside, Contribution, beside_book
from tierline.explain.changeable import Changeable, load_changeable
from tierline.explain.options import Option, all_options, position, sorted_book
from tierline.explain.search import Found, smallest_change
from tierline.models import ModelBundle
from tierline.night import Night
from tierline.policy import Policy, ScalePolicy, load_policy
from tierline.policy.model import DEFAULT_TIER
from tierline.publishing import Snapshot
from tierline.tiers import assign_tiers

Floats = npt.NDArray[np.float64]
SAME = 1e-9  # two computations of one PD


@dataclass(frozen=True)
class Standing:
    """What was published of the customer."""

    customer_key: str
    model_id: str
    pd_12m: float
    score: float
    tier: str
    reasons: tuple[str, ...]
    credit_limit: Decimal
    previous_limit: Decimal | None
    action: str
    action_reason: str
    binding_constraint: str


@dataclass(frozen=True)
class Move:
    """One feature of a change; positions are the shares of the book at least as good as the value."""

    feature: str
    before: float
    after: float
    position_before: float
    position_after: float


@dataclass(frozen=True)
class Step:
    """One behaviour of a change, with every feature it moves."""

    behaviour: str
    en: str
    zh: str
    with_time: bool
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class Change:
    """A search's answer. ``steps`` is empty where no realistic change was found; ``pd_12m`` and ``tier`` are then what
    they are now. ``lowest_pd``: the lowest PD of all changes tried."""

    better_tier: str
    needed_pd: float
    steps: tuple[Step, ...]
    pd_12m: float
    tier: str
    lowest_pd: float


@dataclass(frozen=True)
class Explanation:
    """Everything ``tierline explain`` says; ``change`` is None where there is no better tier to be reached by one."""

    standing: Standing
    contributions: tuple[Contribution, ...]
    change: Change | None


def explain_customer(night: Night, snapshot: Snapshot, customer_key: str) -> Explanation:
    """Explain one customer of a release, with the model, the policy and the features of its night.

    Raises ``ConfigurationError`` for a key the release does not have, ``TierlineError`` where features or policy are no
    longer those of the release.
    """
    standing = published_standing(snapshot, customer_key)
    policy = _policy_of(night, snapshot)
    bundle = night.registry.load(standing.model_id, snapshot.as_of)
    beside = beside_book(bundle, night.feature_parts(), customer_key)
    if standing.tier == DEFAULT_TIER:  # that decides, not the model
        return Explanation(standing, beside.contributions, None)
    if abs(float(bundle.predict_pd(beside.row)[0]) - standing.pd_12m) > SAME:
        raise TierlineError(f"{customer_key}: the features that stand are not those of {snapshot.name}: run it again")
    change = change_of_tier(bundle, beside, policy.scale, load_changeable(), standing.tier)
    return Explanation(standing, beside.contributions, change)


def published_standing(snapshot: Snapshot, customer_key: str) -> Standing:
    """The customer's rows of ``scores`` and ``credit_limits``."""
    scores, limits = (_row(snapshot, name, customer_key) for name in ("scores", "credit_limits"))
    same = ("model_id", "pd_12m", "score", "tier")
    decided = ("credit_limit", "previous_limit", "action", "action_reason", "binding_constraint")
    return Standing(
        customer_key=customer_key,
        reasons=tuple(scores[f"reason_{rank}"] for rank in range(1, 5) if scores[f"reason_{rank}"] is not None),
        **{name: scores[name] for name in same},
        **{name: limits[name] for name in decided},
    )


def _row(snapshot: Snapshot, table: str, customer_key: str) -> dict[str, Any]:
    rows = snapshot.read(table)
    found = rows.filter(pc.equal(rows.column("customer_key"), customer_key)).to_pylist()
    if len(found) != 1:
        raise ConfigurationError(
            f"{customer_key}: no such customer in {snapshot.name}: give a customer_key of the table scores"
        )
    row: dict[str, Any] = found[0]
    return row


def _policy_of(night: Night, snapshot: Snapshot) -> Policy:
    policy = load_policy(night.policy_name, night.effective_on)
    if policy.policy_id != snapshot.manifest.policy_id:
        raise TierlineError(
            f"{snapshot.name}: decided under {snapshot.manifest.policy_id}, but {policy.policy_id} stands now:"
            " run the night again"
        )
    return policy


def change_of_tier(
    bundle: ModelBundle, beside: Beside, scale: ScalePolicy, changeable: Changeable, tier: str | None = None
) -> Change | None:
    """The smallest change that moves the customer up one tier; None for the best tier.

    ``tier`` is the published one, which the hysteresis may have kept; by the bounds alone where None. To leave it the
    PD must pass the bound by the hysteresis.
    """
    pd_12m = float(bundle.predict_pd(beside.row)[0])
    place = scale.tiers.index(tier or _tier(pd_12m, scale))
    if place == 0:
        return None
    better = scale.tiers[place - 1]
    row, needed = bundle.matrix(beside.row)[0], scale.tier_bounds[better] * (1 - scale.hysteresis)
    steps = all_options(bundle, row, beside.book, changeable)

    def predict(rows: Floats) -> Floats:
        return bundle.card.calibration.predict(np.asarray(bundle.booster.predict(rows, raw_score=True)))

    found = smallest_change(row, steps, needed, predict)
    if found.plan is None:
        return Change(better, needed, (), pd_12m, scale.tiers[place], found.lowest_pd)
    verified = _verified(bundle, beside.row, found, needed)
    told = tuple(_step(option, changeable, beside, bundle) for option in found.plan)
    return Change(better, needed, told, verified, _tier(verified, scale), found.lowest_pd)


def _tier(pd_12m: float, scale: ScalePolicy) -> str:
    return str(assign_tiers(np.array([pd_12m]), np.array([False]), scale)[0])


def _verified(bundle: ModelBundle, row: pa.Table, found: Found, needed: float) -> float:
    """The PD of the changed customer, scored as the night scores: from a feature table, by name."""
    for option in found.plan or ():
        for column, value in zip(option.columns, option.values, strict=True):
            name = bundle.card.features[column]
            row = row.set_column(row.column_names.index(name), name, pa.array([float(value)]))
    pd_12m = float(bundle.predict_pd(row)[0])
    if pd_12m > needed:
        raise IntegrityError(f"explain: the change found gives a PD of {pd_12m:.6f}, above {needed:g}: report this")
    return pd_12m


def _step(option: Option, changeable: Changeable, beside: Beside, bundle: ModelBundle) -> Step:
    rule, row = changeable.behaviours[option.behaviour], bundle.matrix(beside.row)[0]
    moves = []
    for column, after in zip(option.columns.tolist(), option.values.tolist(), strict=True):
        name = bundle.card.features[column]
        way = rule.direction(name)
        book = sorted_book(beside.book[:, column], way)
        before = float(row[column])
        moves.append(Move(name, before, after, position(before, book, way), position(after, book, way)))
    return Step(option.behaviour, rule.en, rule.zh, rule.with_time, tuple(moves))
