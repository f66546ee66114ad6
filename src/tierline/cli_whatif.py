"""The commands before go-live: whatif, attribute, stress, frontier.

Belongs here: their arguments, and how results are printed. Does not belong here: computing them (``proposals``).
Registered on the application of ``cli``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tierline.cli import APP, DEFAULT_HOME, HomeOption
from tierline.console import print_line, print_table
from tierline.errors import ConfigurationError

if TYPE_CHECKING:  # every command would wait for it otherwise
    import pandas as pd

    from tierline.night import Night

AsOfOption = Annotated[str | None, typer.Option(help="Business day, YYYY-MM-DD; default: the live release")]
SHOWN = ("customers", "customers_up", "customers_down", "exposure", "expected_loss", "profit", "raroc")


@APP.command()
def whatif(
    policy: Annotated[str, typer.Option(help="Proposed profile: a YAML file, or the name of a packaged one")],
    as_of: AsOfOption = None,
    drafts: Annotated[bool, typer.Option("--drafts", help="Let draft rules of the proposal count")] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Decide a published night again under a proposed policy; nothing is published."""
    from tierline.proposals import keep, run_whatif
    from tierline.reporting.whatif_page import whatif_page

    night = _night(home, as_of)
    result = run_whatif(night, policy, drafts=drafts)
    frames = {"whatif_figures": result.difference.figures, "whatif_customers": result.difference.customers}
    directory = keep(night, result.policies[1], frames)
    page = whatif_page(directory, result.difference, result.policies, result.notes)
    for note in result.notes:
        print_line(note)
    changed = len(result.difference.customers)
    if result.difference.changed.empty and not changed:
        print_line(f"{result.policies[1]}: nothing changes")
    else:
        _print_figures(result.difference.figures)
    print_line(f"{changed:,} of {len(result.before.customers):,} customers are decided differently")
    print_line(f"{page}")


def _print_figures(figures: pd.DataFrame) -> None:
    from tierline.whatif import figure

    for dimension in ("book", "tier", "segment", "partner"):
        rows = figures[(figures["dimension"] == dimension) & figures["metric"].isin(SHOWN)]
        print_table(
            f"by {dimension}" if dimension != "book" else "the book",
            (dimension, "metric", "before", "after", "change"),
            [
                (str(member) or "own only", str(metric), *(figure(str(metric), value) for value in values))
                for member, metric, *values in rows[_PRINTED].itertuples(index=False)
                if dimension == "book" or values[-1]
            ],
        )


@APP.command()
def attribute(
    since: Annotated[str, typer.Option(help="Business day of the earlier night, YYYY-MM-DD")],
    as_of: AsOfOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Split the change between two published nights between data, model and policy."""
    from tierline.night import open_night, parse_day
    from tierline.proposals import keep, run_attribution
    from tierline.whatif import figure

    later = _night(home, as_of)
    earlier = open_night(home, parse_day(since, "--since"))
    if earlier.as_of >= later.as_of:
        raise ConfigurationError(f"--since {since}: give a day before {later.as_of}")
    parts = run_attribution(later, earlier)
    wide = parts.pivot_table(index=["metric", "before", "after"], columns="factor", values="part").reset_index()
    print_table(
        f"{earlier.as_of} to {later.as_of}",
        ("metric", "before", "after", "data", "model", "policy"),
        [
            (str(row.metric), *(figure(str(row.metric), getattr(row, name)) for name in _COLUMNS))
            for row in wide.itertuples()
        ],
    )
    print_line(f"{keep(later, f'since-{earlier.as_of}', {'whatif_attribution': parts})}")


_PRINTED = ["member", "metric", "before", "after", "change"]
_COLUMNS = ("before", "after", "data", "model", "policy")


@APP.command()
def stress(as_of: AsOfOption = None, home: HomeOption = DEFAULT_HOME) -> None:
    """Bad days on a published night: what each changes and what it costs."""
    from tierline.proposals import keep, run_stress
    from tierline.reporting.whatif_page import stress_page
    from tierline.whatif import figure

    night = _night(home, as_of)
    table = run_stress(night)
    directory = keep(night, "stress", {"stress": table})
    metrics = ("customers", "exposure", "expected_loss", "profit", "raroc")
    wide = table[table["metric"].isin(metrics)].pivot_table(
        index="scenario", columns="metric", values="after", sort=False, dropna=False
    )
    base = table.drop_duplicates("metric").set_index("metric")["before"]
    rows = [("as published", *(figure(name, base[name]) for name in metrics))]
    rows += [
        (str(name), *(figure(metric, row[metric]) if row.notna().all() else "no plan" for metric in metrics))
        for name, row in wide.iterrows()
    ]
    print_table(f"stress, {night.as_of}", ("scenario", *metrics), rows)
    for scenario, rest in table[table["after"].isna()].groupby("scenario"):
        print_line(f"{scenario}: {rest['note'].iloc[0]}")
    print_line(f"{stress_page(directory, table)}")


@APP.command()
def frontier(as_of: AsOfOption = None, home: HomeOption = DEFAULT_HOME) -> None:
    """The efficient frontier of volume against return of a published night."""
    from tierline.proposals import keep, run_frontier
    from tierline.reporting.whatif_page import frontier_page

    night = _night(home, as_of)
    table = run_frontier(night)
    directory = keep(night, "frontier", {"frontier": table})
    print_table(
        f"frontier, {night.as_of}",
        ("limits in all", "profit", "RAROC"),
        [(f"{row.exposure:,.0f}", f"{row.profit:,.0f}", f"{row.raroc:.2%}") for row in table.itertuples()],
    )
    print_line(f"{frontier_page(directory, table)}")


def _night(home: Path, as_of: str | None) -> Night:
    from tierline.home import Home
    from tierline.night import open_night, parse_day
    from tierline.publishing import open_snapshot

    root = home.resolve()
    return open_night(root, open_snapshot(Home(root).published, parse_day(as_of)).as_of)
