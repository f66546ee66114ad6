"""Tables that cannot be learned from: one line that names the column and says what to do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from unit.training.credit_tables import QUICK, credit_table, plain_table, table_bundle

from tierline.errors import TierlineError
from tierline.training import FrameOptions, fit

Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.assign(debt=t["debt"].where(t.index != 7, np.inf)), "column debt: 1 values are infinite.* row 7"),
        (lambda t: t.assign(bad=t["bad"].astype(float).where(t.index != 7)), "target bad: 1 rows have none"),
        (lambda t: t.assign(bad=t["bad"].astype(int) + 1), "target bad: must be true or false"),
        (lambda t: t.assign(bad=t["bad"].astype(str)), "target bad: must be true or false"),
        (lambda t: t.assign(bad=False), "the train slice has 0 defaults"),
        (lambda t: t.assign(bad=True), "the train slice has 0 non-defaults"),
        (lambda t: t.head(10), "fewer than min_defaults=5: give more customers or history, or lower min_defaults"),
        (lambda t: t.head(0), "the train slice has 0 defaults"),
        (lambda t: t.drop(columns="bad"), "column bad is not there"),
        (lambda t: t.drop(columns="who"), "column who is not there"),
        (lambda t: t.drop(columns="day"), "column day is not there"),
        (lambda t: t.assign(who=t["who"].where(t.index != 7)), "customer column who: 1 rows have none"),
        (lambda t: t.assign(day=t["day"].where(t.index != 7)), "time column day: 1 rows have none"),
        (lambda t: t.assign(day=t["debt"].where(t.index != 7)), "time column day: 1 rows have none"),
        (lambda t: t.assign(day=t["debt"].where(t.index != 7, np.inf)), "column day: 1 values are infinite"),
        (lambda t: t.assign(day=t["day"].astype(str)), "time column day is text: convert it to a date first"),
        (lambda t: t.assign(born=t["day"]), "column born is a date or time: give an age in days"),
        (lambda t: t.assign(age=t["day"] - t["day"].min()), "column age is a date or time"),
        (lambda t: t.assign(mixed=["x", 1] * (len(t) // 2)), "column mixed: values of mixed kinds"),
        (lambda t: t.assign(several=[[1.0]] * len(t)), r"column several: list<.*> is neither number nor text"),
        (lambda t: t.assign(debt=1, income=None, job=None), "no feature is left"),
        (lambda t: t.rename(columns={"debt": 3}), "column 3: give every column a name of its own that is text"),
        (lambda t: t.rename(columns={"debt": "income"}), "column income: give every column a name of its own"),
    ],
)
def test_a_table_that_cannot_be_learned_from(change: Change, says: str) -> None:
    with pytest.raises(TierlineError, match=says) as caught:
        fit(change(credit_table(300)), target="bad", time="day", customer="who", config=QUICK)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (FrameOptions(features=("debt", "age")), "column age is not there"),
        (FrameOptions(features=("debt", "bad")), "column bad cannot be a feature: it is target"),
        (FrameOptions(monotone={"age": 1}), "column age is not there"),
        (FrameOptions(reasons={"age": "AGE"}), "column age is not there"),
        (FrameOptions(monotone={"debt": 2}), "monotone of debt is 2: give 1, -1 or 0"),
        (FrameOptions(monotone={"job": 1}), "monotone of job: it is a category"),
        (FrameOptions(features=()), "no feature is left"),
    ],
)
def test_options_that_do_not_fit_the_table(options: FrameOptions, says: str) -> None:
    with pytest.raises(TierlineError, match=says):
        fit(plain_table(300), target="bad", customer="who", options=options, config=QUICK)


def test_nan_in_a_target_of_an_arrow_table_is_no_label() -> None:
    table = plain_table(300)
    target = table["bad"].astype(float).to_numpy().copy()
    target[7] = np.nan
    arrow = pa.Table.from_pandas(table.drop(columns="bad")).append_column("bad", pa.array(target))
    with pytest.raises(TierlineError, match="target bad: some rows are NaN"):
        fit(arrow, target="bad", customer="who", config=QUICK)


def test_a_table_to_score_must_have_what_the_model_reads() -> None:
    bundle, table = table_bundle(), plain_table(30)
    with pytest.raises(TierlineError, match="column income is missing but the model needs it"):
        bundle.predict_pd(table.drop(columns="income"))
    with pytest.raises(TierlineError, match="column debt: large_string is not a number"):
        bundle.predict_pd(table.assign(debt="low"))
    with pytest.raises(TierlineError, match="column debt: 30 values are infinite, first in row 0"):
        bundle.predict_pd(table.assign(debt=-np.inf))
