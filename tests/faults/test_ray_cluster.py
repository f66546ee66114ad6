"""A real cluster of two nodes, one of which dies in mid-run: the night ends with the bytes of a local run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import lakes
import pytest
from unit.engine.clusters import needs_ray, own_ray
from unit.features.worlds import VOCABULARY, random_world

from tierline.engine import map_buckets, session
from tierline.features import BucketReport, FeatureContext, NightlyRun, nightly, nightly_features
from tierline.ingest.revisions import update_revisions
from tierline.lake import Lake

AS_OF = date(2024, 1, 31)
BUCKETS = 8
PATIENCE = 60.0


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = lakes.write_lake(tmp_path_factory.mktemp("lake"), random_world(11), buckets=BUCKETS)
    with session() as connection:
        update_revisions(connection, made)
    return made


@pytest.fixture(scope="module")
def expected(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a local run writes."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TIERLINE_ENGINE", "local")
        patched.setenv("TIERLINE_WORKERS", "2")
        return two_nights(lake, tmp_path_factory.mktemp("local"))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with own_ray():
        import ray
        from ray.cluster_utils import Cluster

        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        monkeypatch.setenv("RAY_ADDRESS", made.address)
        monkeypatch.setenv("TIERLINE_ENGINE", "ray")
        try:
            yield made
        finally:
            ray.shutdown()
            made.shutdown()


def two_nights(lake: Lake, folder: Path) -> dict[str, bytes]:
    """The second night carries the state of the first on; every file written, by path below ``folder``."""
    for day in (AS_OF - timedelta(days=1), AS_OF):
        context = FeatureContext("UTC", VOCABULARY)
        nightly_features(NightlyRun(lake, day, context, folder / "features" / str(day), folder / "state"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def staged(marks: Path, doomed: str, real: Callable[[Any], BucketReport]) -> Callable[[Any], BucketReport]:
    """The bucket function. In the second night the doomed node ends one bucket and comes to a halt in its next one,
    with the state written and the features not; the other node begins nothing before that one is dead.
    """

    def wait_for_the_end(*_: Any) -> int:
        (marks / "halted").write_text(str(os.getpid()))
        time.sleep(PATIENCE)
        raise AssertionError("the node was not killed")

    def work(task: Any) -> BucketReport:
        import ray

        here = ray.get_runtime_context().get_node_id()
        if task.run.as_of == AS_OF:
            if here == doomed and list(marks.glob(f"*-{doomed}")):
                nightly._finish = wait_for_the_end
            (marks / f"{task.bucket}-{here}").touch()
            wait_until(lambda: here == doomed or (marks / "dead").exists())
        return real(task)

    return work


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kill(cluster: Any, node: Any, marks: Path) -> None:
    """Kill a node as a power cut does, once it has come to its halt."""
    wait_until((marks / "halted").exists)
    cluster.remove_node(node, allow_graceful=False)
    with suppress(ProcessLookupError):
        os.kill(int((marks / "halted").read_text()), signal.SIGKILL)
    (marks / "dead").touch()


@needs_ray
def test_a_node_that_dies_in_mid_run_changes_no_byte(
    lake: Lake, expected: dict[str, bytes], cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    doomed = cluster.add_node(num_cpus=1)
    monkeypatch.setattr(nightly, "bucket_night", staged(marks, doomed.node_id, nightly.bucket_night))
    killer = threading.Thread(target=kill, args=(cluster, doomed, marks))
    killer.start()
    on_cluster = two_nights(lake, tmp_path / "cluster")
    killer.join()

    begun = [path.name.split("-") for path in marks.glob("*-*")]
    on_doomed = {bucket for bucket, node in begun if node == doomed.node_id}
    elsewhere = {bucket for bucket, node in begun if node != doomed.node_id}
    assert len(on_doomed) == 2, "one bucket was ended on the node that died, one was not"
    assert len(on_doomed & elsewhere) == 1, "the other node made the bucket that was lost, and it alone, again"
    assert len(on_doomed | elsewhere) == BUCKETS
    assert sorted(on_cluster) == sorted(expected)
    assert on_cluster == expected
    assert len([path for path in expected if path.startswith("features/")]) == 2 * BUCKETS
    assert any(path.startswith("state/") for path in expected)


@needs_ray
def test_without_an_address_a_cluster_of_this_machine_is_started_and_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setenv("TIERLINE_ENGINE", "ray")
    monkeypatch.setenv("TIERLINE_WORKERS", "2")
    with own_ray():
        assert map_buckets(cpus, [0], "cpus") == [2.0]
        assert not ray.is_initialized()


def cpus(_: int) -> float:
    import ray

    return float(ray.cluster_resources()["CPU"])


@pytest.mark.parametrize("workers", ["1", "3"])
def test_the_number_of_workers_changes_no_byte(
    workers: str, lake: Lake, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIERLINE_ENGINE", "local")
    monkeypatch.setenv("TIERLINE_WORKERS", workers)
    assert two_nights(lake, tmp_path) == expected
