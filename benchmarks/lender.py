"""The simulated lender, out of time, beside the truth: ``make bench SECTION=model QUALITY=lender``.

Belongs here: the nightly training of a simulated book, and its test rows set beside the true PD and the goals. Does not
belong here: peers (``rivals``), or how a training works.

``LENDER_CUSTOMERS`` and ``LENDER_SEED`` choose the world (by default the scale's customers and the simulator's seed). A
home is made once, below ``benchmarks/.lakes``: landing zone, lake and truth.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.timing import Job, alone
from tierline.calibration import figures
from tierline.home import Home, make_directory
from tierline.ingest import ingest_through
from tierline.ingest.pseudonyms import DEMO_KEY, pseudonymise
from tierline.models import ModelBundle
from tierline.months import months_before
from tierline.night import open_night
from tierline.policy import load_policy
from tierline.sources.simulated import SimulationSpec, simulate
from tierline.sources.simulated.columns import numbered
from tierline.sources.simulated.tables import CUSTOMER_PREFIX
from tierline.sources.simulated.true_pd import true_pd
from tierline.sources.simulated.truth import gini_beside_truth, read_truth
from tierline.sources.simulated.world import make_world
from tierline.training import TrainingConfig, TrainingRequest, train_bundle

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
HERE = Path(__file__).parent
CUSTOMERS = {"small": 15_000, "100k": 100_000, "1m": 500_000}
SIGNIFICANCE = 0.01


def run(scale: str) -> list[str]:
    """Markdown lines: the goals' table, the tiers, and what the truth itself reaches on the same rows."""
    given = {"customers": int(os.environ.get("LENDER_CUSTOMERS") or CUSTOMERS[scale])}
    if os.environ.get("LENDER_SEED"):
        given["seed"] = int(os.environ["LENDER_SEED"])
    spec = SimulationSpec(**given)
    root = HERE / ".lakes" / f"lender-{spec.customers}-{spec.seed}"
    make_home(root, spec)
    made = root / "bench"
    _, peak = alone(Job(train, {"root": root, "made": made}))
    bundle = ModelBundle.load(Path((made / "newest").read_text(encoding="utf-8")))
    return [
        f"## Simulated lender, {spec.customers:,} customers, seed {spec.seed}",
        "",
        *goals(bundle, root / "truth", peak),
        "",
        *tiers(bundle),
        "",
        *truths(bundle, root, spec),
        "",
    ]


def make_home(root: Path, spec: SimulationSpec) -> None:
    """Simulate and ingest; nothing is done where the lake stands."""
    done = root / "made"
    if done.exists():
        return
    home = Home(root.resolve())
    simulate(spec, home.landing, home.root / "truth")
    night = open_night(root)
    ingest_through(night.home, night.settings, night.as_of)
    done.touch()


def train(root: Path, made: Path) -> None:
    """The training of the first night, as the pipeline runs it; the bundle's directory is written to ``newest``."""
    night = open_night(root)
    request = TrainingRequest(
        lake=night.lake,
        source=night.info.name,
        first_day=night.info.first_day,
        as_of=night.as_of,
        observation=night.info.observation,
        context=night.context,
        tier_bounds=load_policy(night.policy_name, night.effective_on).scale.tier_bounds,
    )
    bundle = train_bundle(request, TrainingConfig())
    make_directory(made)
    (made / "newest").write_text(str(bundle.save(made).absolute()), encoding="utf-8")


