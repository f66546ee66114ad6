"""The map over what is read: order, how far ahead, and the first error."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Lock

import pytest

from tierline.engine import map_while_reading
from tierline.engine.ahead import AHEAD


@pytest.mark.parametrize("workers", ["1", "3"])
def test_results_stand_in_the_order_of_the_items(workers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_WORKERS", workers)
    last = Event()

    def square(number: int) -> int:
        if workers == "3" and number == 0:
            assert last.wait(10)  # the first is done last
        if number == 2:
            last.set()
        return number**2

    assert map_while_reading(square, range(20)) == [number**2 for number in range(20)]
    assert map_while_reading(square, []) == []


def test_what_comes_first_runs_beside_the_reading() -> None:
    begun = Event()

    def items() -> Iterator[int]:
        assert begun.wait(10)
        yield 5

    assert map_while_reading(str, items(), first=begun.set) == ["5"]

    def broken() -> None:
        raise ValueError("cannot begin")

    with pytest.raises(ValueError, match="cannot begin"):
        map_while_reading(str, [1], first=broken)


def test_no_more_is_read_than_may_lie_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_WORKERS", "2")
    done, lock, furthest = 0, Lock(), 0

    def items() -> Iterator[int]:
        nonlocal furthest
        for number in range(30):
            with lock:
                furthest = max(furthest, number - done)
            yield number

    def work(number: int) -> int:
        nonlocal done
        with lock:
            done += 1
        return number

    assert map_while_reading(work, items()) == list(range(30))
    assert furthest <= 2 + AHEAD


def test_the_first_error_stops_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLINE_WORKERS", "1")
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        if number == 3:
            raise ValueError("item 3")

    with pytest.raises(ValueError, match="item 3"):
        map_while_reading(work, iter(range(1_000)))
    assert max(begun) <= 3 + 1 + AHEAD

    def broken() -> Iterator[int]:
        yield 0
        raise OSError("item 1 cannot be read")

    with pytest.raises(OSError, match="item 1 cannot be read"):
        map_while_reading(str, broken())
