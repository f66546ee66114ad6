"""The command explain over a published night: what it prints, and one clear line where it cannot answer."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_lender import FIRST, command, current

import tierline
from tierline.home import Home
from tierline.night import open_night
from tierline.policy import load_policy
from tierline.scoring import load_reasons

Capture = pytest.CaptureFixture[str]


def scores(home: Path):
    return tierline.open_snapshot(home / "published").to_pandas("scores")


def customer_of(home: Path, tier: str, position: int = 0) -> str:
    """A customer of a tier, from the riskiest on."""
    found = scores(home)
    mine = found[found["tier"] == tier].sort_values(["pd_12m", "customer_key"], ascending=[False, True])
    return str(mine["customer_key"].iloc[position])


@pytest.mark.parametrize("tier", ["G", "F", "E"])
def test_a_customer_is_explained_as_published(first_night: Path, tier: str, capsys: Capture) -> None:
    key = customer_of(first_night, tier, position=-1)
    ended = command(capsys, "explain", key, "--home", first_night)
    assert (ended.code, ended.err) == (0, "")
    row = scores(first_night).set_index("customer_key").loc[key]
    limits = tierline.open_snapshot(first_night / "published").to_pandas("credit_limits").set_index("customer_key")
    texts = load_reasons()
    assert f"PD {row['pd_12m']:.2%}   score {row['score']:.0f}   tier {tier}" in ended.out
    assert f"action {limits.loc[key, 'action']}, because {limits.loc[key, 'action_reason']}" in ended.out
    codes = [row[f"reason_{rank}"] for rank in range(1, 5) if row[f"reason_{rank}"] is not None]
    assert codes
    for code in codes:
        assert texts[code]["zh"] in ended.out
        assert texts[code]["en"] in ended.out
    # the published reasons are the largest of what is listed as raising the PD
    raises = ended.out.split("raises the PD")[1].split("lowers the PD")[0]
    assert re.findall(r"^[│ ]*([A-Z_]{4,}) ", raises, flags=re.MULTILINE)[: len(codes)] == codes
    better = chr(ord(tier) - 1)
    scale = load_policy("cn-online-micro-lender", open_night(first_night, FIRST).effective_on).scale
    bound = scale.tier_bounds[better] * 0.9  # a tier is left when its bound is passed by a tenth
    assert f"tier {better} (PD at most {bound:.2%})" in ended.out
    again = re.search(r"scored again with it: PD ([\d.]+)%, tier (\w)", ended.out)
    if again:
        assert float(again[1]) <= bound * 100 + 0.005
        assert again[2] <= better
    else:
        assert "no realistic change" in ended.out
    assert command(capsys, "explain", key, "--as-of", FIRST.isoformat(), "--home", first_night).out == ended.out


def test_some_customer_is_shown_a_change_that_suffices(first_night: Path, capsys: Capture) -> None:
    """The nearest to the bound of its tier: at least one of three can be moved."""
    outs = [
        command(capsys, "explain", customer_of(first_night, tier, position=-1), "--home", first_night).out
        for tier in ("G", "F", "E")
    ]
    assert any("scored again with it" in out for out in outs)


def test_default_and_the_best_tier_need_no_search(first_night: Path, capsys: Capture) -> None:
    ended = command(capsys, "explain", customer_of(first_night, "X"), "--home", first_night)
    assert ended.code == 0
    assert "follows from the default, not from the model" in ended.out
    best = scores(first_night)["tier"].min()
    ended = command(capsys, "explain", customer_of(first_night, best), "--home", first_night)
    assert ended.code == 0
    assert (f"tier {best} is the best there is" in ended.out) == (best == "A")


def test_an_unknown_customer_is_one_line(first_night: Path, capsys: Capture) -> None:
    ended = command(capsys, "explain", "nobody", "--home", first_night)
    assert ended.code == 2
    assert f"nobody: no such customer in {current(first_night)}" in ended.error_line


def test_without_a_release_it_is_one_line(tmp_path: Path, capsys: Capture) -> None:
    ended = command(capsys, "explain", "nobody", "--home", tmp_path)
    assert ended.code == 2
    assert "nothing is published here" in ended.error_line


def test_without_the_nights_features_it_says_what_to_do(after_first: Path, capsys: Capture) -> None:
    key = customer_of(after_first, "F")
    shutil.rmtree(after_first / "work")
    ended = command(capsys, "explain", key, "--home", after_first)
    assert ended.code == 1
    assert "run the stage that makes it first" in ended.error_line


def test_other_features_than_the_releases_are_refused(after_first: Path, capsys: Capture) -> None:
    """Every customer gets the features of another."""
    key = customer_of(after_first, "F")
    target = Home(after_first).work(FIRST) / "customer_features"
    for path in sorted(target.glob("*.parquet")):
        part = pq.read_table(path, partitioning=None)
        keys = part.column("customer_key").to_pylist()
        pq.write_table(part.set_column(0, "customer_key", pa.array([*keys[1:], keys[0]])), path)
    ended = command(capsys, "explain", key, "--home", after_first)
    assert ended.code == 1
    assert f"the features that stand are not those of {current(after_first)}" in ended.error_line


def test_another_policy_than_the_releases_is_refused(after_first: Path, capsys: Capture) -> None:
    profile = Path(tierline.__file__).parent / "policy" / "profiles" / "cn-online-micro-lender.yaml"
    other = after_first / "other.yaml"
    other.write_text(profile.read_text(encoding="utf-8").replace("value: 600.0", "value: 601.0"), encoding="utf-8")
    settings = after_first / "tierline.yaml"
    settings.write_text(f"policy: {other}\n", encoding="utf-8")
    ended = command(capsys, "explain", customer_of(after_first, "F"), "--home", after_first)
    assert ended.code == 1
    assert "run the night again" in ended.error_line
