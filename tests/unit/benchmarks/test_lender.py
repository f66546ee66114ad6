"""The benchmark of the simulated lender: its truth is the simulator's, and its table holds the figures of the card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_lender import SPEC
from unit.training.tiny_world import tiny_bundle

from benchmarks.lender import older, tiers
from tierline.ingest.pseudonyms import DEMO_KEY, pseudonymise
from tierline.sources.simulated.truth import read_truth


@pytest.fixture(scope="module")
def known(landed: Path) -> pd.DataFrame:
    """The truth file at the test date of the small lender, with pipeline keys."""
    truth = read_truth(landed / "truth")
    day = pd.Timestamp(SPEC.as_of) - pd.DateOffset(years=1) + pd.offsets.MonthEnd(0)
    there = truth[(truth["month_end"] == day) & truth["true_pd_12m"].notna()]
    keys = [pseudonymise(value, DEMO_KEY) for value in there["customer_id"]]
    return there.assign(customer_key=keys, as_of=there["month_end"]).reset_index(drop=True)


def test_no_months_earlier_is_the_truth_file(known: pd.DataFrame) -> None:
    assert len(known) > 100
    assert older(SPEC, known, [0]) == pytest.approx(known["true_pd_12m"].to_numpy(), rel=1e-6)


def test_other_economies_are_averaged(known: pd.DataFrame) -> None:
    """The row's customer and its order are kept; only the year ahead is another."""
    one, two = older(SPEC, known, [2]), older(SPEC, known, [3])
    turned = known.iloc[::-1]
    assert older(SPEC, turned, [2, 3]) == pytest.approx(((one + two) / 2)[::-1], rel=1e-9)
    assert np.corrcoef(one, known["true_pd_12m"])[0, 1] > 0.9
    assert not np.allclose(one, known["true_pd_12m"])


def test_each_tier_stands_in_the_table_with_its_test() -> None:
    bundle = tiny_bundle()
    wanted = [row for row in bundle.card.reliability if row["grouping"] == "tier"]
    lines = tiers(bundle)[2:]
    assert len(lines) == len(wanted) > 1
    for line, row in zip(lines, wanted, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[0] == row["tier"]
        assert float(cells[3]) == pytest.approx(100 * float(row["mean_pd"]), abs=0.005)
        assert float(cells[5]) == pytest.approx(float(row["jeffreys_p_overlap"]), abs=0.0005)
