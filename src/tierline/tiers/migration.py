"""How customers moved between tiers since the release before.

Belongs here: the matrix. Does not belong here: its rows in ``portfolio_quality`` (``monitoring``), its chart.
"""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

ENTERED, LEFT = "new", "gone"


def tier_migration(previous: pa.Table | None, scores: pa.Table) -> pd.DataFrame:
    """Customers by last night's tier and tonight's: before, now, customers, share; sorted by before and now.

    Both tables have customer_key and tier. Who was not there before comes from ``new``, who is not there now went to
    ``gone``; ``share`` is of the customers of ``before``, so shares from one tier sum to 1. Empty without a previous
    release.
    """
    columns = ["before", "now", "customers", "share"]
    if previous is None:
        return pd.DataFrame(columns=columns)
    now = scores.select(["customer_key", "tier"]).rename_columns(["customer_key", "now"])
    both = now.join(
        previous.select(["customer_key", "tier"]).rename_columns(["customer_key", "before"]),
        "customer_key",
        join_type="full outer",
    )
    counted = both.group_by(["before", "now"]).aggregate([([], "count_all")]).to_pandas()
    counted = counted.rename(columns={"count_all": "customers"})
    frame = counted.assign(before=counted["before"].fillna(ENTERED), now=counted["now"].fillna(LEFT))
    frame["share"] = frame["customers"] / frame.groupby("before")["customers"].transform("sum")
    ordered: pd.DataFrame = frame[columns].sort_values(["before", "now"], ignore_index=True)
    return ordered
