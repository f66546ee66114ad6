"""Any order of nights, re-runs, late nights and prunings: the released state follows a model of a few lines."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.publishing.nights import day, facts, stage

from tierline.errors import BlockedError, IntegrityError
from tierline.home import Home
from tierline.publishing import open_snapshot, previous_snapshot, prune, publish

DAYS, MARKS = 4, 2


@dataclass
class Model:
    """What is stored (name -> day, mark, predecessor) and which is live."""

    stored: dict[str, tuple[int, int, str | None]] = field(default_factory=dict)
    live: str | None = None

    def before(self, number: int) -> str | None:
        """The release live before day ``number``; ``KeyError`` if it was pruned."""
        name = self.live
        while name is not None and self.stored[name][0] >= number:
            name = self.stored[name][2]
        if name is not None and name not in self.stored:
            raise KeyError(name)
        return name

    def publish(self, name: str, number: int, mark: int) -> None:
        self.stored[name] = (number, mark, self.before(number))
        if self.live is None or self.stored[self.live][0] <= number:
            self.live = name

    def prune(self, keep: int) -> None:
        name = self.live
        for _ in range(keep - 1):
            name = self.stored[name][2] if name in self.stored else None
        if name in self.stored:
            oldest = self.stored[name][0]
            self.stored = {key: night for key, night in self.stored.items() if night[0] >= oldest}


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], dict[str, Path]]:
    root = tmp_path_factory.mktemp("staged")
    return {
        (number, mark): stage(root / f"{number}-{mark}", day(number), mark)
        for number in range(DAYS)
        for mark in range(MARKS)
    }


steps = st.one_of(
    st.tuples(st.integers(0, DAYS - 1), st.integers(0, MARKS - 1)),
    st.integers(1, 3),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(steps, min_size=1, max_size=8))
def test_any_history_follows_the_model(
    staged: dict[tuple[int, int], dict[str, Path]], history: list[tuple[int, int] | int]
) -> None:
    with tempfile.TemporaryDirectory() as root:
        home, model = Home(Path(root)), Model()
        content: dict[str, str] = {}
        for step in history:
            if isinstance(step, int):
                prune(home, keep=step)
                model.prune(step)
            else:
                publish_step(home, model, staged, step)
            check(home, model, content)


def publish_step(
    home: Home, model: Model, staged: dict[tuple[int, int], dict[str, Path]], night: tuple[int, int]
) -> None:
    number, mark = night
    try:
        expected = model.before(number)
    except KeyError:
        with pytest.raises(IntegrityError, match="pruned"):
            previous_snapshot(home, day(number))
        return
    found = previous_snapshot(home, day(number))
    assert (found.name if found else None) == expected
    result = publish(home, staged[night], facts(day(number), expected))
    again = publish(home, staged[night], facts(day(number), expected))
    assert again == result
    model.publish(result.name, number, mark)
    assert result.became_current == (model.live == result.name)


def check(home: Home, model: Model, content: dict[str, str]) -> None:
    """Everything stored is there, whole, and byte for byte as when it was first seen; CURRENT is the model's."""
    assert {path.name for path in home.published.glob("2025-*")} == set(model.stored)
    for name in model.stored:
        files = sorted(path for path in (home.published / name).rglob("*") if path.is_file())
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
        assert content.setdefault(name, digest) == digest
    if model.live is not None:
        number, mark, _ = model.stored[model.live]
        snapshot = open_snapshot(home.published)
        assert (snapshot.name, snapshot.as_of) == (model.live, day(number))
        assert set(snapshot.read("scores").column("pd_12m").to_pylist()) == {float(mark)}


@pytest.mark.parametrize("previous", [None, "2025-02-01-0123456789abcdef", "../x", "2025-03-01-0000000000000000"])
def test_a_wrong_predecessor_never_gets_in(
    staged: dict[tuple[int, int], dict[str, Path]], previous: str | None, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    live = publish(home, staged[0, 0], facts(day(0)))
    with pytest.raises(BlockedError, match="run the night again"):
        publish(home, staged[1, 0], facts(day(1), previous))
    assert open_snapshot(home.published).name == live.name
