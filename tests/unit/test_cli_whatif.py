"""The commands before go-live: what they say and keep, and that no release is touched."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from small_lender import FIRST, NEXT, command, release_bytes
from unit.policy.profiles import NAME, changed, write

from tierline.schemas import WHATIF

Capture = pytest.CaptureFixture[str]


def kept(home: Path, label: str, day: object = FIRST) -> Path:
    (directory,) = (home / "whatif" / f"as_of={day}").glob(f"{label}*")
    return directory


def tables(directory: Path) -> set[str]:
    for path in directory.glob("*.parquet"):
        assert pq.read_schema(path).equals(WHATIF[path.stem].arrow_schema), path.stem
    return {path.stem for path in directory.glob("*.parquet")}


def test_an_unchanged_policy_changes_nothing(after_first: Path, capsys: Capture) -> None:
    published = release_bytes(after_first)
    ended = command(capsys, "whatif", "--policy", NAME, "--home", after_first)
    assert (ended.code, ended.err) == (0, "")
    assert "nothing changes" in ended.out
    directory = kept(after_first, NAME)
    assert tables(directory) == {"whatif_figures", "whatif_customers"}
    assert pq.read_table(directory / "whatif_customers.parquet", partitioning=None).num_rows == 0
    changes = pq.read_table(directory / "whatif_figures.parquet", partitioning=None).column("change").to_pylist()
    assert changes
    assert set(changes) == {0.0}
    assert release_bytes(after_first) == published


def test_a_proposal_is_shown_and_kept(after_first: Path, tmp_path: Path, capsys: Capture) -> None:
    published = release_bytes(after_first)
    proposed = write(tmp_path, changed({"limits.product_cap": 3000.0}))
    ended = command(capsys, "whatif", "--policy", proposed, "--home", after_first)
    assert (ended.code, ended.err) == (0, "")
    assert "customers_down" in ended.out
    (page,) = (after_first / "whatif").rglob("index.html")
    assert "By partner" in page.read_text(encoding="utf-8")
    customers = pq.read_table(page.parent / "whatif_customers.parquet", partitioning=None).to_pandas()
    assert len(customers)
    assert customers["credit_limit_after"].max() <= 3000
    assert release_bytes(after_first) == published


def test_a_proposal_that_is_no_policy_is_one_line(after_first: Path, tmp_path: Path, capsys: Capture) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: x\n")
    ended = command(capsys, "whatif", "--policy", wrong, "--home", after_first)
    assert ended.code == 2
    assert ended.err.startswith("error: ")
    assert len(ended.err.splitlines()) == 1
    assert not (after_first / "whatif").exists()


def test_a_work_directory_of_another_run_is_refused(after_first: Path, capsys: Capture) -> None:
    path = after_first / "work" / f"as_of={FIRST}" / "scored.parquet"
    scored = pq.read_table(path, partitioning=None)
    pq.write_table(scored.slice(1), path)
    ended = command(capsys, "whatif", "--policy", NAME, "--home", after_first)
    assert ended.code == 4
    assert "run the night again" in ended.err


def test_stress_and_frontier(after_first: Path, capsys: Capture) -> None:
    assert command(capsys, "stress", "--home", after_first).code == 0
    stress = pq.read_table(kept(after_first, "stress") / "stress.parquet", partitioning=None).to_pandas()
    assert stress["scenario"].nunique() == 5
    assert command(capsys, "frontier", "--home", after_first).code == 0
    points = pq.read_table(kept(after_first, "frontier") / "frontier.parquet", partitioning=None).to_pandas()
    assert points["exposure"].is_monotonic_increasing
    assert len(points) >= 3


def test_attribution_adds_up(after_second: Path, capsys: Capture) -> None:
    """Model and policy are the same on both nights, so that all of the change is due to data."""
    ended = command(capsys, "attribute", "--since", FIRST.isoformat(), "--home", after_second)
    assert (ended.code, ended.err) == (0, "")
    parts = pq.read_table(
        kept(after_second, "since", NEXT) / "whatif_attribution.parquet", partitioning=None
    ).to_pandas()
    for _, of in parts.groupby("metric"):
        assert of["part"].sum() == pytest.approx((of["after"] - of["before"]).iloc[0], abs=1e-6)
        assert of.loc[of["factor"] != "data", "part"].to_numpy() == pytest.approx(0, abs=1e-6)
