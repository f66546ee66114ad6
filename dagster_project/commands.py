"""The commands that need the orchestrator: the same jobs the UI and the schedule launch, from the shell."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from tierline.config import one_line
from tierline.errors import BlockedError, ConfigurationError
from tierline.home import Home, make_directory
from tierline.models import UNKNOWN, require_author
from tierline.night import open_night, parse_day
from tierline.training import TrainingConfig

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def prepare_instance(root: Path) -> Path:
    """Make the local Dagster instance of a data directory and point this process at both; returns DAGSTER_HOME."""
    home = Home(root.resolve())
    make_directory(home.dagster)
    shutil.copyfile(Path(__file__).with_name("dagster.yaml"), home.dagster / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ["TIERLINE_HOME"] = str(home.root)
    return home.dagster


def home_config(root: Path) -> dict[str, Any]:
    """Run config that names the data directory, whichever one this code location serves."""
    return {"resources": {"tierline_home": {"config": {"path": str(root)}}}}


def nightly(
    as_of: Annotated[
        str | None, typer.Option(help="Business day, YYYY-MM-DD; default: the one the source proposes")
    ] = None,
    home: Annotated[Path, typer.Option(envvar="TIERLINE_HOME", help="Data directory")] = Path("data"),
) -> None:
    """Run one night: ingest, score, decide, publish."""
    _execute("nightly", home, as_of, {})


def train(
    as_of: Annotated[
        str | None, typer.Option(help="Business day, YYYY-MM-DD; default: the one the source proposes")
    ] = None,
    home: Annotated[Path, typer.Option(envvar="TIERLINE_HOME", help="Data directory")] = Path("data"),
    set_: Annotated[list[str] | None, typer.Option("--set", help="Training parameter, name=value; repeatable")] = None,
    author: Annotated[
        str, typer.Option(envvar="TIERLINE_AUTHOR", help="Who trains; a model without a name is never promoted")
    ] = UNKNOWN,
) -> None:
    """Train a challenger; no decision uses it until it is promoted."""
    require_author(author)
    config = {**_training_parameters(set_ or []), "author": author}
    _execute("training", home, as_of, {"ops": {"challenger_model": {"config": config}}})


def _training_parameters(items: list[str]) -> dict[str, Any]:
    """``name=value`` items as run config, checked before anything runs."""
    given: dict[str, str] = {}
    for item in items:
        name, found, value = item.partition("=")
        if not found:
            raise ConfigurationError(f"--set {item}: give name=value, for example leaves=4")
        given[name] = value
    try:
        return TrainingConfig.model_validate(given).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise ConfigurationError(f"--set {one_line(error)}") from error


def _execute(job_name: str, root: Path, as_of: str | None, run_config: Mapping[str, Any]) -> None:
    night = open_night(root, parse_day(as_of))
    prepare_instance(root)
    # imported late: the instance's settings must be in the environment first, and the import takes seconds
    import dagster as dg

    from dagster_project.definitions import defs
    from dagster_project.partitions import FIRST_NIGHT, nightly_partitions

    if not nightly_partitions.has_partition_key(night.as_of.isoformat()):
        raise ConfigurationError(f"--as-of {night.as_of}: give a business day that is over, {FIRST_NIGHT} or later")
    with dg.DagsterInstance.get() as instance:
        job = defs.resolve_job_def(job_name)
        try:
            job.execute_in_process(
                run_config={**run_config, **_QUIET, **home_config(night.home.root)},
                instance=instance,
                partition_key=night.as_of.isoformat(),
            )
        except dg.DagsterInvalidConfigError as error:
            raise ConfigurationError(f"{job_name}: {_one_line(error)}") from error
        except dg.DagsterError as error:  # a blocking check that failed, or the orchestrator itself
            raise BlockedError(f"night of {night.as_of}: nothing was published: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
