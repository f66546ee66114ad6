"""Two models on the same rows: against scikit-learn, SciPy and a bootstrap that really repeats the rows."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from tierline.comparison import Judged, common_rows, compare_outcomes, outcomes
from tierline.errors import TierlineError

TIERS = ["A", "B", "C", "D"]
BOUNDS = [0.05, 0.2, 0.5]
DAYS = [date(2025, 5, 31), date(2025, 6, 30)]


def tier(pd_12m: pd.Series) -> list[str]:
    return [TIERS[int(index)] for index in np.searchsorted(BOUNDS, pd_12m)]


def judged(seed: int = 0, customers: int = 150) -> Judged:
    """Two rows a customer; PDs rounded so that some are tied; the challenger sees the risk less blurred."""
    rng = np.random.default_rng(seed)
    risk = np.repeat(rng.normal(-1.5, 1.2, customers), 2)
    defaulted = rng.random(2 * customers) < 1 / (1 + np.exp(-risk))
    blurred = [1 / (1 + np.exp(-(risk + rng.normal(0, noise, len(risk))))) for noise in (1.5, 0.3)]
    rows = pd.DataFrame(
        {
            "customer_key": np.repeat([f"c{number:03d}" for number in range(customers)], 2),
            "as_of": DAYS * customers,
            "defaulted": defaulted,
            "champion_pd": np.round(blurred[0], 2).clip(0.01, 0.99),
            "challenger_pd": np.round(blurred[1], 2).clip(0.01, 0.99),
        }
    )
    return Judged(rows, 0)


def reference(defaulted: pd.Series, pd_12m: pd.Series) -> dict[str, float]:
    frame = pd.DataFrame({"y": defaulted.to_numpy(), "p": pd_12m.to_numpy()})
    groups = frame.assign(tier=tier(frame["p"])).groupby("tier")
    gap = (groups["p"].mean() - groups["y"].mean()).abs()
    return {
        "gini": 2 * roc_auc_score(frame["y"], frame["p"]) - 1,
        "ks": ks_2samp(frame["p"][frame["y"]], frame["p"][~frame["y"]]).statistic,
        "brier": brier_score_loss(frame["y"], frame["p"]),
        "log_loss": log_loss(frame["y"], frame["p"]),
        "calibration_gap": float((gap * groups.size()).sum() / len(frame)),
    }


def compare(given: Judged, seed: int = 7) -> outcomes.OutcomeComparison:
    tiers = {side: tier(given.rows[f"{side}_pd"]) for side in ("champion", "challenger")}
    return compare_outcomes(given, tiers, TIERS, seed)


def test_figures_are_those_of_other_libraries() -> None:
    given = judged()
    found = compare(given)
    assert (found.rows, found.customers, found.defaults) == (300, 150, int(given.rows["defaulted"].sum()))
    figures = found.figures.set_index("measure")
    for side in ("champion", "challenger"):
        expected = reference(given.rows["defaulted"], given.rows[f"{side}_pd"])
        assert figures[side].to_dict() == pytest.approx(expected, rel=1e-9)
    assert (figures["difference"] == figures["challenger"] - figures["champion"]).all()


def test_intervals_are_those_of_really_drawing_whole_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "BOOTSTRAPS", 40)
    given = judged(seed=1, customers=60)
    found = compare(given, seed=3)
    keys = sorted(given.rows["customer_key"].unique())
    rows_of = dict(list(given.rows.groupby("customer_key")))
    generator, differences, gaps = np.random.default_rng(3), [], []
    for _ in range(40):
        drawn = pd.concat([rows_of[keys[index]] for index in generator.integers(60, size=60)])
        old, new = (reference(drawn["defaulted"], drawn[f"{side}_pd"]) for side in ("champion", "challenger"))
        differences.append({name: new[name] - old[name] for name in old})
        gaps.append(tier_distance(drawn, "challenger") - tier_distance(drawn, "champion"))
    expected = pd.DataFrame(differences).quantile([0.025, 0.975])
    figures = found.figures.set_index("measure")
    for name in expected:
        assert list(figures.loc[name, ["low", "high"]]) == pytest.approx(list(expected[name]), abs=1e-9), name
    per_tier = pd.DataFrame(gaps).quantile([0.025, 0.975])  # leaves out draws without rows in the tier
    calibration = found.calibration.set_index("tier")
    for name in TIERS:
        assert list(calibration.loc[name, ["low", "high"]]) == pytest.approx(list(per_tier[name]), abs=1e-9), name


def tier_distance(rows: pd.DataFrame, side: str) -> pd.Series:
    groups = rows.assign(tier=tier(rows[f"{side}_pd"])).groupby("tier")
    return (groups[f"{side}_pd"].mean() - groups["defaulted"].mean()).abs().reindex(TIERS)


def test_calibration_per_tier_by_pandas() -> None:
    given = judged(seed=2)
    calibration = compare(given).calibration.set_index("tier")
    for side in ("champion", "challenger"):
        groups = given.rows.assign(tier=tier(given.rows[f"{side}_pd"])).groupby("tier")
        assert calibration[f"{side}_rows"].to_dict() == groups.size().to_dict()
        assert calibration[f"{side}_pd"].to_dict() == pytest.approx(groups[f"{side}_pd"].mean().to_dict())
        assert calibration[f"{side}_rate"].to_dict() == pytest.approx(groups["defaulted"].mean().to_dict())


def test_a_clearly_better_challenger_is_said_to_be_so_and_itself_is_not() -> None:
    given = judged(seed=4, customers=600)
    verdicts = compare(given).figures.set_index("measure")["verdict"]
    assert set(verdicts[["gini", "ks", "brier", "log_loss"]]) == {"challenger"}
    turned = given.rows.rename(columns={"champion_pd": "challenger_pd", "challenger_pd": "champion_pd"})
    verdicts = compare(Judged(turned, 0)).figures.set_index("measure")["verdict"]
    assert set(verdicts[["gini", "ks", "brier", "log_loss"]]) == {"champion"}
    same = compare(Judged(given.rows.assign(challenger_pd=given.rows["champion_pd"]), 0)).figures
    assert (same[["difference", "low", "high"]] == 0).all(axis=None)
    assert set(same["verdict"]) == {"open"}


def test_an_empty_tier_is_missing_not_zero() -> None:
    given = judged()
    low = given.rows.assign(champion_pd=given.rows["champion_pd"].clip(upper=0.4))
    row = compare(Judged(low, 0)).calibration.set_index("tier").loc["D"]
    assert row["champion_rows"] == 0
    assert row[["champion_pd", "champion_rate", "difference", "low", "high"]].isna().all()
    assert row["challenger_rows"] > 0


@pytest.mark.parametrize("outcome", [True, False])
def test_outcomes_of_one_kind_judge_nothing(outcome: bool) -> None:
    with pytest.raises(TierlineError, match="defaults and non-defaults"):
        compare(Judged(judged().rows.assign(defaulted=outcome), 0))


def rows(*given: tuple[str, int, bool, float]) -> pa.Table:
    """Test rows: customer, index of the day, defaulted, PD."""
    columns = zip(*given, strict=True) if given else ((), (), (), ())
    keys, days, defaulted, pds = (list(column) for column in columns)
    return pa.table(
        {
            "customer_key": pa.array(keys, pa.string()),
            "as_of": pa.array([DAYS[day] for day in days], pa.date32()),
            "defaulted": pa.array(defaulted, pa.bool_()),
            "pd_12m": pa.array(pds, pa.float64()),
        }
    )


def test_rows_are_paired_by_customer_and_day() -> None:
    old = rows(("a", 0, False, 0.1), ("a", 1, True, 0.2), ("b", 0, False, 0.3), ("c", 0, True, 0.4))
    new = rows(("d", 0, False, 0.9), ("c", 0, False, 0.5), ("a", 1, True, 0.6), ("b", 1, False, 0.7))
    for newer, outcome in ((True, False), (False, True)):  # of customer c, whose outcome was revised
        found = common_rows(old, new, challenger_is_newer=newer)
        assert found.disagreeing == 1
        assert found.rows.to_dict("list") == {
            "customer_key": ["c", "a"],
            "as_of": DAYS,
            "defaulted": [outcome, True],
            "champion_pd": [0.4, 0.2],
            "challenger_pd": [0.5, 0.6],
        }


def test_two_loans_of_one_day_are_two_pairs() -> None:
    old = rows(("a", 0, True, 0.1), ("a", 0, False, 0.1))
    new = rows(("a", 0, False, 0.5), ("a", 0, True, 0.5))
    found = common_rows(old, new, challenger_is_newer=True)
    assert found.disagreeing == 0
    assert found.rows["defaulted"].tolist() == [False, True]


def test_nothing_in_common_is_an_empty_frame() -> None:
    found = common_rows(rows(("a", 0, True, 0.1)), rows(("a", 1, True, 0.1)), challenger_is_newer=True)
    assert found.rows.empty
