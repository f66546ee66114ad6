"""What was published, in a few tables a person can read.

Belongs here: figures over one snapshot and its model. Does not belong here: printing them (``console``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from tierline.models import BundleCard, ModelBundle
from tierline.publishing import Snapshot

Row = tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """One table of the summary."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Row]


def published_rows(snapshot: Snapshot) -> Section:
    """Rows and size of every published table."""
    rows = [
        (name, f"{entry.rows:,}", f"{entry.bytes / 1024:,.0f} KiB")
        for name, entry in sorted(snapshot.manifest.tables.items())
    ]
    return Section("published tables", ("table", "rows", "size"), rows)


def tier_table(snapshot: Snapshot) -> Section:
    """Per tier: customers, mean PD, mean limit and total limit, drawn balance, rates over the terms offered."""
    scores = _numbers(snapshot.read("scores").select(["customer_key", "tier", "pd_12m"]))
    limits = _numbers(snapshot.read("credit_limits").select(["customer_key", "credit_limit", "drawn_balance"]))
    prices = _numbers(snapshot.read("pricing").select(["tier", "annual_rate", "offered"]))
    joined = scores.merge(limits, on="customer_key", validate="one_to_one")
    rows = [_tier_row(tier, group, prices[prices["tier"] == tier]) for tier, group in joined.groupby("tier")]
    rows.append(_tier_row("all", joined, prices))
    columns = ("tier", "customers", "mean PD", "with limit", "mean limit", "total limit", "drawn", "annual rate")
    return Section("tiers", columns, rows)


def action_table(snapshot: Snapshot) -> Section:
    """Customers per action."""
    actions = snapshot.read("credit_limits").column("action").to_pandas().value_counts().sort_index()
    return Section("actions", ("action", "customers"), [(str(name), f"{count:,}") for name, count in actions.items()])


def funding_table(snapshot: Snapshot) -> Section:
    """Amount and share per funder."""
    frame = _numbers(snapshot.read("funding_allocation").select(["funder_id", "customer_key", "amount"]))
    total = frame["amount"].sum()
    rows = [
        (str(funder), f"{group['customer_key'].nunique():,}", f"{group['amount'].sum():,.0f}", _share(group, total))
        for funder, group in frame.groupby("funder_id")
    ]
    return Section("funding", ("funder", "customers", "amount", "share"), rows)


def model_lines(bundle: ModelBundle) -> list[str]:
    """Out-of-time figures of the model in use, with what they were measured on."""
    card, metrics = bundle.card, bundle.card.metrics
    test = card.slices["test"]
    observed = f"on {test['first']}" if test["first"] == test["last"] else f"{test['first']} to {test['last']}"
    lines = [
        f"model {bundle.model_id}: tested out of time on {test['rows']:,} customers observed {observed},"
        f" {test['defaults']:,} of them defaulted",
        f"  AUC      {_interval(card, 'auc')}   Gini {metrics['gini']:.3f}   KS {metrics['ks']:.3f}",
        f"  logistic {_interval(card, 'logistic_auc')}   (plain logistic regression, same rows, same features)",
        f"  log-loss {metrics['log_loss']:.4f} (logistic {metrics['logistic_log_loss']:.4f})   Brier"
        f" {metrics['brier']:.4f}   ECE {metrics['ece']:.4f}   calibration slope {metrics['calibration_slope']:.2f}",
        f"  mean PD {metrics['mean_pd']:.2%} against {metrics['test_default_rate']:.2%} observed",
    ]
    if "unseen_gini" in metrics:
        unseen = f"{metrics['unseen_rows']:,.0f}"
        lines.append(f"  Gini of the {unseen} customers no learning row belongs to: {metrics['unseen_gini']:.3f}")
    return lines


def _interval(card: BundleCard, name: str) -> str:
    low, high = card.intervals[name]
    return f"{card.metrics[name]:.3f} [{low:.3f}, {high:.3f}]"


def _share(group: pd.DataFrame, total: float) -> str:
    return f"{group['amount'].sum() / total:.1%}" if total else "–"


def _tier_row(tier: object, group: pd.DataFrame, prices: pd.DataFrame) -> Row:
    rates = prices.loc[prices["offered"], "annual_rate"]
    rate = f"{rates.min():.2%} – {rates.max():.2%}" if len(rates) else "not offered"
    granted = group.loc[group["credit_limit"] > 0, "credit_limit"]
    return (
        str(tier),
        f"{len(group):,}",
        f"{group['pd_12m'].mean():.2%}",
        f"{len(granted):,}",
        f"{granted.mean():,.0f}" if len(granted) else "–",
        f"{group['credit_limit'].sum():,.0f}",
        f"{group['drawn_balance'].sum():,.0f}",
        rate,
    )


def _numbers(table: pa.Table) -> pd.DataFrame:
    """Money as float: for people, not for accounts."""
    frame: pd.DataFrame = table.to_pandas()
    for field in table.schema:
        if pa.types.is_decimal(field.type):
            frame[field.name] = frame[field.name].astype(float)
    return frame
