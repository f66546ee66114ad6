"""The command line.

Belongs here: arguments, the order of steps of ``run``, and exit codes. Does not belong here: rendering (``console``),
figures (``summary``) or any stage. Commands that need the orchestrator are found through entry points.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import duckdb
import pyarrow as pa
import typer
from pydantic import ValidationError

from tierline.config import load_settings, one_line
from tierline.console import print_error, print_line, print_table, show_progress
from tierline.errors import ConfigurationError, TierlineError
from tierline.home import Home

APP = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=__doc__.splitlines()[0] if __doc__ else None,
)
MAP = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Real data: mapping files.")
APP.add_typer(MAP, name="map")
COMMANDS = "tierline.commands"
SIMULATED = "simulated"

HomeOption = Annotated[Path, typer.Option(envvar="TIERLINE_HOME", help="Data directory")]
DEFAULT_HOME = Path("data")


def _command(name: str) -> Callable[..., Any]:
    for point in entry_points(group=COMMANDS, name=name):
        loaded: Callable[..., Any] = point.load()
        return loaded
    raise ConfigurationError(f"command {name} is not installed: install the project with its orchestrator")


@APP.command()
def run(
    source: Annotated[str, typer.Option(help="'simulated', or a mapping file")] = SIMULATED,
    data: Annotated[Path | None, typer.Option(help="Folder of the mapping's files")] = None,
    as_of: Annotated[str | None, typer.Option(help="Business day, YYYY-MM-DD; default: the source's")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """From raw rows to a published night: fill the landing zone, run the night, show what was published."""
    if source == SIMULATED:
        if data is not None:
            raise ConfigurationError(
                f"--data {data}: the simulated lender reads no files: name a mapping with --source"
            )
        root = home
        _simulate_default(Home(root.resolve()))
    else:
        root = _land_mapping(Path(source), data, home)
    _command("nightly")(as_of=as_of, home=root)
    _show(root, as_of)


def _simulate_default(home: Home) -> None:
    from tierline.sources.simulated import SimulationSpec, simulate

    simulate(SimulationSpec(), home.landing, home.root / "truth")


def _land_mapping(path: Path, data: Path | None, home: Path) -> Path:
    """Write the landing zone of a mapping into a home of its own; returns that home."""
    from tierline.sources.mapping import load_mapping, write_landing

    mapping = load_mapping(path)
    if data is None:
        raise ConfigurationError(f"{path}: say where its files are: --data FOLDER (make run DATA=FOLDER)")
    root = home / mapping.name
    place = Home(root.resolve())
    info = write_landing(mapping, data, place.landing, load_settings(place.root).business_timezone)
    for name in info.left_out:
        print_line(f"source {info.name}: {name} is not delivered: everything that needs it is left out")
    for note in info.notes:
        print_line(f"source {info.name}: {note}")
    return root


@APP.command()
def simulate(
    customers: Annotated[int, typer.Option(help="Customers at the end")] = 15_000,
    months: Annotated[int, typer.Option(help="Months of history")] = 36,
    as_of: Annotated[str | None, typer.Option(help="Last day of the history, YYYY-MM-DD")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; same seed, same bytes")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Fill the landing zone with the simulated lender."""
    from tierline.sources.simulated import SimulationSpec
    from tierline.sources.simulated import simulate as write_world

    given: dict[str, Any] = {"customers": customers, "months": months}
    if as_of is not None:
        given["as_of"] = as_of
    if seed is not None:
        given["seed"] = seed
    place = Home(home.resolve())
    try:
        spec = SimulationSpec.model_validate(given)
    except ValidationError as error:
        raise ConfigurationError(f"simulate: {one_line(error)}") from error
    write_world(spec, place.landing, place.root / "truth")


