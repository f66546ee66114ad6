"""Whatever goes wrong at whatever call, a reader sees the old release or the new one, whole, and a retry succeeds."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults.disk_faults import IMAGES, Interceptor, KilledError, PowerCut
from unit.publishing.nights import day, facts, run_night, stage

from tierline.errors import IntegrityError, TierlineError
from tierline.home import Home
from tierline.publishing import Snapshot, open_snapshot, prune, publish
from tierline.schemas import PUBLISHED

OLD, NEW = 1, 2  # the value of every rate in the old and in the new night


@dataclass(frozen=True)
class Scene:
    """A home with one live release, and the staged tables of the next night."""

    home: Home
    live: str
    staged: dict[str, Path]

    def publish_next(self) -> str:
        return publish(self.home, self.staged, facts(day(1), self.live)).name

    def copy(self, to: Path) -> Scene:
        shutil.copytree(self.home.root, to)
        return Scene(Home(to), self.live, self.staged)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    home = Home(tmp_path_factory.mktemp("original") / "home")
    live = run_night(home, 0, mark=OLD)
    shutil.rmtree(home.root / "work")
    (home.published / ".stage" / "scores").mkdir(parents=True)  # so that clearing leftovers is among the calls
    (home.published / ".stage" / "scores" / "part-0.parquet").write_bytes(b"half a file")
    return Scene(home, live.name, stage(tmp_path_factory.mktemp("staged"), day(1), NEW))


@pytest.fixture(scope="module")
def expected_name(original: Scene, tmp_path_factory: pytest.TempPathFactory) -> str:
    return original.copy(tmp_path_factory.mktemp("expected") / "home").publish_next()


def marks(snapshot: Snapshot) -> set[float]:
    """The values of one rate column of each table that has one: a torn read would show two."""
    found: set[float] = set()
    for table, column in [("scores", "pd_12m"), ("credit_limits", "propensity"), ("pricing", "annual_rate")]:
        found |= set(snapshot.read(table).column(column).to_pylist())
    for table in PUBLISHED:
        assert snapshot.read(table).num_rows == 2
    return found


def assert_old_or_new(published: Path, old: str, new: str) -> str:
    snapshot = open_snapshot(published)
    assert snapshot.name in (old, new)
    assert marks(snapshot) == {float(NEW if snapshot.name == new else OLD)}
    return snapshot.name


def count_calls(original: Scene, tmp_path: Path) -> Interceptor:
    scene = original.copy(tmp_path / "count")
    return count(scene.publish_next)


def count(run: Callable[[], object]) -> Interceptor:
    counter = Interceptor()
    with pytest.MonkeyPatch.context() as patch:
        counter.install(patch)
        run()
    return counter


@pytest.mark.parametrize("mode", ["error", "kill", "half"])
def test_every_call_failing_leaves_old_or_new(original: Scene, expected_name: str, tmp_path: Path, mode: str) -> None:
    calls = count_calls(original, tmp_path)
    assert {"open", "write", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir"} <= set(calls.names)
    seen = []
    for number in range(1, calls.calls + 1):
        if mode == "half" and calls.names[number - 1] != "write":
            continue
        scene = original.copy(tmp_path / f"{mode}-{number}")
        reader = open_snapshot(scene.home.published)
        with pytest.MonkeyPatch.context() as patch:
            Interceptor(mode, number).install(patch)
            with pytest.raises(TierlineError if mode == "error" else KilledError):
                scene.publish_next()
        seen.append(assert_old_or_new(scene.home.published, scene.live, expected_name))
        assert marks(reader) == {float(OLD)}
        assert scene.publish_next() == expected_name
        assert assert_old_or_new(scene.home.published, scene.live, expected_name) == expected_name
        assert sorted(path.name for path in scene.home.published.iterdir()) == sorted(
            [".lock", "CURRENT", scene.live, expected_name]
        )
    assert seen[0] == scene.live
    # A fault after the pointer moved must show the new night: the flip happens once, and stays.
    assert seen == sorted(seen, key=lambda name: name == expected_name)
    assert (seen[-1] == expected_name) == (mode != "half")


def test_short_writes_are_completed(original: Scene, expected_name: str, tmp_path: Path) -> None:
    scene = original.copy(tmp_path / "home")
    with pytest.MonkeyPatch.context() as patch:
        Interceptor("short").install(patch)
        assert scene.publish_next() == expected_name
    assert_old_or_new(scene.home.published, expected_name, expected_name)


@pytest.mark.parametrize("kept", IMAGES)
def test_a_power_cut_after_any_call_leaves_old_or_new(
    original: Scene, expected_name: str, tmp_path: Path, kept: str
) -> None:
    calls = count_calls(original, tmp_path)
    seen = []
    for number in range(1, calls.calls + 1):
        scene = original.copy(tmp_path / f"cut-{number}")
        cut = PowerCut(scene.home.root)
        with pytest.MonkeyPatch.context() as patch:
            Interceptor("after", number, cut).install(patch)
            with pytest.raises(KilledError):
                scene.publish_next()
        found = Scene(Home(cut.image(tmp_path / f"image-{number}", kept)), scene.live, scene.staged)
        seen.append(assert_old_or_new(found.home.published, scene.live, expected_name))
        assert found.publish_next() == expected_name
        assert_old_or_new(found.home.published, expected_name, expected_name)
    assert (seen[0], seen[-1]) == (scene.live, expected_name)
    assert seen == sorted(seen, key=lambda name: name == expected_name)


def test_the_power_cut_model_sees_a_missing_fsync(original: Scene, tmp_path: Path) -> None:
    """The model is worth something only if it catches a publisher that forgets to fsync."""
    scene = original.copy(tmp_path / "home")
    cut = PowerCut(scene.home.root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tierline.publishing.disk.os.fsync", lambda descriptor: None)
        scene.publish_next()
    assert open_snapshot(cut.image(tmp_path / "fsynced", "fsynced") / "published").name == scene.live
    with pytest.raises(TierlineError):
        marks(open_snapshot(cut.image(tmp_path / "all_entries", "all_entries") / "published"))


def test_every_call_failing_while_mending_never_shows_anything_else(
    original: Scene, expected_name: str, tmp_path: Path
) -> None:
    """A damaged live release: at every fault a reader gets the right bytes or an error, and a retry mends it."""
    broken = original.copy(tmp_path / "broken")
    broken.publish_next()
    (broken.home.published / expected_name / "scores" / "part-0.parquet").write_bytes(b"damaged")
    spare = broken.copy(tmp_path / "count")
    counter = count(spare.publish_next)
    for number in range(1, counter.calls + 1):
        scene = broken.copy(tmp_path / f"mend-{number}")
        with pytest.MonkeyPatch.context() as patch:
            Interceptor("kill", number).install(patch)
            with pytest.raises(KilledError):
                scene.publish_next()
        snapshot = open_snapshot(scene.home.published)
        assert snapshot.read("pricing").num_rows == 2
        assert what_is_read(snapshot) in ([float(NEW)] * 2, "damage reported")
        assert scene.publish_next() == expected_name
        assert marks(open_snapshot(scene.home.published)) == {float(NEW)}


def what_is_read(snapshot: Snapshot) -> object:
    try:
        return snapshot.read("scores").column("pd_12m").to_pylist()
    except IntegrityError:
        return "damage reported"


def test_every_call_failing_while_pruning_leaves_whole_snapshots(original: Scene, tmp_path: Path) -> None:
    full = original.copy(tmp_path / "full")
    full.publish_next()
    spare = full.copy(tmp_path / "count")
    counter = count(lambda: prune(spare.home, keep=1))
    assert not (spare.home.published / full.live).exists()
    for number in range(1, counter.calls + 1):
        scene = full.copy(tmp_path / f"prune-{number}")
        with pytest.MonkeyPatch.context() as patch:
            Interceptor("kill", number).install(patch)
            with pytest.raises(KilledError):
                prune(scene.home, keep=1)
        assert marks(open_snapshot(scene.home.published)) == {float(NEW)}
        if (scene.home.published / scene.live).exists():
            assert marks(open_snapshot(scene.home.published, day(0))) == {float(OLD)}
        prune(scene.home, keep=1)
        assert not (scene.home.published / scene.live).exists()


def test_a_reader_in_a_loop_never_sees_a_torn_night(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    run_night(home, 0, mark=0)
    stop = threading.Event()
    seen: list[float] = []
    faults: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                (mark,) = marks(open_snapshot(home.published))
                seen.append(mark)
        except BaseException as error:  # noqa: BLE001 - handed to the test, which fails on it
            faults.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, 9):
        run_night(home, number, mark=number)
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert set(seen) <= {float(number) for number in range(9)}
    assert len(set(seen)) > 1


def test_two_publishers_at_once_take_turns(original: Scene, expected_name: str, tmp_path: Path) -> None:
    scene = original.copy(tmp_path / "home")
    names: list[str] = []
    threads = [threading.Thread(target=lambda: names.append(scene.publish_next())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == [expected_name] * 4
    assert_old_or_new(scene.home.published, expected_name, expected_name)
