"""The commands about models: list, card, compare, promote, roll back, retire.

Belongs here: their arguments, and asking before a promotion. Does not belong here: who may decide (``models``), what is
compared (``comparison``). Registered on the application of ``cli``.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from tierline.cli import APP, DEFAULT_HOME, HomeOption
from tierline.console import print_line, print_table
from tierline.errors import ConfigurationError, TierlineError
from tierline.home import Home
from tierline.models import Registry, RegistryEvent

ModelArgument = Annotated[str, typer.Argument(help="Model id, as `tierline models` lists it")]
ApproverOption = Annotated[str, typer.Option(help="Who decides; not the author of the model")]
WhyOption = Annotated[str, typer.Option(help="The reason, for the log")]
OnOption = Annotated[
    str | None, typer.Option(help="Business day of the decision, YYYY-MM-DD; default: that of the live release")
]


@APP.command()
def models(
    log: Annotated[bool, typer.Option("--log", help="Also what was decided of them")] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """List the models: role, author, out-of-time figures."""
    from tierline.model_summary import log_table, models_table

    place = Home(home.resolve())
    for section in (models_table(place), *([log_table(place)] if log else [])):
        print_table(section.title, section.columns, section.rows)


@APP.command()
def card(
    model_id: Annotated[str, typer.Argument(help="Model id; default: the model of the live release")] = "",
    output: Annotated[Path | None, typer.Option(help="Folder to write to; default: models/cards of the home")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Write the model card of a bundle, as HTML and Markdown."""
    from tierline.publishing import open_snapshot
    from tierline.reporting.model_card import write_model_card

    place = Home(home.resolve())
    wanted = model_id or str(open_snapshot(place.published).manifest.model["model_id"])
    registry = Registry(place.models)
    entry = next((entry for entry in registry.entries() if entry.model_id == wanted), None)
    if entry is None:
        raise ConfigurationError(f"{wanted}: no such model: `tierline models` lists them")
    bundle = registry.load(wanted, entry.trained_as_of)  # of that day: a retired model keeps its card
    path = write_model_card(bundle, output or place.cards)
    print_line(f"{path} and {path.with_suffix('.md').name}")


@APP.command()
def compare(
    model_id: Annotated[str, typer.Argument(help="Challenger; default: the newest")] = "",
    as_of: Annotated[str | None, typer.Option(help="Business day, YYYY-MM-DD; default: the live release")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Hold a challenger against the champion, on the night's book and on outcomes known to both."""
    from tierline.night import parse_day
    from tierline.publishing import open_snapshot

    place = Home(home.resolve())
    _show_comparison(place, model_id, parse_day(as_of) or open_snapshot(place.published).as_of)


@APP.command()
def promote(
    model_id: ModelArgument,
    approver: ApproverOption,
    why: WhyOption,
    on: OnOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not show the comparison and do not ask")] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Make a challenger the champion of the nights after the day; nights before keep theirs."""
    from tierline.challengers import require_scorable

    place, day = _decision(home, on)
    registry = Registry(place.models)
    registry.require_promotable(model_id, approver, why, day)
    require_scorable(registry, model_id, day)
    if not yes:
        _ask(place, model_id, day)
    _tell(registry.promote(model_id, approver, why, day))


@APP.command()
def rollback(approver: ApproverOption, why: WhyOption, on: OnOption = None, home: HomeOption = DEFAULT_HOME) -> None:
    """Return to the champion before the reigning one, for the nights after the day."""
    from tierline.challengers import require_scorable

    place, day = _decision(home, on)
    registry = Registry(place.models)
    previous = registry.previous_champion()
    if previous is not None:
        require_scorable(registry, previous.model_id, day)
    _tell(registry.rollback(approver, why, day))


@APP.command()
def retire(
    model_id: ModelArgument,
    who: Annotated[str, typer.Option(help="Who decides")],
    why: WhyOption,
    on: OnOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Refuse a model to every night after the day and to promotion, for good."""
    place, day = _decision(home, on)
    _tell(Registry(place.models).retire(model_id, who, why, day))


def _decision(root: Path, on: str | None) -> tuple[Home, date]:
    from tierline.challengers import decision_day
    from tierline.night import parse_day

    place = Home(root.resolve())
    return place, decision_day(place, parse_day(on, "--on"))


def _ask(place: Home, model_id: str, day: date) -> None:
    """Show the comparison and ask; anything but yes leaves the champion untouched."""
    if not sys.stdin.isatty():
        raise ConfigurationError("promote: nobody can be asked here: look at `tierline compare`, then add --yes")
    try:
        _show_comparison(place, model_id, day)
    except TierlineError as error:
        print_line(f"no comparison can be shown: {error}")
    if not typer.confirm(f"Promote {model_id} for the nights after {day}?"):
        print_line("nothing was changed")
        raise typer.Exit(1)


def _show_comparison(place: Home, model_id: str, as_of: date) -> None:
    from tierline.challengers import compare_with_champion
    from tierline.model_summary import comparison_lines, comparison_tables
    from tierline.night import open_night

    comparison = compare_with_champion(open_night(place.root, as_of), model_id)
    lines = comparison_lines(comparison)
    print_line(lines[0])
    for section in comparison_tables(comparison):
        print_table(section.title, section.columns, section.rows)
    for line in lines[1:]:
        print_line(line)


def _tell(event: RegistryEvent) -> None:
    if event.champion_from is None:
        print_line(f"{event.model_id}: {event.event} by {event.who}, for the nights after {event.on}")
    else:
        done = event.event.replace("_", " ")
        print_line(f"{event.model_id}: {done} by {event.who}: champion of the nights from {event.champion_from} on")
