"""The true PD against what happens: by the calendar of the landing zone, and by repeating one customer many times."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tierline.errors import ConfigurationError
from tierline.ingest.pseudonyms import DEMO_KEY, pseudonymise
from tierline.schemas import LANDING
from tierline.sources.simulated import SimulationSpec, simulate
from tierline.sources.simulated.law import DEFAULT, MonthLaw, law_of
from tierline.sources.simulated.macro import make_macro
from tierline.sources.simulated.paths import walk
from tierline.sources.simulated.persons import FIRST_DUE_DAY, LAST_DUE_DAY, make_persons
from tierline.sources.simulated.timeline import Timeline, months_before
from tierline.sources.simulated.true_pd import true_pd
from tierline.sources.simulated.truth import gini_beside_truth, read_truth
from tierline.sources.simulated.world import make_world, month_ends

SPEC = SimulationSpec(customers=800, months=18, as_of=date(2026, 6, 30), seed=3)
YEAR = pd.DateOffset(months=12)


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lender")
    simulate(SPEC, root / "landing", root / "truth")
    return root


def final(root: Path, name: str, key: list[str]) -> pd.DataFrame:
    paths = sorted((root / "landing" / name).glob("date=*/part-0.parquet"))
    rows = pa.concat_tables([pq.read_table(path, partitioning=None) for path in paths]).to_pandas()
    for column in LANDING[name].money_columns:
        rows[column] = pd.to_numeric(rows[column] * 100)  # cents
    return rows.sort_values([*key, "recorded_at"]).drop_duplicates(key, keep="last")


@pytest.fixture(scope="module")
def dues(lender: Path) -> pd.DataFrame:
    """Every instalment with the day it was paid (NaT if never): customer_id, originated_on, due_on, paid_on."""
    owed = final(lender, "instalments", ["loan_id", "instalment_no"]).drop(columns="recorded_at")
    owed = owed.merge(final(lender, "loans", ["loan_id"])[["loan_id", "customer_id", "originated_on"]])
    paid = final(lender, "repayments", ["repayment_id"]).sort_values("paid_at")
    paid["total"] = paid.groupby(["loan_id", "instalment_no"])["amount"].cumsum()
    paid = paid.merge(owed[["loan_id", "instalment_no", "principal_due", "interest_due"]])
    full = paid[paid["total"] >= paid["principal_due"] + paid["interest_due"]]
    on = full.groupby(["loan_id", "instalment_no"])["paid_at"].min().dt.tz_localize(None).dt.normalize()
    owed = owed.merge(on.rename("paid_on").reset_index(), how="left")
    return owed.assign(**{name: pd.to_datetime(owed[name]) for name in ("due_on", "originated_on")})


def default_days(dues: pd.DataFrame) -> pd.Series:
    """First day on which a customer's oldest unpaid instalment is 90 days past due, by the definition of DPD."""
    day = dues["due_on"] + pd.Timedelta(days=90)
    reached = dues["paid_on"].isna() | (dues["paid_on"] >= day)
    known = day <= pd.Timestamp(SPEC.as_of)
    return day[reached & known].groupby(dues["customer_id"]).min()


def labelled(lender: Path, dues: pd.DataFrame) -> pd.DataFrame:
    rows = read_truth(lender / "truth")
    rows = rows[rows["in_population"] & (rows["month_end"] + YEAR <= pd.Timestamp(SPEC.as_of))]
    day = rows["customer_id"].map(default_days(dues))
    return rows.assign(defaulted=(day > rows["month_end"]) & (day <= rows["month_end"] + YEAR))


def test_true_pd_meets_days_past_due_of_the_landing_zone(lender: Path, dues: pd.DataFrame) -> None:
    rows = labelled(lender, dues)
    for month_end, part in rows.groupby("month_end"):
        p = part["true_pd_12m"]
        z = (part["defaulted"].sum() - p.sum()) / np.sqrt((p * (1 - p)).sum())
        assert abs(z) < 4, (month_end, z)  # within one month-end customers are independent given the economy
    low, high = rows["true_pd_12m"].quantile([0.5, 0.9])
    assert (
        rows["defaulted"][rows["true_pd_12m"] > high].mean() > 4 * rows["defaulted"][rows["true_pd_12m"] < low].mean()
    )


