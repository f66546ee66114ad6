"""A model of any table: what it learns, what it predicts, and that order means nothing."""

from __future__ import annotations

import doctest
import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score
from unit.training.credit_tables import FEATURES, JOBS, QUICK, TESTED, credit_table, plain_table, table_bundle

from tierline.errors import TierlineError
from tierline.models import ModelBundle
from tierline.training import FrameOptions, TrainingConfig, fit, frame
from tierline.training.panel import SLICES

ROOT = Path(__file__).resolve().parents[3]


def test_it_finds_the_causes() -> None:
    """Among them a missing income and a job; judged on customers that were not learned from."""
    bundle = table_bundle()
    card = bundle.card
    assert card.features == FEATURES
    assert card.categories == {"job": JOBS}
    fresh = plain_table(seed=2)
    assert roc_auc_score(fresh["bad"], bundle.predict_pd(fresh)) > 0.7
    row = pd.DataFrame({"debt": [0.0] * 3, "income": [1.0, 1.0, np.nan], "job": ["nurse", "driver", "nurse"]})
    nurse, driver, without_income = bundle.predict_pd(row)
    assert driver > nurse
    assert without_income > nurse
    tested = set(bundle.test_rows["customer_key"].to_pylist())
    assert bundle.test_rows.num_rows == plain_table()["who"].isin(tested).sum() == card.slices["test"]["rows"]
    assert set(card.slices) == {"train", "test"}


def test_with_time_the_last_rows_test_and_the_newest_others_calibrate() -> None:
    table = credit_table()
    card = fit(table, target="bad", time="day", config=TESTED).card
    assert list(card.slices) == list(SLICES[:4])
    days = table["day"].sort_values()
    assert card.slices["test"]["rows"] == 270
    assert card.slices["test"]["first"] == str(days.iloc[-270].date())
    assert card.slices["calibrate"]["last"] == str(days.iloc[-271].date())


def test_a_number_can_be_the_time() -> None:
    table = plain_table()
    moments = np.random.default_rng(6).permutation(len(table))
    numbered = fit(table.assign(step=moments / 7), target="bad", time="step", config=TESTED)
    dated = fit(table.assign(step=pd.Timestamp("2020-01-01") + pd.to_timedelta(moments, unit="D")), target="bad",
                time="step", config=TESTED.model_copy(update={"stability_limit": 0.0}))  # fmt: skip
    assert numbered.card.metrics == dated.card.metrics
    assert numbered.card.slices["test"].keys() == {"rows", "defaults"}


@pytest.mark.parametrize("roles", [{}, {"customer": "who"}, {"time": "day"}, {"customer": "who", "time": "day"}])
def test_the_order_of_rows_and_columns_does_not_matter(roles: dict[str, str]) -> None:
    """Rows of one customer in one hour differ in their values only."""
    table = pd.concat([credit_table(600), credit_table(600).assign(debt=lambda rows: rows["debt"] + 0.01)])
    table = table.drop(columns=[name for name in ("who", "day") if name not in roles.values()])
    first = fit(table, target="bad", config=QUICK, **roles)
    turned = table.sample(frac=1, random_state=4)[table.columns[::-1]]
    again = fit(pa.Table.from_pandas(turned, preserve_index=False), target="bad", config=QUICK, **roles)
    assert again.model_id == first.model_id
    assert np.array_equal(again.predict_pd(turned), first.predict_pd(turned))
    assert np.array_equal(first.predict_pd(turned[turned.columns[::-1]]), first.predict_pd(turned))


def test_a_bundle_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    bundle, fresh = table_bundle(), plain_table(seed=3)
    loaded = ModelBundle.load(bundle.save(tmp_path))
    assert loaded.model_id == bundle.model_id
    assert np.array_equal(loaded.predict_pd(fresh), bundle.predict_pd(fresh))
    assert loaded.reasons(fresh).equals(bundle.reasons(fresh))
    with pytest.raises(TierlineError, match="trained without a day"):
        _ = loaded.trained_on


