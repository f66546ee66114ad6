"""Trains models in a process of its own and writes what it got: ``python one_hash.py TABLE THREADS ORDER [ORDER …]``.

Belongs here: the child of the tests of reproducibility. Does not belong here: the comparison.

A process of its own, because OpenMP, BLAS and the C library read the number of threads and the time zone when they
start. One line per order of rows: the bundle's id and the SHA-256 of all its files.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile

import numpy as np
import pandas as pd
from unit.training.credit_tables import QUICK, credit_table

from tierline.training import booster, fit

CONFIG = QUICK.model_copy(update={"leaves": [2, 4], "bagging_fraction": 0.7, "feature_fraction": 0.7})
INVENTED_ROWS = 600


def table(name: str) -> pd.DataFrame:
    """``invented``, or loans of a CSV file: customer, day of approval, three numbers and a category, outcome."""
    if name == "invented":
        return credit_table(INVENTED_ROWS)
    read = pd.read_csv(name, parse_dates=["approveddate"])
    numbers = read[["loannumber", "loanamount", "totaldue"]].astype(float)
    return numbers.assign(
        who=read["customerid"],
        day=read["approveddate"],
        term=read["termdays"].astype(str),
        bad=read["good_bad_flag"] == "Bad",
    )


def main(name: str, threads: int, orders: list[int]) -> None:
    booster.THREADS, booster.FEW_ROWS = threads, 0  # else a table as small as this is learned on one thread
    rows = table(name)
    for order in orders:
        mixed = rows.iloc[np.random.default_rng(order).permutation(len(rows))]
        bundle = fit(mixed, target="bad", time="day", customer="who", config=CONFIG)
        with tempfile.TemporaryDirectory() as models:
            sums = (bundle.save(models) / "SHA256SUMS").read_bytes()
        sys.stdout.write(f"{bundle.model_id} {hashlib.sha256(sums).hexdigest()} {os.environ['TZ']}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), [int(order) for order in sys.argv[3:]])
