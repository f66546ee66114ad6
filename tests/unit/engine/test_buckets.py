"""The map over buckets: order, errors, settings; with threads and, where it is installed, with Ray."""

from __future__ import annotations

import importlib.util
import logging
import os
import time
from collections.abc import Iterator

import pytest

from tierline.engine import bucket_session, map_buckets
from tierline.errors import BlockedError, ConfigurationError

HAS_RAY = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HAS_RAY, reason="the extra ray is not installed")
ENGINES = ["local", pytest.param("ray", marks=needs_ray)]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TIERLINE_ENGINE", request.param)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    yield request.param
    if request.param == "ray":
        import ray

        ray.shutdown()


def slowest_first(number: int) -> int:
    time.sleep(0.2 if number == 0 else 0)
    return number * number


def blocked_at_two(number: int) -> int:
    if number == 2:
        raise BlockedError("bucket 2: the rule, and what to do")
    return number


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


def test_any_other_error_keeps_its_type(engine: str) -> None:
    with pytest.raises(ZeroDivisionError):
        map_buckets(broken_at_one, range(3), "buckets")


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
def test_a_cluster_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_ENGINE", "ray")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ConfigurationError, match=r"^RAY_ADDRESS=127\.0\.0\.1:1: cannot join the cluster [^\n]+$"):
        map_buckets(slowest_first, range(3), "buckets")
