"""The same table gives the same bundle: whatever the threads, the order of rows, and the time zone of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from unit.training.credit_tables import QUICK, credit_table

from tierline.training import fit

ROOT = Path(__file__).resolve().parents[3]
LOANS = Path(os.environ.get("TIERLINE_REAL_DATA", ROOT.parent / "shared" / "data")) / "superlender" / "trainperf.csv"
THREADS = (1, 2)
ZONES = ("UTC", "America/St_Johns", "Pacific/Kiritimati")
TRAININGS = 20
ROWS = 600


def bundles(table: str) -> list[tuple[str, str]]:
    """Id and hash of ``TRAININGS`` bundles, each of its own order of rows, over all threads and zones."""
    kinds = list(product(THREADS, ZONES))
    found = []
    for number, (threads, zone) in enumerate(kinds):
        orders = [str(order) for order in range(number, TRAININGS, len(kinds))]
        command = [sys.executable, str(Path(__file__).with_name("one_hash.py")), table, str(threads), *orders]
        ended = subprocess.run(command, env=surroundings(threads, zone, number), capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        lines = [line.split() for line in ended.stdout.splitlines()]
        assert [line[2] for line in lines] == [zone] * len(orders)
        found += [(line[0], line[1]) for line in lines]
    return found


def surroundings(threads: int, zone: str, number: int) -> dict[str, str]:
    """The environment of a child: what reads it at the start of a process cannot be changed later."""
    counted = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "TIERLINE_WORKERS")
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT), str(ROOT / "tests")])
    own = {"OMP_WAIT_POLICY": "passive", "TZ": zone, "PYTHONHASHSEED": str(number), "PYTHONPATH": paths}
    return {**os.environ, **dict.fromkeys(counted, str(threads)), **own}


@pytest.mark.parametrize(
    "table",
    [
        "invented",
        pytest.param(
            str(LOANS),
            id="superlender",
            marks=pytest.mark.skipif(not LOANS.is_file(), reason="superlender files not found: set TIERLINE_REAL_DATA"),
        ),
    ],
)
def test_twenty_trainings_give_one_bundle(table: str) -> None:
    found = bundles(table)
    assert len(found) == TRAININGS
    assert len(set(found)) == 1, found


def test_other_rows_or_another_seed_give_another_bundle() -> None:
    """What the test above compares would notice a difference."""
    table = credit_table(ROWS)
    ids = {
        fit(table, target="bad", time="day", customer="who", config=QUICK).model_id,
        fit(table, target="bad", time="day", customer="who", config=QUICK.model_copy(update={"seed": 8})).model_id,
        fit(table.iloc[1:], target="bad", time="day", customer="who", config=QUICK).model_id,
    }
    assert len(ids) == 3