def goals(bundle: ModelBundle, truth: Path, peak: float) -> list[str]:
    """Each goal beside what was measured."""
    card, beside = bundle.card, gini_beside_truth(bundle.test_rows.to_pandas(), truth)
    measured, ends = card.metrics, card.intervals
    rejected = [row for row in card.reliability if row["grouping"] == "tier" and _rejects(row)]
    shown = ", ".join(str(row["tier"]) for row in rejected) or "none"
    level = f"{measured['mean_pd']:.2%} against {measured['test_default_rate']:.2%}"
    rows = [
        ("test rows, defaults", "", f"{beside.rows:,}, {beside.bads:,}"),
        ("Gini, share of the true PD's", "≥ 90 %", f"{beside.model_ratio:.1%} of {beside.true_gini:.3f}"),
        ("calibration slope", "0.95 – 1.05", _within(measured, ends, "calibration_slope", 1, "")),
        ("ECE", "≤ 0.3 pp", _within(measured, ends, "ece", 100, " pp")),
        ("tiers rejected at 1 % (Jeffreys, overlap-aware)", "none", shown),
        ("mean PD against observed", "", level),
        ("AUC", "", _within(measured, ends, "auc", 1, "")),
        ("leaves, trees", "", f"{card.training['num_leaves']}, {card.training['trees']}"),
        ("peak memory of the training, panel included", "< 8 GiB", f"{peak:.1f} GiB"),
    ]
    return ["| | goal | measured |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]


def _rejects(row: Mapping[str, str | int | float | None]) -> bool:
    return float(row["jeffreys_p_overlap"] or 0.0) < SIGNIFICANCE


def _within(
    measured: Mapping[str, float], ends: Mapping[str, tuple[float, float]], name: str, unit: float, sign: str
) -> str:
    low, high = ends[name]
    return f"{unit * measured[name]:.3f} [{unit * low:.3f}, {unit * high:.3f}]{sign}"


def tiers(bundle: ModelBundle) -> list[str]:
    """Level of each tier with the overlap-aware test."""
    lines = ["| tier | rows | defaults | mean PD, % | observed, % | Jeffreys p |", "|---|---|---|---|---|---|"]
    for row in bundle.card.reliability:
        if row["grouping"] == "tier":
            level = [100 * float(row[name] or 0.0) for name in ("mean_pd", "observed")]
            cells = [str(row["tier"]), f"{row['rows']:,}", f"{row['defaults']:,}", *(f"{value:.2f}" for value in level)]
            cells.append(f"{float(row['jeffreys_p_overlap'] or 0.0):.3f}")
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def truths(bundle: ModelBundle, root: Path, spec: SimulationSpec) -> list[str]:
    """What the true PD reaches on the test rows: as it is, and as if the economy went on as in the calibrated windows.

    The second knows every customer to the bone, and nothing of the year ahead: no model without a forecast can be
    expected to hold its level better.
    """
    rows = bundle.test_rows.to_pandas()
    day = pd.Timestamp(rows["as_of"].iloc[0])
    known = read_truth(root / "truth")
    known = known[known["month_end"] == day]
    ids = known["customer_id"].map(lambda value: pseudonymise(value, DEMO_KEY))
    there = pd.Series(known["true_pd_12m"].to_numpy(), index=ids).reindex(rows["customer_key"]).to_numpy()
    y, learned = rows["defaulted"].to_numpy(dtype=bool), bundle.card.slices["calibrate"]
    months = pd.period_range(str(learned["first"]), str(learned["last"]), freq="M")
    back = [(day.to_period("M") - month).n for month in months]
    lines = ["| true PD on the test rows | Gini | slope | ECE, pp | mean, % |", "|---|---|---|---|---|"]
    named = {
        "with the economy of the year ahead": there,
        "with that of the calibrated windows": older(spec, rows, back),
    }
    for name, pd_12m in named.items():
        found = figures(pd_12m, y, np.ones(len(y)))
        cells = [
            f"{found['gini']:.3f}",
            f"{found['slope']:.3f}",
            f"{100 * found['ece']:.2f}",
            f"{100 * pd_12m.mean():.2f}",
        ]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return lines


def older(spec: SimulationSpec, rows: pd.DataFrame, back: list[int]) -> Floats:
    """Mean true PD of the rows under the economies that began each of ``back`` months earlier."""
    world = make_world(spec)
    day = pd.Timestamp(rows["as_of"].iloc[0])
    first = pd.Timestamp(months_before(spec.as_of, spec.months)) + pd.Timedelta(days=1)
    month = (day.year - first.year) * 12 + day.month - first.month
    keys = [
        pseudonymise(str(value), DEMO_KEY)
        for value in numbered(CUSTOMER_PREFIX, np.arange(spec.customers) + 1).to_pylist()
    ]
    found = []
    for months in back:
        laws = [world.laws[max(index - months, 0)] for index in range(len(world.laws))]
        whole = true_pd(world.paths, laws, [month], [spec.customers])[0]
        found.append(pd.Series(whole, index=keys).reindex(rows["customer_key"]).to_numpy())
    mean: Floats = np.mean(found, axis=0)
    return mean
