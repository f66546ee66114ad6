"""What the machine does to us (disk, memory, files) ends in one line and a non-zero exit, like our own errors."""

from __future__ import annotations

import duckdb
import pytest

from tierline import cli


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), duckdb.Error("out of memory\nmore")])
def test_one_line_and_exit_1(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(
        cli, "APP", type("App", (), {"command": lambda *_: lambda f: f, "__call__": lambda _: fail()})()
    )
    with pytest.raises(SystemExit) as ended:
        cli.main()
    shown = capsys.readouterr().err
    assert ended.value.code == 1
    assert shown.count("\n") == 1
    assert "the live release is untouched" in shown