def test_reasons_are_contributions_above_the_mean_of_the_rows_learned_from() -> None:
    """Against LightGBM's own ``pred_contrib`` on the learning rows."""
    bundle, table, fresh = table_bundle(), plain_table(), plain_table(seed=3)
    learned = table[~table["who"].isin(bundle.test_rows["customer_key"].to_pylist())]

    def contributions(rows: pd.DataFrame) -> np.ndarray:
        return np.asarray(bundle.booster.predict(bundle.matrix(rows), pred_contrib=True))[:, :-1]

    mean = contributions(learned).mean(axis=0)
    assert [bundle.card.mean_contributions[name] for name in FEATURES] == pytest.approx(mean, abs=1e-8)
    above = contributions(fresh) - mean
    expected = [[FEATURES[i] for i in np.argsort(-row) if row[i] > 0] for row in above]
    found = bundle.reasons(fresh, top=2)
    assert found.column_names == ["reason_1", "reason_2"]
    for row, names in zip(found.to_pylist(), expected, strict=True):
        assert list(row.values()) == [*names, None, None][:2]


def test_an_unknown_level_is_missing() -> None:
    bundle = table_bundle()
    row = plain_table().iloc[:40]
    assert np.array_equal(bundle.predict_pd(row.assign(job="pilot")), bundle.predict_pd(row.assign(job=None)))
    assert not np.array_equal(bundle.predict_pd(row.assign(job="driver")), bundle.predict_pd(row.assign(job="nurse")))


def test_columns_that_cannot_be_used_are_named_with_the_reason() -> None:
    """Nine rows of a level are too few for it; ten are enough."""
    rows = 900
    table = plain_table(rows)
    table["job"] = np.where(np.arange(rows) < 9, "judge", np.where(np.arange(rows) < 19, "miner", table["job"]))
    table["code"] = [f"code {number % 90:03d}x{number % 2}" for number in range(rows)]  # ten rows of each
    table["postcode"] = [f"P{number % 150}" for number in range(rows)]
    table["postcode"] = table["postcode"].where(np.arange(rows) >= 0)
    table["number"] = [f"N{number}" for number in range(rows)]
    table["nothing"], table["one"] = None, 1
    many = pd.concat([table, table])  # twelve rows of each postcode
    card = fit(many, target="bad", customer="who", config=TESTED).card
    assert card.categories["job"] == [*JOBS[:2], "judge", "miner", JOBS[2]]
    single = fit(table, target="bad", customer="who", config=TESTED).card
    assert single.categories["job"] == sorted([*JOBS, "miner"])
    assert len(single.categories["code"]) == 90
    assert card.dropped_features["postcode"].startswith("150 levels, more than 100")
    assert single.dropped_features["number"] == "no level has 10 rows"
    assert set(single.dropped_features) == {"nothing", "number", "one", "postcode"}


def test_what_is_said_of_columns_is_kept() -> None:
    options = FrameOptions(
        features=("debt", "job"),
        monotone={"debt": -1},
        reasons={"debt": "OWES", "job": "WORKS"},
        tier_bounds={"A": 0.3},
        source="branch",
    )
    bundle = fit(plain_table(), target="bad", customer="who", options=options, config=TESTED)
    assert (bundle.card.features, bundle.card.source) == (["debt", "job"], "branch")
    assert bundle.card.reasons == {"debt": "OWES", "job": "WORKS"}
    assert {row["tier"] for row in bundle.card.reliability} == {None, "A", "above"}
    line = pd.DataFrame({"debt": np.linspace(-3, 3, 50), "job": "nurse"})
    assert (np.diff(bundle.predict_pd(line)) <= 0).all()  # the direction that was given, against the rows


def test_the_example_of_the_docstring_runs() -> None:
    logging.disable(
        logging.INFO
    )  # a command tested before may have turned progress on, which is no part of the example
    try:
        found = doctest.testmod(frame)
    finally:
        logging.disable(logging.NOTSET)
    assert found.attempted >= 6
    assert found.failed == 0


def test_the_example_of_the_docs_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the table of the tests as the file it reads."""
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "training.md").read_text(), re.DOTALL)
    table = credit_table().rename(columns={"who": "customer_id", "day": "approved_on"})
    table.to_parquet(tmp_path / "loans.parquet")
    table.to_parquet(tmp_path / "applicants.parquet")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(example, names)
    bundle = names["bundle"]
    assert isinstance(bundle, ModelBundle)
    assert isinstance(names["config"], TrainingConfig)
    assert (tmp_path / "models" / bundle.model_id / "card.json").is_file()
    assert np.array_equal(names["pd_12m"], bundle.predict_pd(table))
