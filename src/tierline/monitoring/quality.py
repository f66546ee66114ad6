"""The quality of the portfolio as one long table.

Belongs here: buckets, five-category classes, stages, provisions, roll rates and vintages from loan states. Does not
belong here: loan states (``book``), the PSI (``drift``), any threshold (``thresholds.yaml``).
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from tierline.monitoring.thresholds import Bands, Thresholds, load_thresholds
from tierline.parquet import conform
from tierline.schemas import PUBLISHED

CENTS = 100
CLOSED, UNKNOWN = "closed", "unknown_schedule"
Row = tuple[str, str, str, float, int]  # dimension, member, metric, value, loans


def portfolio_quality(
    state: pd.DataFrame,
    as_of: date,
    previous: pd.DataFrame | None = None,
    drift: pd.DataFrame | None = None,
    migration: pd.DataFrame | None = None,
    thresholds: Thresholds | None = None,
) -> pa.Table:
    """The table ``portfolio_quality`` of ``as_of``, sorted by key; money in yuan, shares as fractions.

    ``state`` is ``book.loan_state`` at as_of; ``previous`` the same at the end of the month before, for roll rates;
    ``drift`` is ``drift.drift_frame``, ``migration`` is ``tiers.tier_migration``. What is not given has no rows. Every
    band has a row, also when it is empty.

    - bucket / five_category / stage: ``balance`` and ``balance_share`` of open loans; bucket also ``closed`` (count)
      and ``unknown_schedule`` (``principal`` of loans that cannot be aged); five_category also ``non_performing``.
    - provision: ``required_<table>`` per class, ``general`` and ``total``.
    - roll_rate ``A->B``: share of the balance that stood in bucket A at the end of the previous month and stands in B
      now, weighted by the balance then. Shares from one bucket sum to 1.
    - vintage ``2025Q1@06``: share of the loans of a quarter, observed for 6 months, that were ever 90 DPD by then.
    - drift: ``psi`` and ``p_value``.
    - tier_migration ``B->C``: ``customers_share`` of those in tier B in the release before that are in C now; ``loans``
      counts the customers.
    """
    rules = thresholds or load_thresholds()
    rows = [
        *_bucket_rows(state, rules),
        *_class_rows(state, rules),
        *_band_rows("stage", _open(state), rules.stages),
        *_provision_rows(state, rules),
        *_vintage_rows(state, as_of, rules),
    ]
    if previous is not None:
        rows += _roll_rows(previous, state, rules)
    if drift is not None:
        rows += _drift_rows(drift)
    if migration is not None:
        rows += _migration_rows(migration)
    frame = pd.DataFrame(rows, columns=["dimension", "member", "metric", "value", "loans"])
    return _table(frame.assign(as_of=as_of))


def _table(frame: pd.DataFrame) -> pa.Table:
    contract = PUBLISHED["portfolio_quality"]
    fields = [contract[name].arrow_field for name in frame.columns]
    return conform(pa.Table.from_pandas(frame, schema=pa.schema(fields), preserve_index=False), contract)


def band_codes(dpd: pd.Series, bands: Bands) -> pd.Series:
    """The code of the band of each DPD; the DPD must be known."""
    starts = [band.from_dpd for band in bands.bands]
    place = np.searchsorted(starts, dpd.to_numpy(dtype=np.int64), side="right") - 1
    return pd.Series(np.array(bands.codes, dtype=object)[place], index=dpd.index, dtype=object)


def _open(state: pd.DataFrame) -> pd.DataFrame:
    """Loans with a balance or an arrear and a known schedule."""
    return state[state["is_open"] & state["schedule_known"]]


def _band_rows(dimension: str, loans: pd.DataFrame, bands: Bands) -> list[Row]:
    codes = band_codes(loans["dpd"], bands)
    balances = loans["outstanding"].groupby(codes).agg(["sum", "size"]).reindex(bands.codes, fill_value=0)
    whole = int(balances["sum"].sum())
    rows: list[Row] = []
    for code, (cents, count) in zip(bands.codes, balances.astype("int64").to_numpy().tolist(), strict=True):
        rows.append((dimension, code, "balance", cents / CENTS, count))
        rows.append((dimension, code, "balance_share", cents / whole if whole else 0.0, count))
    return rows


def _bucket_rows(state: pd.DataFrame, rules: Thresholds) -> list[Row]:
    unknown = state[~state["schedule_known"]]
    return [
        *_band_rows("bucket", _open(state), rules.buckets),
        ("bucket", CLOSED, "balance", 0.0, int((~state["is_open"]).sum())),
        ("bucket", UNKNOWN, "principal", int(unknown["principal"].sum()) / CENTS, len(unknown)),
    ]


def _class_rows(state: pd.DataFrame, rules: Thresholds) -> list[Row]:
    rows = _band_rows("five_category", _open(state), rules.five_category)
    for metric in ("balance", "balance_share"):
        bad = [row for row in rows if row[1] in rules.five_category.non_performing and row[2] == metric]
        rows.append(("five_category", "non_performing", metric, sum(row[3] for row in bad), sum(row[4] for row in bad)))
    return rows


def _provision_rows(state: pd.DataFrame, rules: Thresholds) -> list[Row]:
    table, metric = rules.provisions.table, f"required_{rules.provisions.selected}"
    balances = {row[1]: row for row in _band_rows("", _open(state), rules.five_category) if row[2] == "balance"}
    loans = sum(row[4] for row in balances.values())
    required = {code: balances[code][3] * rate for code, rate in table.by_class.items()}
    general = sum(row[3] for row in balances.values()) * table.general
    rows: list[Row] = [("provision", code, metric, value, balances[code][4]) for code, value in required.items()]
    rows.append(("provision", "general", metric, general, loans))
    rows.append(("provision", "total", metric, general + sum(required.values()), loans))
    return rows


def _roll_rows(previous: pd.DataFrame, state: pd.DataFrame, rules: Thresholds) -> list[Row]:
    """From each bucket at the end of the previous month to where the balance stands now; open loans of then only."""
    before = _open(previous).set_index("loan_id")
    now = state.set_index("loan_id").reindex(before.index)
    target = pd.Series(CLOSED, index=before.index, dtype=object)  # settled, or void by a later version
    still_open = now["is_open"].eq(True) & now["schedule_known"].eq(True)  # a missing loan is neither
    target[still_open] = band_codes(now.loc[still_open, "dpd"], rules.buckets)
    source = band_codes(before["dpd"], rules.buckets)
    moved = before["outstanding"].astype("int64").groupby([source, target]).agg(["sum", "size"]).sort_index()
    whole = moved["sum"].groupby(level=0).sum()
    return [
        ("roll_rate", f"{start}->{end}", "balance_share", cents / int(whole[start]), count)
        for (start, end), (cents, count) in zip(moved.index.tolist(), moved.to_numpy().tolist(), strict=True)
        if whole[start]
    ]


def _vintage_rows(state: pd.DataFrame, as_of: date, rules: Thresholds) -> list[Row]:
    """Only loans old enough to have been watched for the whole age count, so that young ones do not flatter it."""
    loans = state[state["schedule_known"]]
    quarter = loans["originated_on"].dt.to_period("Q").astype(str)
    rows: list[Row] = []
    for age in rules.vintages.months_on_book:
        ends = loans["originated_on"] + pd.DateOffset(months=age)
        watched = ends <= pd.Timestamp(as_of)
        bad = (loans["default_on"] <= ends)[watched].groupby(quarter[watched]).agg(["mean", "size"]).sort_index()
        for cohort, (share, count) in zip(bad.index.tolist(), bad.to_numpy().tolist(), strict=True):
            rows.append(("vintage", f"{cohort}@{age:02d}", "ever_90_share", float(share), int(count)))
    return rows


def _drift_rows(drift: pd.DataFrame) -> list[Row]:
    return [
        ("drift", str(member), metric, float(value), int(customers))
        for member, psi, p_value, customers in drift[["member", "psi", "p_value", "customers"]].to_numpy().tolist()
        for metric, value in (("psi", psi), ("p_value", p_value))
    ]


def _migration_rows(migration: pd.DataFrame) -> list[Row]:
    return [
        ("tier_migration", f"{before}->{now}", "customers_share", float(share), int(customers))
        for before, now, customers, share in migration[["before", "now", "customers", "share"]].to_numpy().tolist()
    ]
