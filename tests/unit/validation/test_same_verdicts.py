"""Ten rules, each broken in turn: the metrics frame gives the verdicts that expectations on every row give."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.validation import RULES, break_rule, rows_in_pandas, rows_in_pandas_tuned, tierline, write_day


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_day(tmp_path_factory.mktemp("day"), 2_000)


@pytest.mark.parametrize("broken", ["", *RULES])
def test_the_same_verdicts(day: Path, tmp_path: Path, broken: str) -> None:
    path = break_rule(day, broken, tmp_path) if broken else day
    expected = {rule: rule != broken for rule in RULES}
    assert tierline(path) == expected
    assert rows_in_pandas(path) == expected
    assert rows_in_pandas_tuned(path) == expected
