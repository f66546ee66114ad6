"""Making a landing zone: from a specification to files, all or nothing.

Belongs here: the order of the phases, and what happens when a landing zone stands there already. Does not belong here:
any phase.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tierline.errors import ConfigurationError
from tierline.home import make_directory, replace_file
from tierline.schemas import LANDING
from tierline.sources.info import SourceInfo, write_info
from tierline.sources.simulated.book import outstanding
from tierline.sources.simulated.funding import partner_table, position_table, version_days
from tierline.sources.simulated.households import draw_households
from tierline.sources.simulated.landing import write_days
from tierline.sources.simulated.loans import Loans, draw_loans, schedules
from tierline.sources.simulated.macro import publish
from tierline.sources.simulated.repayments import Payments, pay
from tierline.sources.simulated.spec import SIMULATOR_VERSION, SimulationSpec, SimulationSummary
from tierline.sources.simulated.statement import make_statement, statement_tables
from tierline.sources.simulated.tables import (
    Dated,
    customers_table,
    instalments_table,
    loan_numbers,
    loans_table,
    macro_table,
    preferred_scenario,
    repayments_table,
)
from tierline.sources.simulated.timeline import DAY, Ints, Timeline, to_date
from tierline.sources.simulated.truth import holds_truth_of, write_truth
from tierline.sources.simulated.vocabulary import ROLES
from tierline.sources.simulated.world import World, default_rates, make_world, month_ends

SIMULATION_FILE = "_simulation.json"
NOTES = [
    "Invented data: no row speaks of a real person.",
    "Customers registered before the first day arrive in one load on it; lending begins on the first day.",
]
_log = logging.getLogger("tierline")


class _Made(BaseModel):
    """What ``_simulation.json`` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    spec: SimulationSpec
    summary: SimulationSummary


def simulate(spec: SimulationSpec, landing: Path, truth: Path) -> SimulationSummary:
    """Write the landing zone of ``spec`` to ``landing`` and the true PDs below ``truth``, a directory outside it.

    A landing zone of the same specification and simulator version is left as it is. Anything else that stands there is
    refused with a ``ConfigurationError``. A killed simulation leaves no landing zone.
    """
    if truth.resolve().is_relative_to(landing.resolve()):
        raise ConfigurationError(f"{truth}: the truth must lie outside the landing zone {landing}")
    made = _existing(spec, landing)
    if made is None:
        return _make(spec, landing, truth)
    if not holds_truth_of(truth, spec):
        _log.info("simulate: the truth is missing, making it again")
        world = make_world(spec)
        write_truth(truth, world, month_ends(world))
    return made.summary.model_copy(update={"reused": True})


def _existing(spec: SimulationSpec, landing: Path) -> _Made | None:
    if not landing.exists() or (landing.is_dir() and not any(landing.iterdir())):
        return None
    path = landing / SIMULATION_FILE
    if not path.exists():
        raise ConfigurationError(f"{landing}: holds files that no simulation made: choose another directory")
    try:
        made = _Made.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ConfigurationError(f"{path}: damaged: delete {landing} and simulate again") from error
    if made.version != SIMULATOR_VERSION:
        raise ConfigurationError(
            f"{landing}: made by simulator version {made.version}, not {SIMULATOR_VERSION}: delete it to make it again"
        )
    if made.spec != spec:
        raise ConfigurationError(
            f"{landing}: made from another specification ({_difference(made.spec, spec)}): "
            "delete it or choose another directory"
        )
    return made


def _difference(there: SimulationSpec, asked: SimulationSpec) -> str:
    pairs = ((name, getattr(there, name), getattr(asked, name)) for name in SimulationSpec.model_fields)
    return ", ".join(f"{name} {old} there, {new} asked" for name, old, new in pairs if old != new)


