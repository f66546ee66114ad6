"""What the orchestrator sees: assets, checks, jobs, the schedule, and the run configuration of the launchpad."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from dagster_project.definitions import defs
from dagster_project.partitions import nightly_partitions
from dagster_project.resources import HOME_VARIABLE, site_settings
from dagster_project.schedules import last_business_day, nightly_schedule
from tierline.schemas import LANDING, PUBLISHED
from tierline.sources.info import SourceInfo, write_info
from tierline.training import TrainingConfig

ROOT = Path(__file__).resolve().parents[2]
STAGES = {
    "ingest",
    "validate",
    "features",
    "train",
    "score",
    "tier",
    "limit",
    "price",
    "fund",
    "publish",
    "monitor",
    "compare",
    "whatif",
}


def nodes() -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def test_definitions_load_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            "from dagster_project.definitions import defs; defs.get_repository_def()",
        ],
        cwd=tmp_path,
        env={**os.environ, HOME_VARIABLE: str(tmp_path), "DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_definitions_are_loadable_as_a_whole() -> None:
    dg.Definitions.validate_loadable(defs)


def test_every_stage_has_its_group_and_every_table_its_asset() -> None:
    found = nodes()
    assert {spec.group_name for spec in found.values()} == STAGES
    assert set(PUBLISHED) <= set(found)
    assert {f"lake/{name}" for name in LANDING} <= set(found)


def test_every_asset_is_described_and_one_partition_is_one_night() -> None:
    for name, spec in nodes().items():
        assert spec.description, name
        assert spec.partitions_def == nightly_partitions, name


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_published_table_shows_its_contract_as_schema(name: str) -> None:
    schema = nodes()[name].metadata["dagster/column_schema"]
    assert [column.name for column in schema.columns] == list(PUBLISHED[name].column_names)
    assert all(column.description for column in schema.columns)
    assert [c.constraints.nullable for c in schema.columns] == [c.nullable for c in PUBLISHED[name].columns]


ON_REQUEST = {"challenger_model", "model_comparison", "policy_whatif", "stress_tests", "efficient_frontier"}


def test_jobs_cover_everything_once_and_run_in_process() -> None:
    jobs = {name: defs.resolve_job_def(name) for name in ("nightly", "training", "compare", "whatif", "stress")}
    nightly, training, compare = jobs["nightly"], jobs["training"], jobs["compare"]
    planned = {key.to_user_string() for key in nightly.asset_layer.selected_asset_keys}
    assert planned == set(nodes()) - ON_REQUEST
    assert {k.to_user_string() for k in training.asset_layer.selected_asset_keys} == {"challenger_model"}
    assert {k.to_user_string() for k in compare.asset_layer.selected_asset_keys} == {"model_comparison"}
    assert {k.to_user_string() for k in jobs["whatif"].asset_layer.selected_asset_keys} == {"policy_whatif"}
    stress = {k.to_user_string() for k in jobs["stress"].asset_layer.selected_asset_keys}
    assert stress == {"stress_tests", "efficient_frontier"}
    for job in jobs.values():
        assert job.executor_def.name == "in_process"
        assert job.partitions_def == nightly_partitions
        assert int(job.run_tags["dagster/max_runtime"]) > 0


def test_the_release_comes_after_checks_of_every_table_that_block() -> None:
    graph = defs.resolve_asset_graph()
    guards: dict[str, set[str]] = {}
    for key in graph.asset_check_keys:
        guards.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
        assert graph.get_check_spec(key).blocking, key
    assert guards == {
        "release_candidate": {f"{name}_keeps_its_contract" for name in PUBLISHED} | {"independent_audit"},
        "validated_lake": {f"{name}_keeps_its_contract" for name in LANDING},
    }
    assert graph.get(dg.AssetKey("release")).parent_keys == {dg.AssetKey("release_candidate")}
    assert dg.AssetKey("release") in graph.get(dg.AssetKey("shadow_scores")).parent_keys  # the night is out by then
    assert graph.get(dg.AssetKey("release_candidate")).parent_keys == {dg.AssetKey(name) for name in PUBLISHED}


@pytest.mark.parametrize(
    ("tick", "timezone", "day"),
    [
        # 02:00 in Shanghai is 18:00 UTC of the day before: in UTC that day still has six hours to go
        ("2026-07-02T02:00+08:00", "UTC", date(2026, 6, 30)),
        ("2026-07-02T02:00+08:00", "Asia/Shanghai", date(2026, 7, 1)),
        ("2026-07-02T02:00+08:00", "Africa/Lagos", date(2026, 6, 30)),
        ("2026-03-01T00:00+00:00", "UTC", date(2026, 2, 28)),
        ("2026-03-01T00:00+00:00", "America/New_York", date(2026, 2, 27)),
    ],
)
def test_the_schedule_runs_the_last_day_that_is_over(tick: str, timezone: str, day: date) -> None:
    moment = datetime.fromisoformat(tick)
    assert last_business_day(moment, timezone) == day
    end_of_day = datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=ZoneInfo(timezone))
    assert end_of_day < moment
    assert nightly_partitions.has_partition_key(day.isoformat())


def test_the_schedule_ticks_at_two_in_shanghai_and_asks_for_a_partition() -> None:
    assert (nightly_schedule.cron_schedule, nightly_schedule.execution_timezone) == ("0 2 * * *", "Asia/Shanghai")
    tick, repository = datetime(2026, 7, 1, 18, 0, tzinfo=UTC), defs.get_repository_def()
    with dg.build_schedule_context(scheduled_execution_time=tick, repository_def=repository) as context:
        requests = nightly_schedule.evaluate_tick(context).run_requests
    assert requests is not None
    assert [(request.partition_key, request.run_key) for request in requests] == [("2026-06-30", "2026-06-30")]


def test_the_business_day_is_the_source_s_where_it_states_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    assert site_settings().business_timezone == "UTC"
    (tmp_path / "tierline.yaml").write_text("business_timezone: Asia/Tokyo\n")
    assert site_settings().business_timezone == "Asia/Tokyo"
    day = date(2026, 6, 30)
    info = SourceInfo(name="one", tables=["customers"], first_day=day, as_of=day, business_timezone="Africa/Lagos")
    write_info(tmp_path / "landing", info)
    assert site_settings().business_timezone == "Africa/Lagos"


_KINDS = {int: "Int", float: "Float", float | None: "Float", bool: "Bool", list[int]: "Array.Int"}


def test_training_run_config_is_typed_documented_and_defaulted() -> None:
    job = defs.resolve_job_def("training")
    fields = job.get_node_named("challenger_model").definition.config_schema.config_type.fields
    assert set(fields) == {*TrainingConfig.model_fields, "author"}
    assert not fields["author"].is_required
    for name, parameter in TrainingConfig.model_fields.items():
        field = fields[name]
        assert not field.is_required, name
        assert field.default_value == parameter.default, name
        assert field.description, name
        assert field.description == parameter.description, name
        assert _KINDS[parameter.annotation] in field.config_type.inner_type.key, name


@pytest.mark.parametrize(
    ("config", "says"),
    [({"leaves": "many"}, "leaves"), ({"num_leaves": 31}, "num_leaves"), ({"learning_rate": [1]}, "learning_rate")],
)
def test_the_launchpad_refuses_a_bad_value_by_name(config: dict[str, object], says: str) -> None:
    job = defs.resolve_job_def("training")
    with pytest.raises(dg.DagsterInvalidConfigError, match=says):
        dg.validate_run_config(job, {"ops": {"challenger_model": {"config": config}}})