def test_population_is_the_label_grain(lender: Path, dues: pd.DataFrame) -> None:
    rows = read_truth(lender / "truth")
    mature = rows[rows["month_end"] + YEAR <= pd.Timestamp(SPEC.as_of)]
    assert mature["month_end"].nunique() == 7
    for month_end, part in mature.groupby("month_end"):
        unpaid = dues["paid_on"].isna() | (dues["paid_on"] > month_end)
        is_open = (dues["originated_on"] <= month_end) & unpaid
        drawn = (dues["originated_on"] > month_end) & (dues["originated_on"] <= month_end + YEAR)
        bad = is_open & (dues["due_on"] + pd.Timedelta(days=90) <= month_end)
        expected = (set(dues["customer_id"][is_open | drawn]) - set(dues["customer_id"][bad])) & set(
            part["customer_id"]
        )
        assert set(part["customer_id"][part["in_population"]]) == expected
        assert part["true_pd_12m"][part["in_population"]].between(0, 1).all()


def test_truth_knows_every_registered_customer(lender: Path) -> None:
    customers = final(lender, "customers", ["customer_id"])
    for month_end, part in read_truth(lender / "truth").groupby("month_end"):
        registered = pd.to_datetime(customers["registered_on"]) <= month_end
        assert sorted(part["customer_id"]) == sorted(customers["customer_id"][registered])


def clones(law: MonthLaw, who: int, count: int) -> MonthLaw:
    return MonthLaw(*(np.repeat(getattr(law, item.name)[..., who : who + 1], count, axis=-1) for item in fields(law)))


def test_recursion_equals_repeating_one_customer() -> None:
    spec = SimulationSpec(customers=40, months=18, as_of=date(2026, 6, 30), seed=5)
    timeline, rng, count = Timeline.of(spec), np.random.default_rng(11), 40_000
    persons = make_persons(spec.customers, timeline, rng)
    macro = make_macro(timeline, rng)
    who = int(np.argmax(persons.indebtedness))
    # Hard times for everyone, so that a rare event is frequent enough to count.
    hard = replace(macro, regions=macro.regions + 2.0, industries=macro.industries + 2.0)
    laws = [clones(law_of(persons, hard, month), who, count) for month in range(18)]
    paths = walk(laws, np.zeros(count, dtype=np.int64), rng)
    month = 4
    truth = true_pd(paths, laws, [month], [count])[0]
    state = pd.DataFrame(
        {
            "stress": paths.stress[month],
            "bucket": paths.bucket[month],
            "remaining": paths.remaining[month],
            "drew": (paths.term[month + 1 : month + 13] > 0).any(axis=0),
            "default": (paths.bucket[month + 1 : month + 13] == DEFAULT).any(axis=0),
            "pd": truth,
        }
    )
    state = state[(state["bucket"] < DEFAULT) & (state["drew"] | (state["bucket"] + state["remaining"] > 0))]
    cells = state.groupby(["stress", "bucket", "remaining"]).agg(
        n=("pd", "size"), y=("default", "mean"), p=("pd", "first")
    )
    cells = cells[cells["n"] * cells["p"] * (1 - cells["p"]) >= 9]  # where a binomial is about normal
    assert len(cells) >= 15
    assert set(cells.index.get_level_values("bucket")) >= {0, 1, 2}
    assert (0, 0, 0) in cells.index, "idle customers, whose PD is conditional on a drawing"
    z = (cells["y"] - cells["p"]) / np.sqrt(cells["p"] * (1 - cells["p"]) / cells["n"])
    assert (abs(z) < 4.2).all(), z.to_string()
    assert (z**2).sum() < len(cells) + 5 * np.sqrt(2 * len(cells))


def test_ninety_days_fall_into_the_third_month_after() -> None:
    for first in pd.date_range("2023-01-01", "2028-12-01", freq="MS"):
        for day in (FIRST_DUE_DAY, LAST_DUE_DAY):
            due = first + pd.Timedelta(days=day - 1)
            reached = due + pd.Timedelta(days=90)
            assert reached.to_period("M") == due.to_period("M") + 3
            assert reached > due + pd.DateOffset(months=3) - pd.Timedelta(days=3)  # arrears are paid before that


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 6, 30), 36, date(2023, 6, 30)),
        (date(2026, 3, 31), 1, date(2026, 2, 28)),
        (date(2024, 2, 29), 12, date(2023, 2, 28)),
        (date(2026, 1, 15), 1, date(2025, 12, 15)),
    ],
)
def test_months_before(day: date, months: int, expected: date) -> None:
    assert months_before(day, months) == expected