def _make(spec: SimulationSpec, landing: Path, truth: Path) -> SimulationSummary:
    staging = landing.with_name(f".{landing.name}.simulating")
    if staging.exists():
        shutil.rmtree(staging)  # left by a killed simulation
    make_directory(staging)
    _log.info("simulate: %d customers, %d months up to %s, seed %d", spec.customers, spec.months, spec.as_of, spec.seed)
    world = make_world(spec)
    _log.info("simulate: true PD at every month-end")
    ends = month_ends(world)
    write_truth(truth, world, ends)
    rates = default_rates(world, ends)
    rows = {name: 0 for name in LANDING if not LANDING[name].optional}
    for name, data, days in _tables(world):
        rows[name] += write_days(staging, LANDING[name], data, days)
    summary = SimulationSummary(
        first_day=to_date(world.timeline.first_day),
        as_of=spec.as_of,
        last_day=to_date(world.timeline.last_day),
        rows=rows,
        default_rates=rates,
    )
    _finish(spec, summary, staging, landing)
    return summary


def _finish(spec: SimulationSpec, summary: SimulationSummary, staging: Path, landing: Path) -> None:
    info = SourceInfo(
        name="simulated",
        tables=list(summary.rows),
        first_day=summary.first_day,
        as_of=summary.as_of,
        pseudonym_key="demo",
        vocabulary=ROLES,
        notes=NOTES,
    )
    write_info(staging, info)
    made = _Made(version=SIMULATOR_VERSION, spec=spec, summary=summary)
    replace_file(staging / SIMULATION_FILE, (made.model_dump_json(indent=2) + "\n").encode())
    make_directory(landing.parent)
    staging.replace(landing)
    _log.info("simulate: %d rows in %s", sum(summary.rows.values()), landing)


def _tables(world: World) -> Iterator[tuple[str, Dated, Ints]]:
    """Every table, or slice of one, with the landing days it covers."""
    timeline, persons, streams, days = world.timeline, world.persons, world.streams, world.timeline.days
    _log.info("simulate: loans and repayments")
    loans = draw_loans(world.paths, persons, timeline, streams["loans"])
    loans = _up_to(loans, (timeline.last_day + 1) * DAY)
    plan, numbers = schedules(loans), loan_numbers(loans)
    changes, payments = pay(loans, plan, world.paths, timeline, persons, streams["payments"])
    payments = _paid(payments, (timeline.last_day + 1) * DAY)
    scenario = preferred_scenario(loans, streams["loans"])
    household = draw_households(persons.region, streams["households"])
    yield "customers", customers_table(persons, household, timeline, streams["customers"]), days
    yield "loans", loans_table(loans, numbers, scenario), days
    yield "instalments", instalments_table(loans, numbers, plan, changes, (persons, timeline)), days
    yield "repayments", repayments_table(payments, plan, numbers, timeline, streams["recording"]), days
    yield "macro", macro_table(publish(world.macro, timeline, streams["macro"])), days
    owed = outstanding(loans, plan, payments, changes, version_days(timeline))
    yield "funding_partners", Dated(*partner_table(len(persons), owed, timeline)), days
    yield "lender_position", Dated(*position_table(len(persons), timeline, streams["funding"])), days
    _log.info("simulate: transactions")
    statement = make_statement(world, loans, scenario, plan, payments)
    _log.info("simulate: writing %d transactions", len(statement))
    for part in statement_tables(statement, timeline, len(persons)):
        yield "transactions", part, _covered(part, timeline)


def _covered(part: Dated, timeline: Timeline) -> Ints:
    """The landing days of a slice of transactions; every day has a row, so first and last row tell."""
    return timeline.days[int(part.day[0]) - timeline.first_day : int(part.day[-1]) - timeline.first_day + 1]


def _up_to(loans: Loans, end: int) -> Loans:
    keep = loans.drawn_at + 60 < end
    return Loans(*(getattr(loans, name)[keep] for name in Loans.__dataclass_fields__))


def _paid(payments: Payments, end: int) -> Payments:
    keep = payments.paid_at < end
    return Payments(*(getattr(payments, name)[keep] for name in Payments.__dataclass_fields__))
