"""Proofs hold only where counting finds nothing, and the count is taken where they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tierline.engine import session
from tierline.parquet import write_arrow
from tierline.validation import proofs
from tierline.validation.metrics import Metric, Source, measure
from tierline.validation.proofs import HexDigits, NoNulls, Proof, UniqueRows

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
    ("values", "expected"),
    [
        (GOOD, True),
        ([*GOOD, None], True),
        ([None, None, GOOD[0]], True),
        ([*GOOD, "F" * 32], False),
        ([*GOOD, "g" + "0" * 31], False),
        ([*GOOD, "/" + "0" * 31], False),
        ([*GOOD, ":" + "0" * 31], False),
        ([*GOOD, "`" + "0" * 31], False),
        ([*GOOD, "0" * 31], False),
        (["0" * 31, "0" * 33], False),
        ([*GOOD, ""], False),
        ([*GOOD, "é" * 16], False),
        (["C001", *GOOD], False),
    ],
)
def test_hex_digits(tmp_path: Path, values: list[str | int | None], expected: bool) -> None:
    assert holds(HexDigits("key", 32), tmp_path, key=values) is expected


def test_hex_digits_are_sixteen_of_all_bytes() -> None:
    only = proofs._HexDigits().only
    accepted = [byte for byte in range(256) if only(np.array([ord("0"), byte], np.uint8))]
    assert bytes(accepted) == b"0123456789abcdef"


def test_hex_digits_beyond_one_batch_and_block(tmp_path: Path) -> None:
    many: list[str | int | None] = [f"{number:032x}" for number in range(3 * proofs.BATCH_ROWS)]
    assert holds(HexDigits("key", 32), tmp_path, key=many)
    many[-1] = "x" * 32
    assert not holds(HexDigits("key", 32), tmp_path, key=many)


def test_no_nulls_is_what_every_file_cannot_hold(tmp_path: Path) -> None:
    files = (tmp_path / "0.parquet", tmp_path / "1.parquet")
    required, optional = pa.schema([pa.field("a", pa.int64(), nullable=False)]), pa.schema([("a", pa.int64())])
    write_arrow(files[0], pa.table({"a": [1]}, required))
    write_arrow(files[1], pa.table({"a": [2]}, optional))
    with session() as connection:
        assert NoNulls(("a",)).holds(connection, files[:1])
        assert not NoNulls(("a",)).holds(connection, files)
        assert not NoNulls(("a", "b")).holds(connection, files[:1])


HASHES = ["hash({})", "hash({}) % 3", "hash({}) // 4294967296", "0::UBIGINT"]
"""As it is; all rows sharing three; only half the bits; one for all."""


@pytest.mark.parametrize("hashed", HASHES)
@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (["x", "x", "y", "y"], [1, 2, 1, 2], True),
        (["x", "y", "z", "x"], [1, 2, 3, 1], False),
        (["x", "x", "y", "z"], [1, 1, 2, 3], False),
        (["x", "y", "z", None], [1, 2, 3, 4], True),
        (["x", None, "z", None], [1, 2, 3, 2], False),
        (["x", "y", "x", "y"], [1, None, 1, None], False),
        ([], [], True),
    ],
)
def test_unique_rows_whatever_the_hash(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    a: list[str | int | None],
    b: list[str | int | None],
    expected: bool,
    hashed: str,
) -> None:
    """By the hash of one column or of both, in one pass, two or one for each row."""
    monkeypatch.setattr(proofs, "_key_hash", lambda columns: hashed.format(", ".join(columns)))
    data = pd.DataFrame({"a": a, "b": b})
    assert (not data.duplicated().any()) is expected
    for pass_rows, leading in ((1_000, ("a",)), (1_000, ("a", "b")), (3, ("a",)), (1, ("a", "b"))):
        monkeypatch.setattr(proofs, "PASS_ROWS", pass_rows)
        assert holds(UniqueRows(("a", "b"), leading), tmp_path, a=a, b=b) is expected


def test_too_many_suspects_prove_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that come in two versions each: the proof gives up where half the rows would have to be grouped."""
    monkeypatch.setattr(proofs, "SUSPECTS", 1)
    a: list[str | int | None] = [f"key {number // 2}" for number in range(100)]
    b: list[str | int | None] = [number % 2 for number in range(100)]
    assert not holds(UniqueRows(("a", "b"), ("a",)), tmp_path, a=a, b=b)
    assert holds(UniqueRows(("a", "b"), ("a", "b")), tmp_path, a=a, b=b)


@pytest.mark.parametrize("values", [10, 1_000, 2**20, 2**64 - 1])
@pytest.mark.parametrize("rows", [0, 1, 2, 500, 3 * 65_536 + 17])
def test_repeated_values(rows: int, values: int) -> None:
    """Compared with a count of each value; multiplied so that the leading bits, which choose the slot, differ too."""
    drawn = np.random.default_rng(rows).integers(0, values, rows, dtype=np.uint64, endpoint=True)
    for hashes in (drawn, drawn * np.uint64(0x9E3779B97F4A7C15)):
        found, times = np.unique(hashes, return_counts=True)
        np.testing.assert_array_equal(proofs.repeated(hashes), found[times > 1])


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
