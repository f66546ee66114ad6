"""Two ways to decide one night, held against each other.

Belongs here: figures by tier, region, segment, partner, rate and constraint, before and after, and the customers whose
decision changes. Does not belong here: how either came about (``decide``), charts (``reporting``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tierline.whatif.book import Book

DIMENSIONS = ("tier", "region", "segment", "partner", "rate")
DECIDED = ("tier", "credit_limit", "partner", "own", "rate")
_SUMS = ("customers", "exposure", "exposure_at_default", "expected_loss", "economic_capital", "profit", "income")


@dataclass(frozen=True)
class Difference:
    """``figures``: dimension, member, metric, before, after, change; ``customers``: whose decision changes.

    ``customers`` has customer_key, segment, region and of each of ``DECIDED`` the value before and after; it is empty
    if nothing changes. ``figures`` lists everything, changed or not.
    """

    figures: pd.DataFrame
    customers: pd.DataFrame

    @property
    def changed(self) -> pd.DataFrame:
        """The figures that change."""
        return self.figures[self.figures["change"] != 0].reset_index(drop=True)


def compare(before: Book, after: Book) -> Difference:
    """Hold two decisions on the same customers against each other.

    Customers are counted in the tier, partner and rate that each side gave them; ``customers_up`` and
    ``customers_down`` (limit higher, lower) in those of the side before. Raises ``ValueError`` if the customers differ.
    """
    if not before.customers["customer_key"].equals(after.customers["customer_key"]):
        raise ValueError("what-if: the two sides decide on different customers")
    parts = [_figures(before, after, "book")]
    parts += [_figures(before, after, dimension) for dimension in DIMENSIONS]
    parts.append(_constraints(before, after))
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(change=table["after"] - table["before"])
    return Difference(table, _customers(before.customers, after.customers))


def _figures(before: Book, after: Book, dimension: str) -> pd.DataFrame:
    sides = {"before": _grouped(before.customers, dimension), "after": _grouped(after.customers, dimension)}
    step = np.sign(after.customers["credit_limit"] - before.customers["credit_limit"])
    moved = before.customers.assign(customers_up=step > 0, customers_down=step < 0)
    counts = moved.groupby(_by(moved, dimension))[["customers_up", "customers_down"]].sum()
    sides["after"] = sides["after"].join(counts.astype(float), how="outer")
    sides["before"] = sides["before"].assign(customers_up=0.0, customers_down=0.0)
    tall = [pd.Series(side.stack(), name=name) for name, side in sides.items()]
    joined = pd.concat(tall, axis=1).fillna(0.0).reset_index()
    joined.columns = pd.Index(["member", "metric", "before", "after"])
    return joined.assign(dimension=dimension)[["dimension", "member", "metric", "before", "after"]].sort_values(
        ["member", "metric"], ignore_index=True
    )


def _by(customers: pd.DataFrame, dimension: str) -> pd.Series:
    if dimension == "book":
        return pd.Series("book", index=customers.index)
    if dimension == "rate":
        return _rate_band(customers["rate"])
    named: pd.Series = customers[dimension].astype(str)
    return named


def _rate_band(rate: pd.Series) -> pd.Series:
    """The whole per cent that a rate starts with, as text; ``none`` where there is no limit and so no rate."""
    low = np.floor(rate.fillna(0) * 100 + 1e-9).astype(int)
    band: pd.Series = low.map("{:02d} %".format).where(rate.notna(), "none")
    return band


def _grouped(customers: pd.DataFrame, dimension: str) -> pd.DataFrame:
    """Sums, RAROC and mean rate per member; a member without capital has RAROC 0."""
    served = customers.assign(customers=(customers["credit_limit"] > 0).astype(float))
    sums = served.groupby(_by(served, dimension))[list(_SUMS)].sum()
    capital, exposure = sums["economic_capital"], sums["exposure_at_default"]
    return sums.assign(
        raroc=np.where(capital > 0, (sums["profit"] + sums["income"]) / capital.where(capital > 0, 1.0), 0.0),
        mean_rate=0.0
        if exposure.empty
        else (served["rate"].fillna(0) * served["exposure_at_default"]).groupby(_by(served, dimension)).sum()
        / exposure.where(exposure > 0, 1.0),
    ).drop(columns="income")


def _constraints(before: Book, after: Book) -> pd.DataFrame:
    """Use, bound and shadow price of each constraint of the portfolio; 0 where one side does not have it."""
    sides = []
    for name, book in (("before", before), ("after", after)):
        table = book.constraints.set_index(["constraint", "member"])[["used", "bound", "shadow_price"]]
        sides.append(pd.Series(table.stack(), name=name))
    joined = pd.concat(sides, axis=1).fillna(0.0).reset_index()
    joined.columns = pd.Index(["constraint", "of", "metric", "before", "after"])
    member = joined["constraint"] + ":" + joined["of"]
    return joined.assign(dimension="constraint", member=member)[["dimension", "member", "metric", "before", "after"]]


def _customers(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    columns = {"customer_key": before["customer_key"], "segment": before["segment"], "region": before["region"]}
    changed = pd.Series(False, index=before.index)
    for name in DECIDED:
        one, other = before[name], after[name]
        changed |= (one != other) & ~(one.isna() & other.isna())
        columns |= {f"{name}_before": one, f"{name}_after": other}
    return pd.DataFrame(columns)[changed].reset_index(drop=True)
