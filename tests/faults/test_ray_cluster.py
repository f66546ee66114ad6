"""A real cluster of two nodes, one of which dies in mid-run: the night ends with the bytes of a local run."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import lakes
import pytest
from unit.features.worlds import VOCABULARY, random_world

from tierline.engine import session
from tierline.features import BucketReport, FeatureContext, NightlyRun, nightly, nightly_features
from tierline.ingest.revisions import update_revisions
from tierline.lake import Lake

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="the extra ray is not installed: there is no cluster to start"
)
AS_OF = date(2024, 1, 31)
BUCKETS = 8


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = lakes.write_lake(tmp_path / "lake", random_world(11), buckets=BUCKETS)
    with session() as connection:
        update_revisions(connection, made)
    return made


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    monkeypatch.setenv("RAY_ADDRESS", found.address)
    monkeypatch.setenv("TIERLINE_ENGINE", "ray")
    yield found
    ray.shutdown()
    found.shutdown()


def night(lake: Lake, folder: Path) -> dict[str, bytes]:
    """Two nights, the second from the first one's state; every file written, by path below ``folder``."""
    for day in (AS_OF - timedelta(days=1), AS_OF):
        context = FeatureContext("UTC", VOCABULARY)
        nightly_features(NightlyRun(lake, day, context, folder / "features" / str(day), folder / "state"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def marking(marks: Path, real: Callable[[Any], BucketReport]) -> Callable[[Any], BucketReport]:
    """The bucket function, slowed down, leaving a mark of each attempt with the node it runs on."""

    def work(bucket: Any) -> BucketReport:
        import ray

        node = ray.get_runtime_context().get_node_id()
        (marks / f"{bucket.run.as_of}-{bucket.bucket}-{node}").touch()
        time.sleep(1.0)
        return real(bucket)

    return work


def test_a_node_that_dies_in_mid_run_changes_no_byte(
    lake: Lake, cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    second = cluster.add_node(num_cpus=1)
    with monkeypatch.context() as patched:
        patched.setattr(nightly, "bucket_night", marking(marks, nightly.bucket_night))

        def kill() -> None:
            deadline = time.monotonic() + 60
            while not list(marks.glob(f"*-{second.node_id}")) and time.monotonic() < deadline:
                time.sleep(0.05)
            cluster.remove_node(second, allow_graceful=False)

        killer = threading.Thread(target=kill)
        killer.start()
        on_cluster = night(lake, tmp_path / "cluster")
        killer.join()
    attempts = [path.name.rsplit("-", 1) for path in marks.iterdir()]
    on_dead = {bucket for bucket, node in attempts if node == second.node_id}
    elsewhere = {bucket for bucket, node in attempts if node != second.node_id}
    assert on_dead & elsewhere, "no bucket was begun on the node that died and again on the other"
    monkeypatch.setenv("TIERLINE_ENGINE", "local")
    assert on_cluster == night(lake, tmp_path / "local")


@pytest.mark.parametrize("workers", ["1", "3"])
def test_the_number_of_workers_changes_no_byte(
    workers: str, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = night(lake, tmp_path / "two")
    monkeypatch.setenv("TIERLINE_WORKERS", workers)
    assert night(lake, tmp_path / workers) == expected
