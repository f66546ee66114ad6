"""Proofs hold only where counting finds nothing, and the count is taken where they do not."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tierline.engine import session
from tierline.parquet import write_arrow
from tierline.validation import proofs
from tierline.validation.metrics import Metric, Source, measure
from tierline.validation.proofs import HexDigits, Proof, UniqueRows

GOOD = ["0123456789abcdef" * 2, "f" * 32]


def holds(proof: Proof, tmp_path: Path, **columns: list[str | int | None]) -> bool:
    """Over two files, so that a fault may stand in either or between them."""
    data = pa.table(columns)
    half = data.num_rows // 2
    files = (tmp_path / "0.parquet", tmp_path / "1.parquet")
    write_arrow(files[0], data.slice(0, half))
    write_arrow(files[1], data.slice(half))
    with session() as connection:
        return proof.holds(connection, files)


@pytest.mark.parametrize(
    ("values", "nullable", "expected"),
    [
        (GOOD, False, True),
        ([*GOOD, None], True, True),
        ([*GOOD, None], False, False),
        ([None, None, GOOD[0]], True, True),
        ([*GOOD, "F" * 32], False, False),
        ([*GOOD, "g" + "0" * 31], False, False),
        ([*GOOD, "/" + "0" * 31], False, False),
        ([*GOOD, ":" + "0" * 31], False, False),
        ([*GOOD, "`" + "0" * 31], False, False),
        ([*GOOD, "0" * 31], False, False),
        (["0" * 31, "0" * 33], False, False),
        ([*GOOD, ""], True, False),
        ([*GOOD, "é" * 16], False, False),
        (["C001", *GOOD], False, False),
    ],
)
def test_hex_digits(tmp_path: Path, values: list[str | int | None], nullable: bool, expected: bool) -> None:
    assert holds(HexDigits("key", 32, nullable), tmp_path, key=values) is expected


def test_hex_digits_beyond_one_batch_and_block(tmp_path: Path) -> None:
    many: list[str | int | None] = [f"{number:032x}" for number in range(3 * proofs.BATCH_ROWS)]
    assert holds(HexDigits("key", 32, False), tmp_path, key=many)
    many[-1] = "x" * 32
    assert not holds(HexDigits("key", 32, False), tmp_path, key=many)


@pytest.mark.parametrize("pass_rows", [1, 3, 1_000])
@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (["x", "x", "y", "y"], [1, 2, 1, 2], True),
        (["x", "y", "z", "x"], [1, 2, 3, 1], False),
        (["x", "x", "y", "z"], [1, 1, 2, 3], False),
        (["x", "y", "z", None], [1, 2, 3, 4], False),
        ([], [], True),
    ],
)
def test_unique_rows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pass_rows: int,
    a: list[str | int | None],
    b: list[str | int | None],
    expected: bool,
) -> None:
    monkeypatch.setattr(proofs, "PASS_ROWS", pass_rows)
    assert holds(UniqueRows(("a", "b")), tmp_path, a=a, b=b) is expected


class Never:
    """A proof that always fails, as one does where two hashes happen to be equal."""

    def holds(self, *_: object) -> bool:
        return False


def test_a_failed_proof_leaves_the_verdict_to_the_count(tmp_path: Path) -> None:
    file = tmp_path / "0.parquet"
    write_arrow(file, pa.table({"a": [1, 2, 3]}))
    source = Source(f"read_parquet(['{file}'])", pa.schema([]), (file,))
    metrics = [
        Metric("none", "count(*) FILTER (WHERE a > 3)", "", Never()),
        Metric("two", "count(*) FILTER (WHERE a > 1)", "", Never()),
    ]
    with session() as connection:
        assert measure(connection, source, metrics) == {"rows": 3, "none": 0, "two": 2}
