"""What a model may not be used for, in sentences derived from its bundle.

Belongs here: every limit that follows from a fact on the card. Does not belong here: opinions, or figures without a
consequence for use.
"""

from __future__ import annotations

from typing import Any, Literal

from tierline.models import BundleCard, ModelBundle
from tierline.reporting.model_card.segments import FEWEST_ROWS, missing_columns, segment_rows

Observation = Literal["month_end", "application", "frame"]
WATCHED_CSI = 0.1


def observation(bundle: ModelBundle) -> Observation:
    """What a row stands for: a customer at a month end, a loan at its approval, or a row of a flat table."""
    names = bundle.test_rows.column_names
    if "loan_id" not in names:
        return "frame"
    loans = bundle.test_rows.column("loan_id")
    return "application" if loans.null_count < len(loans) else "month_end"


def limits_of_use(bundle: ModelBundle) -> list[str]:
    """One sentence or two per limit, the gravest first."""
    card = bundle.card
    return [
        *_population(bundle),
        *_outcome(bundle),
        *_window(card),
        *_refit(card),
        *_level(card),
        *_known_customers(card),
        *_features(card),
        *_groups(bundle),
    ]


def _population(bundle: ModelBundle) -> list[str]:
    kind = observation(bundle)
    if kind == "frame":
        return [
            "It was fitted on a table: whom its rows stand for, and who was left out before, is not known here. The PD"
            " of others is not identified by these rows."
        ]
    who = "customers with a loan" if kind == "month_end" else "loans that were paid out"
    left_out = bundle.card.exclusions.get("no_loan", 0)
    counted = f" ({left_out:,} customer-dates without one were left out)" if left_out else ""
    return [
        f"It learned from accepted customers only: {who}{counted}. The PD of applicants who were refused is not"
        " identified by these data; on them it is an extrapolation."
    ]


def _outcome(bundle: ModelBundle) -> list[str]:
    card, kind = bundle.card, observation(bundle)
    lines = []
    if kind == "month_end":
        lines.append(
            "It predicts the first time of being so late, not the loss, early repayment or a later default; customers"
            " in default already are not its subject: their PD is 1 by definition."
        )
    if card.trained_as_of is not None:
        immature = card.exclusions.get("immature", 0)
        more = f" {immature:,} rows whose window was still open were left out." if immature else ""
        lines.append(
            f"Outcomes are those known at the end of {card.trained_as_of}: what was recorded or corrected later is not"
            f" in them.{more}"
        )
    return lines


def _window(card: BundleCard) -> list[str]:
    test = card.slices["test"]
    learned = [card.slices[name] for name in ("train", "tune", "calibrate") if name in card.slices]
    days = [str(part[end]) for part in learned for end in ("first", "last") if end in part]
    if not days or "first" not in test:
        return [
            "Its rows carry no dates: the test rows are drawn from the same time as the others, so the figures do not"
            " say how it holds later."
        ]
    one = test["first"] == test["last"]
    tested = f"on one date, {test['first']}" if one else f"from {test['first']} to {test['last']}"
    season = "; it says nothing of other seasons" if one else ""
    return [
        f"It was judged on customers observed {tested}{season}. The tested model had seen observations from {min(days)}"
        f" to {max(days)}: an economy or a product unlike those of these dates is outside its experience."
    ]


def _refit(card: BundleCard) -> list[str]:
    if not card.refit:
        return ["The trees published are those that were tested."]
    newest = _last_day(card.refit)
    again = f"the newest mature rows, up to {newest}" if newest else "all rows, those of the test among them"
    chosen = "chosen again" in str(card.refit["rule"])
    shape = "the same features, in a shape chosen again" if chosen else "the same features, shape and number"
    return [
        f"After the test the trees were learned again, with {shape}, from {again}. The trees"
        " published were therefore not themselves tested: every figure is of the model before."
    ]


def _last_day(refit: dict[str, object]) -> str:
    parts: list[Any] = [part for part in refit.values() if isinstance(part, dict)]
    return max((str(part["last"]) for part in parts if "last" in part), default="")


def _level(card: BundleCard) -> list[str]:
    lines = []
    slope = card.intervals.get("calibration_slope")
    if slope and not slope[0] <= 1 <= slope[1]:
        what = "spread too widely: high ones are too high, low ones too low" if slope[1] < 1 else "too close together"
        lines.append(f"PDs are {what}: the calibration slope is {slope[0]:.2f} to {slope[1]:.2f}, without 1 in it.")
    everyone = next((row for row in card.reliability if row["grouping"] == "all"), None)
    if everyone is not None:
        low, high, mean = (float(everyone[name] or 0) for name in ("low", "high", "mean_pd"))
        if not low <= mean <= high:
            lines.append(
                f"The mean PD of {mean:.2%} is outside {low:.2%} to {high:.2%}, the interval of the rate observed in"
                " the test: the level must be watched, or corrected, before it is used for provisions or prices."
            )
    tendency = card.calibration.central_tendency
    if tendency is not None:
        lines.append(
            f"PDs are moved to a long-run rate of {tendency.long_run_rate:.2%}: they are not those of the present year."
        )
    if card.calibration.overlay.shift:
        lines.append(f"PDs carry the overlay {card.calibration.overlay.scenario}: they are those of that scenario.")
    return lines


def _known_customers(card: BundleCard) -> list[str]:
    rows, unseen = card.metrics.get("test_rows", 0), card.metrics.get("unseen_rows", 0)
    if not rows or unseen == rows:
        return []
    return [
        f"{rows - unseen:,.0f} of the {rows:,.0f} test rows belong to customers that learning rows belong to as well,"
        " at earlier dates: the figures are mostly of known customers."
        if unseen < rows / 2
        else f"{unseen:,.0f} of the {rows:,.0f} test rows are of customers no learning row belongs to."
    ]


def _features(card: BundleCard) -> list[str]:
    unstable = sum(why.startswith("unstable") for why in card.dropped_features.values())
    silent = len(card.dropped_features) - unstable
    lines = []
    if unstable:
        lines.append(
            f"{unstable} features whose distribution moved through the learning dates were left out; what they would"
            " say of a customer is not in the PD."
        )
    if silent:
        lines.append(f"{silent} more features could not be used, because the source says nothing in them.")
    watched = [name for name, csi in card.instability.items() if csi > WATCHED_CSI and card.importance.get(name, 0) > 0]
    if watched:
        lines.append(
            f"{len(watched)} features in use have a CSI above {WATCHED_CSI:g} over the learning dates: watch them."
        )
    if not card.instability:
        lines.append("The stability of the features over time was not measured.")
    return lines


def _groups(bundle: ModelBundle) -> list[str]:
    if missing_columns(bundle):
        return ["Segments were not looked at: the test rows do not say what a customer's segment is."]
    groups = [row for row in segment_rows(bundle) if row.grouping != "all"]
    off = [
        f"{row.level} for {row.grouping} {row.group} (PD {row.mean_pd:.2%}, observed {row.observed:.2%}"
        f" [{row.low:.2%}, {row.high:.2%}])"
        for row in groups
        if row.level
    ]
    told = f"Of {len(groups)} groups looked at, {len(off)} have a level outside their interval: {'; '.join(off)}."
    lines = [f"{told} Of twenty one is so by chance."] if off else []
    return [*lines, f"Groups of fewer than {FEWEST_ROWS} test rows are taken together: of each alone nothing is said."]
