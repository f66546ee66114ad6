"""A night with challengers: the same release as without them; a damaged one costs a warning; a comparison is shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow.parquet as pq
import pytest
from challenger_home import APPROVER, add_challenger
from small_lender import FIRST, NEXT, copy_home, current, release_bytes, run_night, run_steps, unchanged_process

from tierline.models import Registry
from tierline.night import open_night
from tierline.schemas import SHADOW_SCORES

FAULTS = ("booster.txt", "other features")


@pytest.fixture(scope="module")
def challenged(first_night: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict[str, str]]:
    """A home after a second night with one good and two bad challengers; the good one and the bad ones by fault."""
    home = copy_home(first_night, tmp_path_factory.mktemp("challenged"))
    good = add_challenger(home, FIRST)
    bad = {"booster.txt": add_challenger(home, FIRST, trees=5)}
    bad["other features"] = add_challenger(home, FIRST, trees=5, feature_set="0" * 64)
    (home / "models" / bad["booster.txt"] / "booster.txt").write_text("tree\n")
    run_night(home, NEXT)
    return home, good, bad


def latest(home: Path, asset: str) -> dict[str, Any]:
    with unchanged_process():
        os.environ["DAGSTER_HOME"] = str(home / "dagster")
        with dg.DagsterInstance.get() as instance:
            event = instance.get_latest_materialization_event(dg.AssetKey(asset))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_the_release_is_the_one_without_challengers(
    challenged: tuple[Path, str, dict[str, str]], second_night: Path
) -> None:
    home, _, _ = challenged
    assert current(home) == current(second_night)
    assert not list((home / "published").rglob("*shadow*"))


def test_a_challenger_scores_every_customer_of_the_night(challenged: tuple[Path, str, dict[str, str]]) -> None:
    home, good, _ = challenged
    night = open_night(home, NEXT)
    (file,) = (home / "work" / f"as_of={NEXT}" / "shadow_scores").glob("*.parquet")
    assert file.name == f"{good}.parquet"
    assert pq.read_schema(file).equals(SHADOW_SCORES.arrow_schema)
    shadow, features = pq.read_table(file, partitioning=None).to_pandas(), night.features()
    champion = night.staged("scores").to_pandas()
    assert shadow["customer_key"].tolist() == champion["customer_key"].tolist()
    assert set(shadow["model_id"]) == {good}
    in_default = (champion["tier"] == "X").to_numpy()
    assert (shadow["in_default"].to_numpy() == in_default).all()
    expected = np.where(in_default, 1.0, night.registry.load(good, NEXT).predict_pd(features))
    assert features.column("customer_key").to_pylist() == shadow["customer_key"].tolist()
    assert np.array_equal(shadow["pd_12m"].to_numpy(), expected)
    assert (shadow["pd_12m"] != champion["pd_12m"]).any()


def test_a_challenger_that_cannot_score_is_reported(challenged: tuple[Path, str, dict[str, str]]) -> None:
    home, good, bad = challenged
    shown = latest(home, "shadow_scores")
    assert list(shown["rows"]) == [good]
    assert set(shown["left_out"]) == set(bad.values())
    for fault, model_id in bad.items():
        assert fault in shown["left_out"][model_id]


def test_the_comparison_job_shows_both_models(challenged: tuple[Path, str, dict[str, str]]) -> None:
    from dagster_project.commands import home_config, prepare_instance
    from dagster_project.definitions import defs

    home, good, _ = challenged
    with unchanged_process():
        prepare_instance(home)
        with dg.DagsterInstance.get() as instance:
            done = defs.resolve_job_def("compare").execute_in_process(
                instance=instance,
                partition_key=NEXT.isoformat(),
                run_config={**home_config(home), "ops": {"model_comparison": {"config": {"challenger": good}}}},
            )
    assert done.success
    shown = latest(home, "model_comparison")
    champion = Registry(home / "models").champion(NEXT)
    assert champion is not None
    assert (shown["champion"], shown["challenger"]) == (champion.model_id, good)
    assert [line["measure"] for line in shown["figures"]] == ["gini", "ks", "brier", "log_loss", "calibration_gap"]
    for chart in ("migration", "differences"):
        assert len(shown[chart]) > 5_000, chart
    migration = pq.read_table(Path(shown["path"]) / "migration.parquet").to_pandas()
    scores = open_night(home, NEXT).staged("scores").to_pandas()
    assert migration.groupby("champion_tier")["customers"].sum().to_dict() == {
        **dict.fromkeys(migration["champion_tier"], 0),
        **scores["tier"].value_counts().to_dict(),
    }
    changed = pq.read_table(Path(shown["path"]) / "changes.parquet").num_rows
    stayed = migration.loc[migration["champion_tier"] == migration["challenger_tier"], "customers"].sum()
    assert changed == shown["tier_changes"] == len(scores) - stayed


def test_a_night_run_again_after_a_promotion_keeps_its_name(
    challenged: tuple[Path, str, dict[str, str]], tmp_path: Path
) -> None:
    """The promotion holds for later nights; the damaged and the promoted challenger change nothing of this one."""
    home = copy_home(challenged[0], tmp_path / "home")
    name = current(home)
    Registry(home / "models").promote(challenged[1], APPROVER, "better", NEXT)
    run_night(home, NEXT)
    assert current(home) == name


def test_a_champion_changed_while_the_night_ran_blocks_the_release(
    challenged: tuple[Path, str, dict[str, str]], tmp_path: Path
) -> None:
    """The scores that stand are of the old champion; a manifest that names the new one would be false."""
    home = copy_home(challenged[0], tmp_path / "home")
    before = release_bytes(home)
    Registry(home / "models").promote(challenged[1], APPROVER, "better", FIRST)
    done = run_steps(home, NEXT, ["release"])
    assert not done.success
    (failed,) = [event for event in done.all_node_events if event.is_step_failure]
    assert "run the whole night again" in str(failed.step_failure_data.error)
    assert release_bytes(home) == before
