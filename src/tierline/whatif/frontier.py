"""The efficient frontier of volume against return.

Belongs here: the night decided with more and more worth put on volume. Does not belong here: the portfolio itself.

Every yuan of exposure is given an extra worth by raising every rate the portfolio sees by the same figure; what is
reported is profit without it. A programme that is linear has a concave frontier, so each figure finds a corner of it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tierline.decide import Case, decide, funding_inputs, limit_stage, price_stage, tier_stage
from tierline.funding import fund_portfolio
from tierline.policy import Policy
from tierline.whatif.book import book_of

COLUMNS = ("step", "volume_value", "exposure", "profit", "raroc", "economic_capital")


def frontier(case: Case, policy: Policy, steps: int) -> pd.DataFrame:
    """The table ``frontier``: points in order of volume. ``steps``: how many worths of volume are tried.

    The worths run from minus the best margin of the night's customers, where hardly any is served, to plus as much.
    """
    known = case.known
    scores, prices = tier_stage(case.scored, known, policy), price_stage(known, policy)
    wanted = limit_stage(case.inputs, scores, prices, known, policy)
    margins = book_of(case, decide(case, policy), policy).customers
    served = margins[margins["exposure_at_default"] > 0]
    if served.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    margin = (served["profit"] / served["exposure_at_default"]).to_numpy()
    worths = np.r_[-np.quantile(margin, np.linspace(0.95, 0.05, steps - 2)), 0.0, float(np.abs(margin).max())]
    rows = []
    for worth in np.unique(worths):
        raised = _raised(prices, float(worth))
        measures = fund_portfolio(funding_inputs(wanted, case.inputs, raised, known), policy).customers.to_pandas()
        exposed, capital = float(measures["exposure_at_default"].sum()), float(measures["economic_capital"].sum())
        profit = float(measures["profit"].sum()) - float(worth) * exposed
        earned = profit + policy.pricing.hurdle_rate * capital
        limit = float(measures["credit_limit"].sum())
        rows.append((worth, limit, profit, earned / capital if capital else 0.0, capital))
    frame = pd.DataFrame(rows, columns=list(COLUMNS[1:])).sort_values("exposure", ignore_index=True)
    return frame.drop_duplicates("exposure").reset_index(drop=True).reset_index(names="step").astype({"step": "int32"})


def _raised(prices: pa.Table, by: float) -> pa.Table:
    """Prices whose rates are higher by ``by``; only the portfolio's view of what a customer earns."""
    index = prices.column_names.index("annual_rate")
    return prices.set_column(index, prices.schema.field(index), pc.add(prices.column("annual_rate"), by))
