"""The parts of a model card that say what the model is and what it learned from.

Belongs here: at a glance, data, label, features, parameters and hashes. Does not belong here: how well it did
(``judgement``), limits of use (``limits``).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import pandas as pd

from tierline.models import BundleCard, ModelBundle
from tierline.models.bundle import booster_text
from tierline.reporting.model_card.limits import Observation, observation
from tierline.reporting.model_charts import importance_chart, importance_frame
from tierline.reporting.page import Block, Grid, Part, Picture, Words
from tierline.reporting.render import to_svg

SLICES = {
    "train": "learned from",
    "tune": "chose size and number of trees",
    "calibrate": "learned from, and calibrated",
    "test": "judged",
    "later": "too near the test to learn from before it",
}
EXCLUSIONS = {
    "already_default": "in default on the observation date already",
    "no_loan": "no loan open then or drawn in the window: nothing to default on",
    "immature": "the window was not over when the model was trained",
}
DIRECTIONS = {1: "PD may only rise with it", -1: "PD may only fall with it", 0: "free"}
MOST_FEATURES = 20
ABSENT = "–"


def figure(value: float | None, form: str = ".3f") -> str:
    """A number as text, a dash where there is none."""
    return ABSENT if value is None else format(value, form)


def with_interval(card: BundleCard, name: str, form: str = ".3f") -> str:
    """A figure of the card with its interval, where it has one."""
    value = figure(card.metrics.get(name), form)
    if name not in card.intervals:
        return value
    low, high = card.intervals[name]
    return f"{value} [{low:{form}}, {high:{form}}]"


def at_a_glance(bundle: ModelBundle) -> Part:
    """Quick figures."""
    card, test = bundle.card, bundle.card.slices["test"]
    rows = [
        ("source", card.source),
        ("trained as of", str(card.trained_as_of or "no day given")),
        ("outcome", label_words(card, observation(bundle))),
        ("tested on", f"{test['rows']:,} rows with {test['defaults']:,} defaults{_between(test)}"),
        ("AUC", with_interval(card, "auc")),
        ("AUC of a plain logistic regression", with_interval(card, "logistic_auc")),
        ("Gini, KS", f"{figure(card.metrics.get('gini'))}, {figure(card.metrics.get('ks'))}"),
        ("calibration slope (ideal 1)", with_interval(card, "calibration_slope", ".2f")),
        (
            "mean PD, observed rate",
            f"{figure(card.metrics.get('mean_pd'), '.2%')}, {figure(card.metrics.get('test_default_rate'), '.2%')}",
        ),
        ("features in use", str(sum(share > 0 for share in card.importance.values()))),
        ("trees, leaves each", f"{bundle.booster.num_trees()}, {card.training.get('num_leaves', ABSENT)}"),
    ]
    note = Words(["Which model is champion stands in the register (tierline models), not here."])
    return Part("At a glance", [Grid(("", "value"), rows, left=("value",)), note])


def _between(part: dict[str, object]) -> str:
    if "first" not in part:
        return ""
    same = part["first"] == part["last"]
    return f", observed on {part['first']}" if same else f", observed {part['first']} to {part['last']}"


def label_words(card: BundleCard, kind: Observation) -> str:
    """What counts as default, in one phrase."""
    if kind == "application":
        return "the outcome delivered with each loan"
    if kind == "frame":
        return "the target column of the table it was fitted on"
    days, months = card.label_spec["dpd_threshold"], card.label_spec["window_months"]
    return f"{days} days past due or worse on any loan within {months} months"


def data_part(bundle: ModelBundle) -> Part:
    """Data window, slices, exclusions and the refit."""
    card = bundle.card
    blocks: list[Block] = [_slice_grid(card.slices)]
    if "later" in card.slices:
        blocks.append(Words(["Windows of learning rows end by the test date: no default stands on both sides."]))
    counted = [(EXCLUSIONS[name], f"{count:,}") for name, count in card.exclusions.items() if count]
    if counted:
        blocks += [Words(["Left out of every slice:"]), Grid(("customer-dates", "rows"), counted)]
    else:
        blocks.append(Words(["No row was left out."]))
    if card.refit:
        again: dict[str, Any] = {name: part for name, part in card.refit.items() if isinstance(part, dict)}
        rule = str(card.refit.get("rule", ""))
        blocks += [Words([f"After the test it learned again ({rule}):"]), _slice_grid(again)]
    return Part("Data, splits, exclusions", blocks)


def _slice_grid(slices: dict[str, dict[str, object]]) -> Grid:
    rows = [
        (
            name,
            SLICES.get(name, ""),
            f"{part['rows']:,}",
            f"{part['defaults']:,}",
            f"{int(str(part['defaults'])) / int(str(part['rows'])):.2%}",
            str(part.get("first", ABSENT)),
            str(part.get("last", ABSENT)),
        )
        for name, part in slices.items()
    ]
    columns = ("slice", "rows of it", "rows", "defaults", "rate", "observed from", "to")
    return Grid(columns, rows, left=("rows of it",))


def label_part(bundle: ModelBundle) -> Part:
    """What default means."""
    card, kind = bundle.card, observation(bundle)
    grain = {
        "month_end": "A row is a customer at a month end who has a loan then or draws one in the window. A loan that is"
        " late at the end of any day of the window counts, whatever is paid later.",
        "application": "A row is a loan on the day of its approval.",
        "frame": "What a row stands for is the table's own.",
    }[kind]
    return Part("Label", [Words([f"Default: {label_words(card, kind)}.", grain])])


def features_part(bundle: ModelBundle) -> Part:
    """Importance with stability, and what was left out."""
    card = bundle.card
    frame = importance_frame(card.importance, card.instability, MOST_FEATURES)
    rest = sum(card.importance.values()) - float(frame["share"].sum())
    words = (
        f"Share of the gain of the {len(frame)} most used of {len(card.features)} features; the others have {rest:.1%}."
        " CSI: between the first and the last third of the learning dates, 0 where chance alone could give it."
    )
    blocks: list[Block] = [Words([words])]
    if len(frame):
        told = "Importance of the most used features, with their CSI"
        blocks.append(Picture("importance", to_svg(importance_chart(frame)), told, alone=True))
    columns = ("feature", "share of gain", "CSI", "reason code", "direction")
    rows = [_feature_row(card, row) for _, row in frame.iterrows()]
    blocks.append(Grid(columns, rows, left=("reason code", "direction")))
    return Part("Features", [*blocks, *_left_out(card)])


def _feature_row(card: BundleCard, row: pd.Series) -> tuple[str, ...]:
    name = str(row["feature"])
    csi = None if pd.isna(row["csi"]) else float(row["csi"])
    direction = "category" if name in card.categories else DIRECTIONS[card.monotone.get(name, 0)]
    return (name, f"{row['share']:.1%}", figure(csi, ".2f"), card.reasons.get(name, ABSENT), direction)


def _left_out(card: BundleCard) -> list[Block]:
    if not card.dropped_features:
        return [Words(["No feature was left out."])]
    kinds = Counter(why.split(":")[0] for why in card.dropped_features.values())
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    rows = sorted(card.dropped_features.items())
    return [Words([f"Left out: {counted}."]), Grid(("feature left out", "why"), rows, left=("why",))]


def parameters_part(card: BundleCard) -> Part:
    """How it was trained."""
    rows = [(name, _value(value)) for name, value in sorted(card.training.items())]
    return Part("Parameters of the training", [Grid(("parameter", "value"), rows, left=("value",))])


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_value(part)}" for name, part in value.items()) or ABSENT
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return ABSENT if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def hashes_part(bundle: ModelBundle) -> Part:
    """What identifies the model and everything it was made of."""
    card = bundle.card
    files = {
        "SHA-256 of booster.txt": booster_text(bundle.booster).encode(),
        "SHA-256 of card.json": card.model_dump_json(indent=2).encode(),
    }
    rows = [
        ("model", bundle.model_id),
        ("data (keys, slices, outcomes, values)", card.data_hash),
        ("label", card.label_hash),
        ("feature set", card.feature_set),
        ("code", card.code_version),
        *((name, hashlib.sha256(content).hexdigest()) for name, content in files.items()),
    ]
    return Part("Hashes", [Grid(("of", "hash"), rows, left=("hash",))])
