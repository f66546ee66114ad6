"""The command about one customer: explain.

Belongs here: its arguments, and how an explanation is printed. Does not belong here: making it (``explain``).
Registered on the application of ``cli``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from tierline.cli import APP, DEFAULT_HOME, HomeOption
from tierline.console import print_line, print_table
from tierline.policy.model import DEFAULT_TIER

if TYPE_CHECKING:  # every command would wait for it otherwise
    from tierline.explain import Change, Contribution, Explanation, Standing

TOP = 5
BY_TIER = ("tier_cap", "price_not_offered")


@APP.command()
def explain(
    customer_key: Annotated[str, typer.Argument(help="A customer_key of the published table scores")],
    as_of: Annotated[str | None, typer.Option(help="Business day, YYYY-MM-DD; default: the live release")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Explain one customer: decision, exact contributions, and the smallest change that would move the tier."""
    from tierline.explain import explain_customer
    from tierline.home import Home
    from tierline.night import open_night, parse_day
    from tierline.publishing import open_snapshot

    snapshot = open_snapshot(Home(home.resolve()).published, parse_day(as_of))
    night = open_night(home, snapshot.as_of)
    explanation = explain_customer(night, snapshot, customer_key)
    print_line(f"customer {customer_key} in {snapshot.name}, model {explanation.standing.model_id}")
    _show_standing(explanation.standing)
    _show_contributions(explanation)
    _show_change(explanation)


def _show_standing(standing: Standing) -> None:
    previous = "none" if standing.previous_limit is None else _yuan(standing.previous_limit)
    print_line(f"  PD {standing.pd_12m:.2%}   score {standing.score:.0f}   tier {standing.tier}")
    print_line(
        f"  limit {_yuan(standing.credit_limit)} (before: {previous})   action {standing.action},"
        f" because {standing.action_reason}; set by {standing.binding_constraint}"
    )


def _yuan(amount: Decimal) -> str:
    return f"{amount:,.0f}"


def _show_contributions(explanation: Explanation) -> None:
    from tierline.scoring import load_reasons

    texts = load_reasons()
    rows = [(str(rank), code, *_texts(code, texts)) for rank, code in enumerate(explanation.standing.reasons, start=1)]
    print_table("reasons as published", ("rank", "code", "reason", "理由"), rows)
    adverse = [one for one in explanation.contributions if one.against_book > 0][:TOP]
    favourable = [one for one in reversed(explanation.contributions) if one.against_book < 0][:TOP]
    listed = (
        ("raises the PD", adverse, ("reason", "理由")),
        ("lowers the PD", favourable, ("the opposite of", "与此相反")),
    )
    for title, found, texts_are in listed:  # the texts of the codes are of adverse reasons
        if not found:
            print_line(f"nothing {title} beyond the mean of the book")
            continue
        columns = ("code", "against the book", "own", *texts_are)
        print_table(f"{title} (exact contributions, log-odds)", columns, [_contribution(one, texts) for one in found])


def _contribution(one: Contribution, texts: dict[str, dict[str, str]]) -> tuple[str, ...]:
    return (one.code, f"{one.against_book:+.3f}", f"{one.log_odds:+.3f}", *_texts(one.code, texts))


def _texts(code: str, texts: dict[str, dict[str, str]]) -> tuple[str, str]:
    """English and Chinese; a code that is no longer in use has none."""
    text = texts.get(code, {})
    return text.get("en", ""), text.get("zh", "")


def _show_change(explanation: Explanation) -> None:
    standing, change = explanation.standing, explanation.change
    if change is None:
        print_line(
            "the tier follows from the default, not from the model: it changes once nothing is that long past due"
            if standing.tier == DEFAULT_TIER
            else f"tier {standing.tier} is the best there is: no change is needed"
        )
        return
    if not change.steps:
        print_line(
            f"no realistic change of behaviour was found that reaches tier {change.better_tier} (PD at most"
            f" {change.needed_pd:.2%}): the lowest PD of all that were tried is {change.lowest_pd:.2%}"
        )
    else:
        _show_steps(change)
    if standing.binding_constraint not in BY_TIER:
        print_line(f"the limit is set by {standing.binding_constraint}: a better tier alone need not change it")


def _show_steps(change: Change) -> None:
    from tierline.features import FEATURES

    units = {feature.name: (feature.unit, feature.window_days) for feature in FEATURES}
    rows = []
    for step in change.steps:
        when = "with time" if step.with_time else ""
        rows.append((f"{step.en} / {step.zh}", "", "", "", "", when))
        for move in step.moves:
            unit, days = units.get(move.feature, ("", None))
            window = f"{days} days" if days else ""
            book = f"{move.position_before:.0%} → {move.position_after:.0%}"
            rows.append((f"  {move.feature}", f"{move.before:,.6g} → {move.after:,.6g}", unit, window, book, ""))
    columns = ("smallest change", "now → then", "unit", "over", "book at least as good", "")
    print_table(f"to reach tier {change.better_tier} (PD at most {change.needed_pd:.2%})", columns, rows)
    print_line(
        f"scored again with it: PD {change.pd_12m:.2%}, tier {change.tier}; all else unchanged. What the model says of"
        " such a customer, not a promise."
    )
