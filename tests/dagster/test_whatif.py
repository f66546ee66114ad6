"""The what-if and stress jobs as the UI runs them: charts in the metadata, nothing published."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dagster as dg
from small_lender import NEXT, release_bytes, unchanged_process


def run_job(home: Path, job: str, config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Metadata of what a job made, by asset."""
    from dagster_project.commands import home_config, prepare_instance
    from dagster_project.definitions import defs

    with unchanged_process():
        prepare_instance(home)
        assert os.environ["DAGSTER_HOME"] == str(home / "dagster")
        with dg.DagsterInstance.get() as instance:
            result = defs.resolve_job_def(job).execute_in_process(
                instance=instance,
                partition_key=NEXT.isoformat(),
                run_config={
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                    **home_config(home),
                    **config,
                },
            )
    made = result.get_asset_materialization_events()
    return {
        event.asset_key.to_user_string(): {name: value.value for name, value in event.materialization.metadata.items()}
        for event in made
        if event.asset_key is not None
    }


def test_an_unchanged_policy_shows_no_change(after_second: Path) -> None:
    published = release_bytes(after_second)
    config = {"ops": {"policy_whatif": {"config": {"policy": "cn-online-micro-lender"}}}}
    (shown,) = run_job(after_second, "whatif", config).values()
    assert shown["customers_changed"] == 0
    assert shown["tier_exposure"].startswith("![")
    assert Path(shown["page"]).is_file()
    assert {row["change"] for row in shown["book"]} == {0.0}
    assert release_bytes(after_second) == published


def test_stress_and_frontier_are_drawn(after_second: Path) -> None:
    shown = run_job(after_second, "stress", {})
    assert shown["stress_tests"]["profit"].startswith("![")
    assert shown["efficient_frontier"]["frontier"].startswith("![")
    assert shown["stress_tests"]["scenarios"] == 5
