"""The map over buckets: order, errors, settings; with threads and, where it is installed, with Ray."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from unit.engine.clusters import needs_ray, own_ray

from tierline.engine import bucket_session, map_buckets, on_ray
from tierline.errors import BlockedError, ConfigurationError, Fault, InputError, TierlineError

ENGINES = ["local", pytest.param("ray", marks=needs_ray)]


@pytest.fixture(scope="module")
def ray_of_others() -> Iterator[None]:
    """A Ray of two CPUs that was there before the map and must be there after it."""
    import ray

    with own_ray():
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield
        assert ray.is_initialized()
        ray.shutdown()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TIERLINE_ENGINE", request.param)
    if request.param == "ray":
        request.getfixturevalue("ray_of_others")
    return str(request.param)


@dataclass(frozen=True)
class Place:
    """A task with a directory, as those of the night are."""

    number: int
    folder: Path


def slowest_first(number: int) -> int:
    time.sleep(0.2 if number == 0 else 0)
    return number * number


def blocked_at_two(number: int) -> int:
    if number == 2:
        raise BlockedError("bucket 2: the rule, and what to do")
    return number


def refused(number: int) -> int:
    raise InputError([Fault("loans", "amount", "negative", "send it again"), Fault("loans", "", "late", "wait")])


def first_fails_others_write_late(place: Place) -> None:
    if place.number == 0:
        raise BlockedError("bucket 0")
    time.sleep(2)
    (place.folder / f"{place.number}").touch()


def seen_landmarks(place: Place) -> list[str]:
    return sorted(path.name for path in place.folder.iterdir())


def full_disk(_: int) -> None:
    raise OSError(28, "No space left on device", "/data")


def broken_at_one(number: int) -> float:
    return 1 / (number - 1)


def threads_and_setting(_: int) -> tuple[int, str]:
    with bucket_session() as connection:
        threads = connection.execute("SELECT current_setting('threads')").fetchall()[0][0]
    return int(threads), os.environ.get("TIERLINE_TESTED", "")


def test_results_come_in_the_order_of_the_tasks(engine: str) -> None:
    assert map_buckets(slowest_first, range(12), "squares") == [number * number for number in range(12)]


def test_an_error_of_the_domain_arrives_as_itself(engine: str) -> None:
    with pytest.raises(BlockedError, match=r"^bucket 2: the rule, and what to do$"):
        map_buckets(blocked_at_two, range(6), "buckets")


def test_an_error_that_is_not_made_from_its_message_arrives_whole(engine: str) -> None:
    with pytest.raises(InputError) as raised:
        map_buckets(refused, range(2), "buckets")
    assert str(raised.value) == "loans: column amount: negative: send it again (and 1 more like it)"
    assert [fault.rule for fault in raised.value.faults] == ["negative", "late"]


def test_any_other_error_keeps_its_type_and_line(engine: str) -> None:
    with pytest.raises(ZeroDivisionError, match=r"^division by zero$"):
        map_buckets(broken_at_one, range(3), "buckets")
    with pytest.raises(OSError, match=r"^\[Errno 28\] No space left on device: '/data'$"):
        map_buckets(full_disk, range(1), "buckets")


def test_settings_reach_the_workers_and_a_bucket_has_one_thread(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_TESTED", "yes")
    assert map_buckets(threads_and_setting, range(2), "buckets") == [(1, "yes")] * 2


def test_no_buckets_is_no_work(engine: str) -> None:
    assert map_buckets(blocked_at_two, [], "buckets") == []


def test_progress_is_shown_at_every_tenth(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_ENGINE", "local")
    with caplog.at_level(logging.INFO, "tierline.engine"):
        map_buckets(slowest_first, range(20), "features")
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [f"features: {done} of 20 buckets" for done in range(2, 21, 2)]


@pytest.mark.parametrize(
    ("name", "value"), [("TIERLINE_ENGINE", "spark"), ("TIERLINE_WORKERS", "0"), ("TIERLINE_WORKERS", "many")]
)
def test_a_wrong_setting_is_one_line(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"^{name}={value}: [^\n]+$"):
        map_buckets(slowest_first, range(3), "buckets")


def test_without_ray_the_setting_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_ENGINE", "ray")
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'tierline\[ray\]'"):
        map_buckets(slowest_first, range(3), "buckets")


@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_one_line(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_ENGINE", "ray")
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with pytest.raises(ConfigurationError, match=f"^RAY_ADDRESS={address}: cannot join the cluster [^\n]+$"):
        map_buckets(slowest_first, range(3), "buckets")


@pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
def test_an_error_lets_nothing_more_begin_and_waits_for_what_has(engine: str, tmp_path: Path) -> None:
    with pytest.raises(BlockedError, match=r"^bucket 0$"):
        map_buckets(first_fails_others_write_late, [Place(number, tmp_path) for number in range(20)], "buckets")
    written = sorted(tmp_path.iterdir())
    assert len(written) < 6
    time.sleep(3)
    assert sorted(tmp_path.iterdir()) == written


@pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
def test_workers_see_a_landmark_in_the_directory_and_nothing_of_it_stays(engine: str, tmp_path: Path) -> None:
    (names,) = map_buckets(seen_landmarks, [Place(1, tmp_path)], "buckets")
    assert len(names) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
def test_a_node_without_the_directory_is_one_line(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.touch
    monkeypatch.setattr(Path, "touch", lambda path, **how: real(path.with_name("another file"), **how))
    line = f"^node [^ ]+: {tmp_path}: not the directory that the night uses [^\n]+ on every node, for the same user$"
    with pytest.raises(ConfigurationError, match=line):
        map_buckets(seen_landmarks, [Place(1, tmp_path / "not" / "yet" / "made")], "buckets")


@pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
def test_a_node_with_other_software_is_one_line(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_ray, "_software", lambda: "tierline 0.0.1")
    with pytest.raises(
        ConfigurationError, match=r"^node [^ ]+: runs tierline [^\n]+; the night runs tierline 0\.0\.1: "
    ):
        map_buckets(slowest_first, range(2), "buckets")


@pytest.mark.parametrize(
    ("head", "resources", "why"),
    [
        ("127.0.0.1:1", {"CPU": 8.0}, r"the head 127\.0\.0\.1:1 has not answered"),
        ("", {"memory": 1.0}, "the cluster has had no node with a CPU"),
    ],
)
def test_a_cluster_that_is_lost_is_one_line(
    head: str, resources: dict[str, float], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = on_ray._Watch(SimpleNamespace(cluster_resources=lambda: resources), head)
    watch.look()  # trouble may pass
    monkeypatch.setattr(on_ray, "HEAD_SECONDS", 0)
    monkeypatch.setattr(on_ray, "NODE_SECONDS", 0)
    with pytest.raises(TierlineError, match=f"^ray: {why} for 0 seconds: [^\n]+$"):
        watch.look()