def test_default_book_has_the_promised_risk() -> None:
    """On 4,000 customers: 2-5 % a year, a visible downturn, and a true Gini of a kind met in practice."""
    world = make_world(SimulationSpec(customers=4_000))
    ends = [end for end in month_ends(world) if end.mature]
    rate = np.array([end.defaults[end.population].mean() for end in ends])
    assert 0.02 < np.average(rate, weights=[end.population.sum() for end in ends]) < 0.05
    assert rate[:3].mean() * 1.8 < rate.max()
    assert rate[-1] < rate.max()


def predictions(lender: Path, dues: pd.DataFrame) -> pd.DataFrame:
    rows = labelled(lender, dues)
    key = rows["customer_id"].map(lambda value: pseudonymise(value, DEMO_KEY))
    frame = rows.assign(customer_key=key, as_of=rows["month_end"].dt.date, pd_12m=rows["true_pd_12m"])
    return frame[["customer_key", "as_of", "defaulted", "pd_12m"]]


def test_gini_beside_truth(lender: Path, dues: pd.DataFrame) -> None:
    rows = predictions(lender, dues)
    perfect = gini_beside_truth(rows, lender / "truth")
    assert (perfect.rows, perfect.bads) == (len(rows), int(rows["defaulted"].sum()))
    assert perfect.model_ratio == pytest.approx(1.0)
    bad, good = rows["pd_12m"][rows["defaulted"]].to_numpy(), rows["pd_12m"][~rows["defaulted"]].to_numpy()
    pairs = np.sign(bad[:, None] - good[None, :]).mean()  # Gini is P(bad above good) - P(bad below good)
    assert perfect.true_gini == pytest.approx(pairs)
    reversed_model = gini_beside_truth(rows.assign(pd_12m=-rows["pd_12m"]), lender / "truth")
    assert reversed_model.model_ratio == pytest.approx(-1.0)


def test_gini_beside_truth_refuses_what_it_cannot_compare(lender: Path, dues: pd.DataFrame, tmp_path: Path) -> None:
    rows, truth = predictions(lender, dues), lender / "truth"
    with pytest.raises(ConfigurationError, match="pd_12m is missing"):
        gini_beside_truth(rows.drop(columns="pd_12m"), truth)
    with pytest.raises(ConfigurationError, match=r"1 of \d+ predictions have no true PD"):
        gini_beside_truth(rows.assign(customer_key=["nobody", *rows["customer_key"][1:]]), truth)
    with pytest.raises(ConfigurationError, match="both good and bad"):
        gini_beside_truth(rows.assign(defaulted=False), truth)
    with pytest.raises(ConfigurationError, match="run it first"):
        gini_beside_truth(rows, tmp_path)


def test_no_stage_reads_the_truth() -> None:
    source = Path(__file__).parents[3] / "src" / "tierline"
    for path in sorted(source.rglob("*.py")):
        if path.parent.name != "simulated" and path.parent.name not in {"sources", "tierline"}:
            assert "true_pd" not in path.read_text(encoding="utf-8"), path


def test_arrears_are_known_as_they_happen(lender: Path) -> None:
    """Late, wrong and void repayments never touch arrears, so that DPD as known reaches 90 on the day it truly does."""
    paths = sorted((lender / "landing" / "repayments").glob("date=*/part-0.parquet"))
    rows = pa.concat_tables([pq.read_table(path, partitioning=None) for path in paths]).to_pandas()
    owed = final(lender, "instalments", ["loan_id", "instalment_no"])[["loan_id", "instalment_no", "due_on"]]
    rows = rows.merge(owed)
    odd = rows.duplicated("repayment_id", keep=False) | (rows["recorded_at"].dt.date > rows["paid_at"].dt.date)
    assert odd.any()
    assert (rows["paid_at"].dt.date <= rows["due_on"])[odd].all()