@MAP.command("check")
def map_check(
    file: Annotated[Path, typer.Argument(help="Mapping file")],
    data: Annotated[Path, typer.Option(help="Folder of the mapping's files")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Say what is missing, mistyped or empty, table by table, before anything runs."""
    from tierline.sources.mapping import check_mapping, load_mapping

    mapping = load_mapping(file)
    checks = check_mapping(mapping, data, load_settings(home / mapping.name).business_timezone)
    print_table(
        f"{file.name} over {data}",
        ("table", "status", "rows"),
        [(check.table, check.status, f"{check.rows:,}") for check in checks],
    )
    problems = [problem for check in checks for problem in check.problems]
    for note in (note for check in checks for note in check.notes):
        print_line(note)
    for problem in problems:
        print_error(str(problem))
    if problems:
        raise typer.Exit(3)


@APP.command()
def show(
    as_of: Annotated[str | None, typer.Option(help="Business day, YYYY-MM-DD; default: the live release")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Show what is published."""
    _show(home, as_of)


def _show(root: Path, as_of: str | None) -> None:
    from tierline import summary
    from tierline.models import load_bundle
    from tierline.night import parse_day
    from tierline.publishing import open_snapshot
    from tierline.sources.info import read_info

    home = Home(root.resolve())
    info = read_info(home.landing)
    snapshot = open_snapshot(home.published, parse_day(as_of))
    for section in (
        summary.published_rows(snapshot),
        summary.tier_table(snapshot),
        summary.action_table(snapshot),
        summary.funding_table(snapshot),
    ):
        print_table(section.title, section.columns, section.rows)
    bundle = load_bundle(home.models / str(snapshot.manifest.model["model_id"]))
    for line in summary.model_lines(bundle):
        print_line(line)
    if info.name == SIMULATED:
        from tierline.sources.simulated.truth import gini_beside_truth

        beside = gini_beside_truth(bundle.test_rows.to_pandas(), home.root / "truth")
        print_line(
            f"  Gini of the model {beside.model_gini:.3f}, Gini of the true PD on the same {beside.rows:,} rows"
            f" {beside.true_gini:.3f}: {beside.model_ratio:.1%} of what is knowable"
        )
    print_line(f"published: {snapshot.published / snapshot.name}")


@APP.command()
def audit(
    as_of: Annotated[str | None, typer.Option(help="Business day, YYYY-MM-DD; default: the live release")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Recompute every rule from the published files, with code that shares nothing with the decisions."""
    from tierline.cli_audit import print_figures
    from tierline.night import open_night, parse_day
    from tierline.publishing import open_snapshot
    from tierline.release import audited_night

    place = Home(home.resolve())
    snapshot = open_snapshot(place.published, parse_day(as_of))
    night = open_night(place.root, snapshot.as_of)
    audited = audited_night(night, {table: snapshot.path(table) for table in snapshot.tables})
    for finding in audited.findings:
        print_error(str(finding))
    print_line(f"{snapshot.name}: {len(audited.findings)} findings")
    print_figures(audited.figures)
    if audited.findings:
        raise typer.Exit(4)


@APP.command()
def dictionary() -> None:
    """Print the data dictionary as Markdown (docs/data-dictionary.md is this text)."""
    from tierline.reporting.dictionary import data_dictionary

    sys.stdout.write(data_dictionary())


@APP.command()
def ui(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1")] = 3000,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Open the Dagster UI on 127.0.0.1 over the local instance."""
    _command("prepare_instance")(home)
    workspace = Path(__file__).resolve().parents[2] / "workspace.yaml"
    dagster = Path(sys.executable).with_name("dagster")
    os.execv(dagster, [str(dagster), "dev", "-h", "127.0.0.1", "-p", str(port), "-w", str(workspace)])


def main() -> None:
    """Entry point: every error of ours is one line and its own exit code."""
    import tierline.cli_explain
    import tierline.cli_models
    import tierline.cli_whatif  # noqa: F401 - they register their commands, of which this module knows nothing else

    for name in ("nightly", "train"):
        APP.command(name)(_command(name))
    show_progress()
    try:
        APP()
    except TierlineError as error:
        print_error(str(error))
        raise SystemExit(error.exit_code) from error
    except (OSError, duckdb.Error, pa.ArrowException) as error:  # the machine, not the data: disk full, memory, files
        line = " ".join(str(error).split())[:500]
        print_error(f"{type(error).__name__}: {line}: the live release is untouched; mend this and run the night again")
        raise SystemExit(1) from error
