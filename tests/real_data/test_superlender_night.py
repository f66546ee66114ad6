"""A whole night over the real micro-loan history: publishes, says what is left out, and how well the model ranks."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from small_lender import Ended, command

import tierline
from tierline.models import load_bundle
from tierline.schemas import PUBLISHED

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TIERLINE_REAL_DATA", ROOT.parent / "shared" / "data")) / "superlender"
MAPPING = ROOT / "src" / "tierline" / "sources" / "superlender.yaml"
TARGETS, BADS = 4_368, 952  # published with the data
LAST_30_PERCENT = 1_310

pytestmark = pytest.mark.skipif(
    not (DATA / "trainprevloans.csv").is_file(),
    reason="superlender files not found: set TIERLINE_REAL_DATA to the folder that holds superlender/",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


_ENDED: dict[Path, Ended] = {}


@pytest.fixture
def ended(home: Path, capsys: pytest.CaptureFixture[str]) -> Ended:
    """The night, run by the first test that asks."""
    if home not in _ENDED:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tierline.training.booster.THREADS", 1)  # two threads wait for each other on so few rows
            _ENDED[home] = command(capsys, "run", "--source", MAPPING, "--data", DATA, "--home", home)
    return _ENDED[home]


def test_it_publishes_every_customer(ended: Ended, home: Path) -> None:
    assert (ended.code, ended.err) == (0, "")
    night = tierline.open_snapshot(home / "superlender" / "published")
    assert set(night.manifest.tables) == set(PUBLISHED)
    scores, limits = night.to_pandas("scores"), night.to_pandas("credit_limits")
    assert len(scores) == len(limits) == TARGETS
    assert (scores["tier"] == "X").sum() == BADS
    assert set(night.to_pandas("funding_allocation")["funder_id"]) == {"OWN"}
    assert limits.loc[scores["tier"] == "X", "credit_limit"].sum() == 0


def test_it_says_what_was_left_out(ended: Ended, home: Path) -> None:
    night = tierline.open_snapshot(home / "superlender" / "published")
    for table in ("transactions", "macro", "funding_partners", "lender_position"):
        assert f"source superlender: {table} is not delivered" in ended.out
        assert f"{table} is not delivered" in night.manifest.notes
        assert table not in night.manifest.control_totals


def test_auc_is_printed_beside_the_logistic_floor_and_is_what_the_test_rows_say(ended: Ended, home: Path) -> None:
    found = {
        name: [float(number) for number in numbers]
        for name, *numbers in re.findall(r"^ +(AUC|logistic) +(0\.\d+) \[(0\.\d+), (0\.\d+)\]", ended.out, re.MULTILINE)
    }
    auc, low, high = found["AUC"]
    assert 0.66 <= auc <= 0.78  # published logistic floor on this split: 0.696
    assert 0.66 <= found["logistic"][0] <= 0.78
    assert low < auc < high
    assert 0.03 < high - low < 0.12  # 1,310 rows with 279 bads: about ± 0.035
    night = tierline.open_snapshot(home / "superlender" / "published")
    bundle = load_bundle(home / "superlender" / "models" / str(night.manifest.model["model_id"]))
    rows = bundle.test_rows.to_pandas()
    assert auc == round(float(roc_auc_score(rows["defaulted"], rows["pd_12m"])), 3)


def test_the_test_rows_are_the_last_thirty_percent_by_approval(ended: Ended, home: Path) -> None:
    raw = pd.read_csv(DATA / "trainperf.csv", parse_dates=["approveddate"]).sort_values("approveddate", kind="stable")
    last = raw.tail(LAST_30_PERCENT)
    night = tierline.open_snapshot(home / "superlender" / "published")
    bundle = load_bundle(home / "superlender" / "models" / str(night.manifest.model["model_id"]))
    assert bundle.test_rows.num_rows == len(last)
    assert sum(bundle.test_rows.column("defaulted").to_pylist()) == (last["good_bad_flag"] == "Bad").sum()
